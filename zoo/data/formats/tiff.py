"""TIFF and OME-TIFF, through tifffile: planes chosen along z and t, channels wherever they lie."""

import contextlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.data.examples import Rejected
from zoo.data.formats.codestreams import LOSSY_IN_TIFF, lossy_codestream
from zoo.data.formats.tiff_planes import Planes
from zoo.data.formats.tiff_scale import pixel_size
from zoo.data.frames import Frame, Reading, planes

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is wrong is said by us, once


def frames(content: Path | bytes, name: str, reading: Reading) -> Iterator[Frame]:
    """The planes of the first image series, in the file's own depth.

    Channels are those of the axis C and of a pixel's samples. A palette is applied, and
    white-is-zero inverted. That there are other series, such as further positions of the stage or
    a slide's label, is noted.

    Raises:
        zoo.data.examples.Rejected: If it is truncated or too large, holds several planes and none
            is chosen, has axes that are none of z, t and channel, or colours that are not read.
    """
    with _tiff(content) as file:
        stack = Planes(file, reading.channels)
        sizes = {"t": stack.size("t"), "z": stack.size("z")}
        size = pixel_size(file)
        others = [f"first of {len(file.series)} image series"] if len(file.series) > 1 else []
        for place, pixels, chosen in planes(stack.read, sizes, reading=reading):
            yield Frame(
                pixels, place, ", ".join(filter(None, [*stack.notes, *others, chosen])), size
            )


def encoding(content: Path | bytes) -> tuple[str, bool]:
    """Name of the format, and whether it has lost detail."""
    with _tiff(content) as file:
        page = file.pages.first
        if (compression := int(page.compression)) not in LOSSY_IN_TIFF:
            return "TIFF", False
        file.filehandle.seek(page.dataoffsets[0])
        return "TIFF", lossy_codestream(file.filehandle.read(page.databytecounts[0]), compression)


@contextlib.contextmanager
def _tiff(content: Path | bytes) -> Iterator[Any]:
    import tifffile

    source = io.BytesIO(content) if isinstance(content, bytes) else content
    # An OME-TIFF may name other files, anywhere; each is read by itself.
    with tifffile.TiffFile(source, _multifile=False) as file:
        if not len(file.pages):
            raise Rejected("holds no image")
        yield file
