"""PNG, JPEG, BMP and DIB, GIF and WebP, through Pillow; 16-bit colour PNG through imagecodecs."""

import io
import logging
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from zoo.data.examples import Rejected
from zoo.data.formats.pixels import ALPHA, MAX_PIXELS, check_area, opened, pick, read_whole
from zoo.data.frames import Frame, Reading, planes

logging.getLogger("imagecodecs").setLevel(logging.CRITICAL)  # what is wrong is said by us, once

# Pillow hands other formats to whatever reads them: PostScript, by its content, to Ghostscript.
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "WEBP")
# Pillow reads each of these modes into 8 bits, or 16 for the grey ones, without loss.
AS_IT_IS = ("L", "RGB", "LA", "RGBA")
GREY_16 = ("I;16", "I;16L", "I;16B", "I;16N", "I")
TO_RGB = ("P", "PA", "CMYK", "YCbCr")
# Where a format keeps width and height: signature, layout, offset.
SIZES = ((b"\x89PNG", ">II", 16), (b"GIF8", "<HH", 6), (b"BM", "<ii", 18))
WEBP_HEADER = 4096  # bytes; a lossless image says so before its pixels, after a colour profile


def frames(content: Path | bytes, name: str, reading: Reading) -> Iterator[Frame]:
    """The image, or the frames of an animation along `t`, as uint8, or uint16 where it has 16 bits.

    Raises:
        zoo.data.examples.Rejected: If it is damaged or too large, or an animation and no frame is
            chosen.
    """
    # From memory, because a file would take what a damaged length asks for before it is read.
    data = read_whole(content)
    if data[:4] == b"RIFF" and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise Rejected("truncated")  # which Pillow says of all formats but WebP
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_header(image)
            yield from _frames(image, data, reading)
    except UnidentifiedImageError:
        raise Rejected(_unidentified(data)) from None
    except Image.DecompressionBombError as error:
        claimed = int("".join(re.findall(r"\((\d+) pixels", str(error))) or 0)
        raise Rejected(f"claims {claimed:,} pixels, more than {MAX_PIXELS:,}") from None


def encoding(content: Path | bytes) -> tuple[str, bool]:
    """Name of the format, and whether it has lost detail."""
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    with Image.open(file, formats=FORMATS) as image:
        kind = str(image.format)
    if kind != "WEBP":
        return kind, kind in ("JPEG", "MPO")
    with opened(content) as source:
        return kind, b"VP8L" not in source.read(WEBP_HEADER)


def _frames(image: Image.Image, data: bytes, reading: Reading) -> Iterator[Frame]:
    count = getattr(image, "n_frames", 1)
    if _cut_by_pillow(image) and count == 1:
        deep, note = _deep_colour(data)
        yield Frame(pick(deep, reading.channels), "", note)
        return
    notes: list[str] = []

    def read(t: int, _: int) -> npt.NDArray[Any]:
        if count > 1:
            image.seek(t)
        pixels, note = _pixels(image, animated=count > 1)
        notes[:] = [note]
        return pick(pixels, reading.channels)

    for place, pixels, chosen in planes(read, {"t": count, "z": 1}, reading=reading):
        yield Frame(pixels, place, ", ".join(filter(None, [*notes, chosen])))


def _check_header(image: Image.Image) -> None:
    check_area(*image.size, 4)
    if image.mode not in (*AS_IT_IS, *GREY_16, *TO_RGB, "1"):
        raise Rejected(f"pixels of mode {image.mode}, not 8-bit or 16-bit grey")


def _cut_by_pillow(image: Image.Image) -> bool:
    """Whether it is 16-bit colour, which Pillow reads into 8 bits."""
    colour = image.mode in (*AS_IT_IS, *TO_RGB)
    return image.format == "PNG" and colour and ";16" in str(getattr(image, "tile", ""))


def _deep_colour(data: bytes) -> tuple[npt.NDArray[Any], str]:
    import imagecodecs

    pixels = imagecodecs.png_decode(data)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return (pixels[..., :-1], ALPHA) if pixels.shape[-1] in (2, 4) else (pixels, "")


def _pixels(image: Image.Image, *, animated: bool) -> tuple[npt.NDArray[Any], str]:
    if image.mode in GREY_16:
        return _as_uint16(np.asarray(image)), ""
    if image.mode == "1":
        return np.asarray(image.convert("L"))[..., None], ""
    if image.mode in TO_RGB:
        return np.asarray(image.convert("RGB")), f"{image.mode} converted to RGB"
    if animated and image.mode == "RGBA":  # the first frame may have had no transparent pixels
        return np.asarray(image.convert("RGB")), ALPHA
    pixels = np.asarray(image)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return (pixels[..., :-1], ALPHA) if image.mode in ("LA", "RGBA") else (pixels, "")


def _unidentified(data: bytes) -> str:
    """Pillow calls an image of zero area unidentified, so its header is read here."""
    for signature, layout, offset in SIZES:
        if data.startswith(signature) and len(data) >= 26:
            width, height = struct.unpack_from(layout, data, offset)
            if not width or not height:
                return f"zero area: {width}×{height} pixels"
    return "no image that can be read"


def _as_uint16(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Older Pillow reads 16-bit grey into 32 bits."""
    if pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max:
        raise Rejected("32-bit pixels beyond 0 to 65535")
    return pixels.astype(np.uint16)[..., None]
