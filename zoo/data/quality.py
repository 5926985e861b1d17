"""How sharp, how saturated and how empty a source image is, from its own values alone."""

from typing import Any

import numpy as np
import numpy.typing as npt

RANGE = (0.1, 99.9)  # percentiles: a hot pixel is no contrast, and a speck of dust no edge
TAIL = 1 / 64  # of the range: what lies just below the top, for comparison
FEW = 1e-3  # share of pixels at the top that is not worth a second look
NOISE_KEEPS = 1 / 16  # of its variance, in the means of 4×4 pixels
FEWEST = 16  # means, from which a variance is taken
OUTLYING = 8.0  # standard deviations that noise does not reach

Plane = npt.NDArray[Any]


def measure(image: npt.NDArray[Any]) -> dict[str, float]:
    """Measure an image.

    `focus` is the slope of the steepest edges: the change from one pixel to the next, as a share
    of the contrast, both without the outermost thousandths. It is about one over the width in
    pixels of the sharpest edges, which Marziliano et al. (2002) measured, and does not depend on
    brightness, gain or the number of objects. It is taken on means of 2×2 pixels, where noise is
    halved, so that a perfect edge reads 0.25 along an axis.

    Args:
        image: (H, W, C) of any numeric type; the channels' mean is judged.

    Returns:
        `focus`; `saturated`, the share of pixels, 0 to 1, at the top value of a channel where
        they pile up; `contrast`, between the outermost thousandths, in the image's own units;
        `blank`, 1 if there is one value, or noise without structure, else 0.
    """
    grey = image.mean(axis=2, dtype=np.float32)
    coarse = _binned(grey)
    low, high = np.percentile(coarse, RANGE)
    contrast = float(high - low)
    steepest = float(np.percentile(_slope(coarse), RANGE[1])) / 2
    return {
        "focus": steepest / contrast if contrast > 0 else 0.0,
        "saturated": _saturated(image),
        "contrast": contrast,
        "blank": float(contrast <= 0 or _only_noise(grey, coarse)),
    }


def _binned(grey: Plane) -> Plane:
    """Means of 2×2 pixels; a side of one pixel is kept."""
    for axis in (0, 1):
        if (n := grey.shape[axis] // 2) > 0:
            even, odd = (np.take(grey, np.arange(k, 2 * n, 2), axis) for k in (0, 1))
            grey = (even + odd) / 2
    return grey


def _slope(grey: Plane) -> Plane:
    """Length of the gradient per pixel, by central differences, 0 outside."""
    framed = np.pad(grey, 1, mode="edge")
    down = framed[2:, 1:-1] - framed[:-2, 1:-1]
    right = framed[1:-1, 2:] - framed[1:-1, :-2]
    slope: Plane = np.hypot(down, right) / 2
    return slope


def _saturated(image: Plane) -> float:
    piled = [_plateau(image[..., c]) for c in range(image.shape[2])]
    known = [plane for plane in piled if plane is not None]
    return float(np.logical_or.reduce(known).mean()) if known else 0.0


def _plateau(plane: Plane) -> npt.NDArray[np.bool_] | None:
    """The pixels at the top value, if they are more than twice those just below it."""
    low, top = plane.min(), plane.max()
    at_top: npt.NDArray[np.bool_] = plane == top
    count = int(at_top.sum())
    if count < FEW * plane.size or low == top:
        return None
    following = float(plane.max(where=~at_top, initial=low))
    least = min(following, float(top) - (float(top) - float(low)) * TAIL)
    below = int((plane >= least).sum()) - count
    return at_top if count > 2 * below else None


def _only_noise(grey: Plane, coarse: Plane) -> bool:
    """Whether means of 4×4 pixels vary as little as they do where pixels are independent."""
    coarser = _binned(coarse)
    if coarser.size < FEWEST:
        return False
    variance = float(grey.var())
    kept = float(coarser.var()) / variance
    reach = float(np.abs(grey - grey.mean()).max()) / variance**0.5
    return kept < 2 * NOISE_KEEPS and reach < OUTLYING
