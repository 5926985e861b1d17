"""Image files to arrays. What cannot be read is refused with a reason, before memory is taken."""

import io
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from zoo.data.examples import Rejected, check_image
from zoo.data.frames import Frame, Reading

# How the names of files that are read end.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp")
MAX_PIXELS = 100_000_000
# Pillow hands other formats to whatever reads them: PostScript, by its content, to Ghostscript.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP")
# Pillow reads each of these modes into 8 bits, or 16 for the grey ones, without loss.
AS_IT_IS = ("L", "RGB", "LA", "RGBA")
GREY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
# Where a format keeps width and height: signature, layout, offset.
SIZES = ((b"\x89PNG", ">II", 16), (b"GIF8", "<HH", 6), (b"BM", "<ii", 18))
TO_RGB = ("P", "PA", "CMYK", "YCbCr")
LOSSY = ", lossy"
WEBP_HEADER = 4096  # bytes; a lossless image says so before its pixels, after a colour profile
ALPHA = "alpha channel dropped"


def frames(
    content: Path | bytes, *, name: str = "", reading: Reading | None = None
) -> Iterator[Frame]:
    """The images of a file, one at a time.

    Args:
        content: The file or its bytes.
        name: Name of the file, where `content` is its bytes.
        reading: Which planes and channels are wanted; without, all of a volume.

    Raises:
        zoo.data.examples.Rejected: If it cannot be read as it is.
    """
    yield Frame(*decode(content, name=name))


def decode(content: Path | bytes, *, name: str = "") -> tuple[npt.NDArray[Any], str]:
    """Read a PNG, JPEG, BMP, TIFF, GIF or WebP image.

    Args:
        content: The file or its bytes.

    Returns:
        (H, W, 1) or (H, W, 3), uint8, or uint16 for 16-bit grey; and what was changed, such as
        `alpha channel dropped`, or nothing.

    Raises:
        zoo.data.examples.Rejected: If it is empty, damaged, too large, an animation or stack, or
            of a depth that would be cut.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    if not (len(content) if isinstance(content, bytes) else content.stat().st_size):
        raise Rejected("empty file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's, on sizes that are checked here
            with Image.open(file, formats=FORMATS) as image:
                _check_header(image)
                return _pixels(image)
    except Rejected:
        raise
    except UnidentifiedImageError:
        raise Rejected(_unidentified(content)) from None
    except Image.DecompressionBombError as error:
        claimed = int("".join(re.findall(r"\((\d+) pixels", str(error))) or 0)
        raise Rejected(f"claims {claimed:,} pixels, more than {MAX_PIXELS:,}") from None
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise Rejected(f"does not decode: {error or type(error).__name__}") from None


def encoding(file: Path) -> str:
    """How an image file is encoded, such as `PNG`; what ends in `LOSSY` has lost detail.

    Nothing but its header is read; empty if that cannot be.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as image:
            kind, compression = str(image.format), str(image.info.get("compression", ""))
    except Exception:  # decoders raise whatever a damaged file leads them to
        return ""
    lossy = kind == "JPEG" or "jpeg" in compression or "webp" in compression
    if kind == "WEBP":
        with file.open("rb") as opened:
            lossy = b"VP8L" not in opened.read(WEBP_HEADER)
    return f"{kind}{LOSSY}" if lossy else kind


def _check_header(image: Image.Image) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise Rejected(f"zero area: {width}×{height} pixels")
    if width * height > MAX_PIXELS:
        raise Rejected(f"claims {width}×{height} pixels, more than {MAX_PIXELS:,}")
    if (frames := getattr(image, "n_frames", 1)) > 1:
        raise Rejected(f"holds {frames} frames; only single images are read")
    if image.mode not in (*AS_IT_IS, *GREY_16, *TO_RGB, "1", "I"):
        raise Rejected(f"pixels of mode {image.mode}, not 8-bit or 16-bit grey")
    if image.mode in (*AS_IT_IS, *TO_RGB) and ";16" in str(getattr(image, "tile", "")):
        raise Rejected("16-bit colour, which would be cut to 8 bits")


def _pixels(image: Image.Image) -> tuple[npt.NDArray[Any], str]:
    if image.mode == "I":
        return check_image(_as_uint16(np.asarray(image))), ""
    if image.mode in GREY_16:
        return check_image(np.asarray(image).astype(np.uint16)), ""
    if image.mode == "1":
        return check_image(np.asarray(image.convert("L"))), ""
    if image.mode in TO_RGB:
        return check_image(np.asarray(image.convert("RGB"))), f"{image.mode} converted to RGB"
    pixels = check_image(np.asarray(image))
    if image.mode in ("LA", "RGBA"):
        return pixels[..., :-1], ALPHA
    return pixels, ""


def _unidentified(content: Path | bytes) -> str:
    """Pillow calls an image of zero area unidentified, so its header is read here."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            content = file.read(26)
    for signature, layout, offset in SIZES:
        if content.startswith(signature) and len(content) >= 26:
            width, height = struct.unpack_from(layout, content, offset)
            if not width or not height:
                return f"zero area: {width}×{height} pixels"
    return "no image that can be read"


def _as_uint16(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Older Pillow reads 16-bit grey into 32 bits."""
    if pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max:
        raise Rejected("32-bit pixels beyond 0 to 65535")
    return pixels.astype(np.uint16)
