"""DIB files as the Cellomics ArrayScan writes them: 16-bit grey, which is not what BMP has.

A bitmap header of 40 bytes without a file header, 12 bytes more, then the rows from top to bottom
(Bio-Formats' CellomicsReader reads them so). Readers of BMP take the pixels for 15-bit colour, six
pixels early and upside down.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.examples import Rejected
from zoo.data.formats.pixels import MAX_PIXELS, read_whole
from zoo.data.frames import Frame, Reading

START = b"\x28\0\0\0"  # the length of a bitmap's header, which in a BMP comes later
NOTE = "16-bit DIB read as grey, as the Cellomics ArrayScan writes it"
HEADER = struct.Struct("<IiiHHI")  # its size, width, height, planes, bits, compression
PIXELS_START = 52


def claims(head: bytes) -> bool:
    """Whether the first bytes of a file may be those of such a DIB."""
    return head.startswith(START) and head[14:16] == b"\x10\0"


def frames(content: Path | bytes, name: str, reading: Reading) -> Iterator[Frame]:
    """The one image of a file.

    Raises:
        zoo.data.examples.Rejected: As for `read_dib`.
    """
    yield Frame(read_dib(read_whole(content))[..., None], note=NOTE)


def encoding(content: Path | bytes) -> tuple[str, bool]:
    """Name of the format, and that nothing is lost."""
    return "DIB", False


def read_dib(content: bytes) -> npt.NDArray[np.uint16]:
    """(H, W) of a file's bytes.

    Raises:
        zoo.data.examples.Rejected: If it is no such file, truncated or too large.
    """
    if len(content) < PIXELS_START:
        raise Rejected("empty file" if not content else "too short for a Cellomics DIB")
    _, width, height, planes, bits, compression = HEADER.unpack_from(content)
    if (planes, bits, compression) != (1, 16, 0) or width < 1 or height < 1:
        raise Rejected("no uncompressed 16-bit Cellomics DIB")
    if width * height > MAX_PIXELS:
        raise Rejected(f"claims {width}×{height} pixels, more than {MAX_PIXELS:,}")
    if len(content) < PIXELS_START + 2 * width * height:
        raise Rejected(f"truncated: {width}×{height} pixels do not fit in {len(content):,} bytes")
    flat: npt.NDArray[Any] = np.frombuffer(content, "<u2", width * height, PIXELS_START)
    return flat.reshape(height, width).astype(np.uint16)
