"""NIfTI-1 and NIfTI-2 volumes in one file, `.nii` or `.nii.gz`, read one slice at a time."""

import gzip
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from zoo.data.examples import Rejected
from zoo.data.formats.pixels import (
    MICROMETRES,
    check_area,
    check_bytes,
    in_micrometres,
    length,
    opened,
    pick,
    rescaled,
)
from zoo.data.frames import Frame, Reading, planes

GZIP = b"\x1f\x8b"
MAX_OFFSET = 2**24  # bytes of header extensions
LONGEST_HEADER = 544


def frames(content: Path | bytes, name: str, reading: Reading) -> Iterator[Frame]:
    """The slices along the third axis; rows follow the second axis, columns the first.

    `scl_slope` and `scl_inter` are applied, `cal_min` and `cal_max` are the window, and the note
    tells towards which side of the body the three axes run, such as `orientation LPS`.

    Raises:
        zoo.data.examples.Rejected: If it is shorter than it claims, larger than is read, has more
            than four dimensions, or several points in time and none is chosen.
    """
    with opened(content) as file:
        packed = file.read(2) == GZIP
        size = None if packed else length(file)
        file.seek(0)
        with gzip.GzipFile(fileobj=file) if packed else file as stream:
            yield from _slices(stream, size, reading)


def encoding(content: Path | bytes) -> tuple[str, bool]:
    """Name of the format, and that nothing is lost."""
    return "NIfTI", False


def _slices(file: Any, size: int | None, reading: Reading) -> Iterator[Frame]:
    header = _header(file)
    width, height, depth, times, *rest = (*map(int, header.get_data_shape()), 1, 1, 1)[:8]
    if any(extra > 1 for extra in rest):
        raise Rejected(f"has {len(header.get_data_shape())} dimensions; four are read")
    dtype, start = header.get_data_dtype(), int(header.get_data_offset())
    check_area(width, height, dtype.itemsize)
    plane = width * height * dtype.itemsize
    check_bytes(plane * depth * times)
    if not 0 <= start <= MAX_OFFSET or (size is not None and start + plane * depth * times > size):
        raise Rejected(f"truncated: its header claims {start + plane * depth * times:,} bytes")
    scale = _scale(header)

    def read(t: int, z: int) -> npt.NDArray[Any]:
        file.seek(start + (t * depth + z) * plane)
        return pick(_slice(file.read(plane), dtype, (height, width), scale), reading.channels)

    told = [f"scaled by {scale[0]:g} and {scale[1]:+g}"] if scale else []
    told.append(f"orientation {_orientation(header)}")
    sizes = {"t": times, "z": depth}
    for place, pixels, chosen in planes(read, sizes, reading=reading, volume="z"):
        note = ", ".join(filter(None, [*told, chosen]))
        yield Frame(pixels, place, note, _pixel_size(header), _window(header))


def _header(file: BinaryIO) -> Any:
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    head = file.read(LONGEST_HEADER)
    if head[344:348] == b"n+1\0":
        kind, size = Nifti1Header, 348
    elif head[4:8] == b"n+2\0" and len(head) >= 540:
        kind, size = Nifti2Header, 540
    elif head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0":
        raise Rejected("half of a .hdr and .img pair; convert the pair into one .nii")
    else:
        raise Rejected("gzip of something that is no NIfTI volume; unpack it first")
    return kind(head[:size], check=False)


def _slice(
    data: bytes, dtype: np.dtype[Any], shape: tuple[int, int], scale: tuple[float, float] | None
) -> npt.NDArray[Any]:
    if len(data) < math.prod(shape) * dtype.itemsize:
        raise Rejected("truncated in its slices")
    if dtype.names:  # RGB and RGBA are records of bytes
        return np.frombuffer(data, np.uint8).reshape(*shape, len(dtype.names))
    pixels = np.frombuffer(data, dtype).reshape(*shape, 1)
    if scale is None:
        return pixels
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    return rescaled(pixels, *scale, (limits.min, limits.max) if limits else (0, 0))


def _scale(header: Any) -> tuple[float, float] | None:
    slope, intercept = header.get_slope_inter()
    if slope is None or header.get_data_dtype().names or (slope, intercept) == (1, 0):
        return None
    return float(slope), float(intercept)


def _orientation(header: Any) -> str:
    from nibabel.orientations import aff2axcodes

    axes = aff2axcodes(header.get_best_affine())
    return "".join(axis or "?" for axis in axes)


def _pixel_size(header: Any) -> tuple[float, float] | None:
    unit = {"micron": "um"}.get(header.get_xyzt_units()[0], header.get_xyzt_units()[0])
    if unit not in MICROMETRES:
        return None
    return in_micrometres(header.get_zooms()[1::-1], MICROMETRES[unit])


def _window(header: Any) -> tuple[float, float] | None:
    low, high = float(header["cal_min"]), float(header["cal_max"])
    return (low, high) if -math.inf < low < high < math.inf else None
