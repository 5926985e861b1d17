"""The real images nearest to generated ones, by difference of pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.errors import ZooError
from zoo.metrics.features import squared_distances, to_uint8

BLOCK_VALUES = 8_000_000


def nearest(fakes: npt.NDArray[np.uint8], images: ImageSet) -> list[dict[str, Any]]:
    """For each generated image the nearest image of a set, usually the training images.

    The distance is the root mean square difference of pixels in grey levels (0 to 255), without
    shift or rotation: a small one proves a copy, a large one proves nothing.

    Args:
        fakes: (n, H, W, C) uint8.
        images: Images of the same size, read in blocks.

    Returns:
        One mapping for each of `fakes`: `fake` (its row), `id` and `position` of the image in
        `images`, and `distance`.

    Raises:
        zoo.errors.ZooError: If the sizes differ or `images` is empty.
    """
    if fakes.shape[1:] != images.shape[1:] or not len(images):
        raise ZooError(f"no images of {fakes.shape[1:]} to compare with in {images.name}")
    generated = _flat(fakes)
    least = np.full(len(fakes), np.inf)
    position = np.zeros(len(fakes), np.int64)
    size = max(1, BLOCK_VALUES // generated.shape[1])
    for start in range(0, len(images), size):
        distances = squared_distances(generated, _flat(images[start : start + size]))
        block_least = distances.min(axis=1)
        closer = block_least < least
        least[closer] = block_least[closer]
        position[closer] = start + distances.argmin(axis=1)[closer]
    return [
        {"fake": row, "id": str(images.ids[at]), "distance": float(distance), "position": int(at)}
        for row, (at, distance) in enumerate(
            zip(position, np.sqrt(least / generated.shape[1]), strict=True)
        )
    ]


def _flat(images: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return to_uint8(images).reshape(len(images), -1).astype(np.float64)
