"""Scale bars: a round length, drawn under a picture so that it hides nothing."""

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

ROUND = (1, 2, 5)
WANTED = 0.2  # of the picture's width
UNITS = ((-3, "nm"), (0, "µm"), (3, "mm"), (6, "m"))
STRIP, TEXT, BAR = 20, 13, 4  # pixels: height of the strip, of the text and of the bar


class Bar(NamedTuple):
    """A scale bar.

    Attributes:
        text: Its length, such as `20 µm`.
        share: Its length as a share of the picture's width, 0 to 1.
    """

    text: str
    share: float


def bar(pixel_size_um: float, width_px: float) -> Bar:
    """The bar of 1, 2 or 5 × 10^k micrometres that is nearest to a fifth of the width.

    Args:
        pixel_size_um: Width of a pixel in µm, above 0.
        width_px: Width of the picture in these pixels, above 0.
    """
    width = pixel_size_um * width_px
    wanted = WANTED * width
    below = math.floor(math.log10(wanted))
    choices = [(digit, k) for k in (below, below + 1) for digit in ROUND]
    digit, k = min(choices, key=lambda choice: abs(math.log10(choice[0] / wanted) + choice[1]))
    power, unit = max(known for known in UNITS if known[0] <= k or known == UNITS[0])
    return Bar(f"{digit * 10.0 ** (k - power):g} {unit}", digit * 10.0**k / width)


def pixel_width(data: Mapping[str, Any]) -> float | None:
    """Width of a pixel of the training images in µm, if the provenance holds one for all."""
    width = (data.get("pixel_size_um") or (0, 0))[1]
    return float(width) if width > 0 else None


def bar_of(picture: Path | bytes, pixel_size_um: float | None) -> Bar | None:
    """The bar of a picture that shows images pixel by pixel, if the size of a pixel is known.

    Args:
        picture: A PNG file, or its content.
        pixel_size_um: Width of a pixel in µm.
    """
    if pixel_size_um is None:
        return None
    with Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture) as image:
        return bar(pixel_size_um, image.width)


def with_bar(png: bytes, pixel_size_um: float | None) -> bytes:
    """The same picture with a strip under it that holds its scale bar.

    Args:
        png: The content of a PNG file that shows images pixel by pixel.
        pixel_size_um: Width of a pixel in µm; without, nothing changes.
    """
    shown = bar_of(png, pixel_size_um)
    if shown is None:
        return png
    with Image.open(io.BytesIO(png)) as image:
        canvas = Image.new(image.mode, (image.width, image.height + STRIP), "white")
        canvas.paste(image)
    draw = ImageDraw.Draw(canvas)
    end, middle = round(shown.share * canvas.width) - 1, canvas.height - STRIP // 2
    draw.rectangle((0, middle - BAR // 2, end, middle + BAR // 2 - 1), fill="black")
    draw.text((end + 2 * BAR, middle), shown.text, fill="black", font=_font(), anchor="lm")
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()


def _font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Pillow's own font has no µ."""
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), TEXT)
