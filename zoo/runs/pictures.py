"""Images as PNG: single ones, and grids to look at."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from zoo.errors import UsageError

Images = npt.NDArray[Any]

GAP_COLOUR = 127  # mid-grey shows between dark-field and between bright-field images alike
PAIR_GAP = 8


def to_rgb(images: Images) -> npt.NDArray[np.uint8]:
    """Make images visible; for looking at only, never for measuring.

    One channel becomes grey. Two become magenta (first) and green (second), which readers with
    any colour vision can tell apart, stored as red = blue = first, green = second. Three stay.
    Of four, the first three are shown. Of 16 bits, the upper eight are shown.

    Args:
        images: (n, H, W, C) uint8 or uint16, C from 1 to 4.

    Returns:
        (n, H, W, 3) uint8.

    Raises:
        zoo.errors.UsageError: If the shape or the type is another.
    """
    _check(images)
    if images.dtype == np.uint16:
        images = images >> 8
    channels = {1: [0, 0, 0], 2: [0, 1, 0], 3: [0, 1, 2], 4: [0, 1, 2]}[images.shape[-1]]
    return np.ascontiguousarray(images[..., channels].astype(np.uint8))


def grid_png(images: Images, columns: int, *, gap: int = 2) -> bytes:
    """Draw images in rows, left to right; what the last row lacks stays grey.

    Args:
        images: (n, H, W, C) uint8 or uint16, n ≥ 1.
        columns: Images in a row.
        gap: Pixels between images.

    Returns:
        The content of a PNG file; the same bytes for the same images.
    """
    shown = to_rgb(images)
    n, height, width, _ = shown.shape
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    canvas = np.full(size, GAP_COLOUR, np.uint8)
    for i, image in enumerate(shown):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return _png(Image.fromarray(canvas[..., 0] if images.shape[-1] == 1 else canvas))


def enlarged(images: Images, largest: int) -> Images:
    """Enlarge images by a whole factor, without smoothing.

    Args:
        images: (n, H, W, C).
        largest: Of the longer side in pixels; images that are larger stay as they are.
    """
    factor = max(1, largest // max(images.shape[1:3]))
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


def tiles(png: bytes, height: int, width: int, *, gap: int = 2) -> npt.NDArray[np.uint8]:
    """Take a grid that `grid_png` drew apart again.

    Args:
        png: The content of a PNG file.
        height: Of one image, in pixels.
        width: Of one image, in pixels.
        gap: Pixels between images.

    Returns:
        (n, height, width, 3) uint8, row by row without the empty places of the last row; n is 0
        if the picture is no grid of such images.
    """
    canvas = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    rows, row_rest = divmod(canvas.shape[0] + gap, height + gap)
    columns, column_rest = divmod(canvas.shape[1] + gap, width + gap)
    if row_rest or column_rest:
        return np.empty((0, height, width, 3), np.uint8)
    padded = np.pad(canvas, ((0, gap), (0, gap), (0, 0)))
    apart = padded.reshape(rows, height + gap, columns, width + gap, 3).swapaxes(1, 2)
    found: npt.NDArray[np.uint8] = apart[:, :, :height, :width].reshape(-1, height, width, 3)
    filled = (found != GAP_COLOUR).any(axis=(1, 2, 3))
    return np.ascontiguousarray(found[filled])


def pairs_png(left: Images, right: Images, columns: int) -> bytes:
    """Draw each left image with its right one beside it, `columns` pairs in a row.

    Args:
        left: (n, H, W, C), such as generated images.
        right: (n, H, W, C), such as the training image nearest to each.
        columns: Pairs in a row.
    """
    pairs = to_rgb(left), to_rgb(right)
    divider = np.full((*pairs[0].shape[:2], 1, 3), GAP_COLOUR, np.uint8)
    if left.shape[-1] == 1:
        pairs, divider = (pairs[0][..., :1], pairs[1][..., :1]), divider[..., :1]
    return grid_png(np.concatenate([pairs[0], divider, pairs[1]], axis=2), columns, gap=PAIR_GAP)


def animation(frames: Sequence[Image.Image], *, seconds: float = 0.5) -> bytes:
    """Pictures of one size after another, the last one three times as long, without end.

    Args:
        frames: At least one.
        seconds: How long each is shown.

    Returns:
        The content of a WebP file.
    """
    times = [round(1000 * seconds)] * (len(frames) - 1) + [round(3000 * seconds)]
    buffer = io.BytesIO()
    first, *others = (frame.convert("RGB") for frame in frames)
    first.save(
        buffer, "WEBP", save_all=True, append_images=others, duration=times, loop=0, quality=80
    )
    return buffer.getvalue()


def encode_png(image: Images, marks: PngInfo | None = None) -> bytes:
    """One image as the content of a PNG file, without loss.

    Args:
        image: (H, W, C) uint8, or uint16 with one channel; two channels are stored as `to_rgb`
            shows them, of four the fourth is alpha.
        marks: Text chunks.
    """
    channels = image.shape[-1]
    if channels == 1:
        return _png(Image.fromarray(np.ascontiguousarray(image[..., 0])), marks)
    return _png(Image.fromarray(image if channels == 4 else to_rgb(image[None])[0]), marks)


def _png(image: Image.Image, marks: PngInfo | None = None) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=marks, compress_level=9)
    return buffer.getvalue()


def _check(images: Images) -> None:
    if images.ndim != 4 or len(images) == 0 or images.shape[-1] not in (1, 2, 3, 4):
        raise UsageError(f"images must be (n, H, W, 1 to 4), not {images.shape}")
    if images.dtype not in (np.uint8, np.uint16):
        raise UsageError(f"images must be uint8 or uint16, not {images.dtype}")
