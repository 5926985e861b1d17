"""One source image with its facts, or the reason why it was set aside."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import ZooError

DTYPES = ("uint8", "uint16", "int16", "int32", "float32")


class Rejected(ZooError):
    """A file that is set aside; the message is the reason. The rest goes on."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """What was set aside, and why.

    Attributes:
        file: Path inside the archive or folder, or the example's id.
        reason: One line.
    """

    file: str
    reason: str


def check_image(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An image as (H, W, C), C from 1 to 4.

    Raises:
        Rejected: If it is not uint8, uint16, int16, int32 or finite float32, or has no area.
    """
    if image.dtype.name not in DTYPES:
        raise Rejected(f"pixels are {image.dtype}, not {', '.join(DTYPES)}")
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or not 1 <= image.shape[2] <= 4:
        raise Rejected(f"shape {image.shape} is not H×W×C with 1 to 4 channels")
    if 0 in image.shape:
        raise Rejected(f"zero area: {image.shape[1]}×{image.shape[0]} pixels")
    if image.dtype.kind == "f" and (bad := image.size - int(np.isfinite(image).sum())):
        raise Rejected(f"NaN or infinite in {bad:,} of {image.size:,} values")
    return image
