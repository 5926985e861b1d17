"""What every reader needs: the file opened, its claims checked, its values in a type we keep."""

import contextlib
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from zoo.data.examples import DTYPES, Rejected

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20  # of an image, and of a volume that has to be unpacked
ALPHA = "alpha channel dropped"
# Micrometres in the units that files give.
MICROMETRES = {
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns", "micrometer", "\\u00B5m"), 1.0),
    **{"pm": 1e-6, "Å": 1e-4, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "meter": 1e6},
    **{"inch": 25_400.0, "in": 25_400.0},
}


def in_micrometres(sides: Sequence[Any], unit: float) -> tuple[float, float] | None:
    """A pixel's (y, x) from its sides in a unit of so many micrometres, if they can be true."""
    found = [float(f"{float(side) * unit:.7g}") for side in sides]
    if len(found) != 2 or not all(0 < side < math.inf for side in found):
        return None
    return found[0], found[1]


@contextlib.contextmanager
def opened(content: Path | bytes) -> Iterator[BinaryIO]:
    """A file or its bytes, to read.

    Raises:
        zoo.data.examples.Rejected: If it is a pipe or a device, whose reading might never end.
    """
    if isinstance(content, Path) and content.exists() and not content.is_file():
        raise Rejected("no regular file")
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        yield file


def read_whole(content: Path | bytes) -> bytes:
    """All bytes of a file.

    Raises:
        zoo.data.examples.Rejected: If they are more than is read at once.
    """
    if isinstance(content, bytes):
        return content
    check_bytes(content.stat().st_size)
    return content.read_bytes()


def length(file: BinaryIO) -> int:
    """How many bytes an open file has; it is put back to its start."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def check_area(width: int, height: int, pixel_bytes: int = 1) -> None:
    """Check what an image claims, before memory is taken for it.

    Raises:
        zoo.data.examples.Rejected: If it has no area, or is larger than is read.
    """
    if width < 1 or height < 1:
        raise Rejected(f"zero area: {width}×{height} pixels")
    if width * height > MAX_PIXELS:
        raise Rejected(f"claims {width}×{height} pixels, more than {MAX_PIXELS:,}")
    check_bytes(width * height * pixel_bytes)


def check_bytes(claimed: int) -> None:
    """Check how much memory an image or a volume would take.

    Raises:
        zoo.data.examples.Rejected: If it is more than is read at once.
    """
    if claimed > MAX_BYTES:
        raise Rejected(f"claims {claimed:,} bytes unpacked, more than {MAX_BYTES:,}")


def check_channels(count: int, wanted: tuple[int, ...] | None) -> None:
    """Check that a choice of channels is there where it is needed, and can be met.

    Raises:
        zoo.data.examples.Rejected: If not.
    """
    if wanted is None and count > 4:
        raise Rejected(f"has {count} channels; choose up to 4, as in --channels 0,1,2")
    if wanted is not None and (beyond := [index for index in wanted if index >= count]):
        raise Rejected(f"has {count} channels, from 0: no --channels {beyond[0]}")


def pick(pixels: npt.NDArray[Any], wanted: tuple[int, ...] | None) -> npt.NDArray[Any]:
    """The wanted channels of an (H, W, C) image."""
    check_channels(pixels.shape[-1], wanted)
    return pixels if wanted is None else pixels[..., list(wanted)]


def rescaled(
    pixels: npt.NDArray[Any], slope: float, intercept: float, limits: tuple[int, int]
) -> npt.NDArray[Any]:
    """Values times slope plus intercept, in a type that depends on the header alone.

    Args:
        pixels: Stored values.
        slope: As the file says.
        intercept: As the file says.
        limits: Lowest and highest value that can be stored; for float values of no effect.

    Returns:
        An integer type that holds every possible value, where slope and intercept are whole
        numbers; else float32.
    """
    if pixels.dtype.kind in "iu" and slope == int(slope) and intercept == int(intercept):
        low, high = sorted(int(value * slope + intercept) for value in limits)
        for dtype in (np.uint8, np.uint16, np.int16, np.int32):
            if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
                return (pixels.astype(np.int64) * int(slope) + int(intercept)).astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused later
        return (pixels * np.float64(slope) + intercept).astype(np.float32)


def settled(pixels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], str]:
    """An image in a type that is kept, in the machine's byte order, and what that changed.

    Raises:
        zoo.data.examples.Rejected: If no type that is kept can hold the values.
    """
    kind, size = pixels.dtype.kind, pixels.dtype.itemsize
    if kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255), ""
    if pixels.dtype.name in DTYPES:
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False), ""
    if kind == "i" and size == 1:
        return pixels.astype(np.int16), ""
    if kind in "iu":
        return _as_int32(pixels), ""
    if kind == "f":
        with np.errstate(over="ignore"):
            small = pixels.astype(np.float32)
        return small, f"{8 * size}-bit floats rounded to 32 bits" if size > 4 else ""
    raise Rejected(f"pixels are {pixels.dtype}, no numbers of a kind that is read")


def _as_int32(pixels: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    limits = np.iinfo(np.int32)
    if pixels.size and (int(pixels.min()) < limits.min or int(pixels.max()) > limits.max):
        raise Rejected(f"{pixels.dtype} values beyond {limits.min:,} to {limits.max:,}")
    return pixels.astype(np.int32)
