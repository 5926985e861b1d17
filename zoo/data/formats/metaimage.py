"""MetaImage volumes: `.mha`, or `.mhd` with its data in another file of the same folder.

Tags as in https://docs.itk.org/en/latest/learn/metaio.html.
"""

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
)
from zoo.data.frames import Frame, Reading, planes

MAX_HEADER = 2**16
TYPES = {
    **{"MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_USHORT": "u2", "MET_SHORT": "i2"},
    **{"MET_UINT": "u4", "MET_INT": "i4", "MET_FLOAT": "f4", "MET_DOUBLE": "f8"},
}


@dataclass(frozen=True, slots=True)
class _Header:
    """What the tags say; sizes along x, y, z, t."""

    tags: Mapping[str, str]
    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    channels: int
    end: int

    @property
    def plane(self) -> tuple[int, int, int]:
        return self.sizes[1], self.sizes[0], self.channels

    @property
    def plane_bytes(self) -> int:
        return math.prod(self.plane) * self.dtype.itemsize

    @property
    def data_bytes(self) -> int:
        return self.plane_bytes * self.sizes[2] * self.sizes[3]


def frames(content: Path | bytes, name: str, reading: Reading) -> Iterator[Frame]:
    """The slices along the third axis; a fourth is time. `ElementSpacing` is in millimetres.

    Raises:
        zoo.data.examples.Rejected: If it is shorter than it claims or larger than is read, if its
            data lie in several files or outside its folder, or if it has several points in time
            and none is chosen.
    """
    with opened(content) as file:
        header = _header(file.read(MAX_HEADER))
        check_area(header.sizes[0], header.sizes[1], header.channels * header.dtype.itemsize)
        with opened(content if _local(header) else _data_file(header, content)) as data:
            yield from _slices(data, header, reading)


def pixels_beside(file: Path) -> Path | None:
    """The file that holds the data of a header, or `None` if it is none or cannot be read."""
    try:
        with file.open("rb") as opened_file:
            header = _header(opened_file.read(MAX_HEADER))
        return None if _local(header) else _data_file(header, file)
    except (OSError, Rejected, ValueError, LookupError):
        return None


def encoding(content: Path | bytes) -> tuple[str, bool]:
    """Name of the format, and that nothing is lost."""
    return "MetaImage", False


def _header(head: bytes) -> _Header:
    tags, end = {}, 0
    for line in head.splitlines(keepends=True):
        end += len(line)
        key, _, value = line.decode("utf-8", "replace").partition("=")
        tags[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            break
    else:
        raise Rejected("a MetaImage header without ElementDataFile")
    if tags.get("ObjectType", "Image") != "Image" or not _yes(tags, "BinaryData", "True"):
        raise Rejected("a MetaImage file of something that is no image, or of text")
    sizes = tuple(int(size) for size in tags["DimSize"].split())
    if not 2 <= len(sizes) == int(tags["NDims"]) <= 4 or min(sizes) < 1:
        raise Rejected(f"DimSize = {tags['DimSize']}, not of 2 to 4 dimensions")
    if (kind := TYPES.get(tags.get("ElementType", "").removesuffix("_ARRAY"))) is None:
        raise Rejected(f"ElementType = {tags.get('ElementType')}, which is not read")
    order = _yes(tags, "BinaryDataByteOrderMSB") or _yes(tags, "ElementByteOrderMSB")
    dtype = np.dtype(kind).newbyteorder(">" if order else "<")
    channels = int(tags.get("ElementNumberOfChannels", 1))
    return _Header(tags, (*sizes, 1, 1)[:4], dtype, channels, end)


def _yes(tags: Mapping[str, str], key: str, default: str = "False") -> bool:
    return tags.get(key, default).lower() in ("true", "t", "1", "y", "yes")


def _local(header: _Header) -> bool:
    return header.tags["ElementDataFile"].upper() == "LOCAL"


def _data_file(header: _Header, content: Path | bytes) -> Path:
    """The file beside the header that holds its data."""
    name = header.tags["ElementDataFile"]
    if name.upper() == "LIST" or "%" in name:
        raise Rejected("has its data in several files; write it as one")
    if isinstance(content, bytes):
        raise Rejected(f"has its data in another file, {name}; read it from a folder")
    if Path(name).name != name or "\\" in name or name in (".", ".."):
        raise Rejected(f"has its data outside its folder, in {name}")
    path = content.parent / name
    if not path.is_file() or path.resolve().parent != content.parent.resolve():
        raise Rejected(f"its data file {name} is not beside it")
    return path


def _slices(file: BinaryIO, header: _Header, reading: Reading) -> Iterator[Frame]:
    size = length(file)
    start = header.end if _local(header) else 0
    if _yes(header.tags, "CompressedData"):
        check_bytes(header.data_bytes)
        stored = _unpacked(file, start, header.data_bytes)
    else:
        start = _start(header, start, size)
        stored = None

    def read(t: int, z: int) -> npt.NDArray[Any]:
        offset = (t * header.sizes[2] + z) * header.plane_bytes
        if stored is None:
            file.seek(start + offset)
            data = file.read(header.plane_bytes)
        else:
            data = stored[offset : offset + header.plane_bytes]
        return pick(np.frombuffer(data, header.dtype).reshape(header.plane), reading.channels)

    axes = header.tags.get("AnatomicalOrientation")
    sizes = {"t": header.sizes[3], "z": header.sizes[2]}
    for place, pixels, chosen in planes(read, sizes, reading=reading, volume="z"):
        note = ", ".join(filter(None, [f"orientation {axes}" if axes else "", chosen]))
        yield Frame(pixels, place, note, _pixel_size(header.tags))


def _start(header: _Header, start: int, size: int) -> int:
    """Where the data begin, after checking that they are all there."""
    skip = int(header.tags.get("HeaderSize", 0))
    start = size - header.data_bytes if skip == -1 else start + max(skip, 0)
    if start < 0 or size - start < header.data_bytes:
        raise Rejected(f"truncated: its header claims {header.data_bytes:,} bytes of data")
    return start


def _unpacked(file: BinaryIO, start: int, claimed: int) -> bytes:
    """No more than the header claims, whatever the compressed stream holds."""
    file.seek(start)
    data = zlib.decompressobj().decompress(file.read(), claimed)
    if len(data) < claimed:
        raise Rejected(f"truncated: {len(data):,} bytes of data of {claimed:,}")
    return data


def _pixel_size(tags: Mapping[str, str]) -> tuple[float, float] | None:
    unit = MICROMETRES.get(tags.get("DistanceUnits", "mm"))
    spacing = tags.get("ElementSpacing", tags.get("ElementSize", "")).split()
    return in_micrometres(spacing[1::-1], unit) if unit else None
