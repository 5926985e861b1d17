"""NPY arrays, and NPZ archives of one array: (H, W), (H, W, C), (n, H, W) or (n, H, W, C).

Three axes are one image if the last is 1 to 4 long, else a stack; four are always a stack.
"""

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from zoo.data.archive import check_entry
from zoo.data.examples import Rejected
from zoo.data.formats.pixels import check_area, check_bytes, length, opened, pick
from zoo.data.frames import Frame, Reading, planes

NAMED = ("images.npy", "image.npy")


def frames(content: Path | bytes, name: str, reading: Reading) -> Iterator[Frame]:
    """The image, or the images of a stack along `z`, read one at a time.

    Raises:
        zoo.data.examples.Rejected: If it holds objects instead of numbers, is shorter than it
            claims, or of a shape that is no image.
    """
    with opened(content) as file:
        magic = file.read(2)
        size = length(file)
        if magic != b"PK":
            yield from _images(file, size, reading)
            return
        with _opened_zip(file) as archive:
            entry = _array(archive)
            with archive.open(entry) as member:
                yield from _images(member, entry.file_size, reading)


def encoding(content: Path | bytes) -> tuple[str, bool]:
    """Name of the format, and that nothing is lost."""
    with opened(content) as file:
        return ("NPZ" if file.read(2) == b"PK" else "NPY"), False


def _opened_zip(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise Rejected("no zip archive, or truncated") from None


def _array(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The only array of an archive, or the one that is named as images."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if not all(entry.filename.endswith(".npy") for entry in entries):
        raise Rejected("an archive, no image; unpack it first")
    wanted = [entry for entry in entries if entry.filename in NAMED] or entries
    if len(wanted) != 1:
        names = ", ".join(entry.filename.removesuffix(".npy") for entry in entries[:6])
        raise Rejected(f"holds {len(entries)} arrays ({names}); name one of them images")
    check_entry(wanted[0])
    return wanted[0]


def _images(file: BinaryIO | Any, size: int, reading: Reading) -> Iterator[Frame]:
    shape, fortran, dtype = _header(file)
    start = file.tell()
    count, height, width, channels = _layout(shape)
    check_area(width, height, channels * dtype.itemsize)
    if size - start < math.prod(shape) * dtype.itemsize:
        raise Rejected(f"truncated: {size - start:,} bytes for an array of shape {shape}")
    plane = (height, width, channels)
    turned = _turned(file, dtype, shape).reshape(count, *plane) if fortran else None

    def read(_: int, z: int) -> npt.NDArray[Any]:
        pixels = turned[z] if turned is not None else _plane(file, start, dtype, plane, z)
        return pick(pixels, reading.channels)

    sizes = {"t": 1, "z": count}
    for place, pixels, note in planes(read, sizes, reading=reading, volume="z"):
        yield Frame(pixels, place, note)


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise Rejected(f"NPY version {version}, which only names fields; not an array of numbers")
    shape, fortran, dtype = readers[version](file)
    if dtype.hasobject or dtype.kind not in "biuf":
        raise Rejected(f"an array of {dtype}, not of numbers")
    return shape, fortran, dtype


def _layout(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Number of images, height, width, channels."""
    if len(shape) == 2:
        return 1, shape[0], shape[1], 1
    if len(shape) == 3 and 1 <= shape[2] <= 4:
        return 1, *shape
    if len(shape) == 3:
        return *shape, 1
    if len(shape) == 4:
        return shape[0], shape[1], shape[2], shape[3]
    raise Rejected(f"shape {shape} is not (H, W), (H, W, C), (n, H, W) or (n, H, W, C)")


def _turned(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """A whole array that is stored columns first."""
    check_bytes(math.prod(shape) * dtype.itemsize)
    data = file.read(math.prod(shape) * dtype.itemsize)
    return np.ascontiguousarray(np.frombuffer(data, dtype).reshape(shape, order="F"))


def _plane(
    file: BinaryIO, start: int, dtype: np.dtype[Any], plane: tuple[int, int, int], index: int
) -> npt.NDArray[Any]:
    size = math.prod(plane) * dtype.itemsize
    file.seek(start + index * size)
    return np.frombuffer(file.read(size), dtype).reshape(plane)
