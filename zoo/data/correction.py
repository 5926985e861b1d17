"""What curation does to one channel: denoising, background, illumination, contrast.

Every function takes a plane (H, W) of float64, its values, and the type that the result goes
back to. Strengths are in units of the image's own noise, so a result scales with its image.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from zoo.data.examples import Rejected

Plane = npt.NDArray[np.float64]
SECOND_DIFFERENCES = np.outer((1, -2, 1), (1, -2, 1)).astype(np.float64)


def noise(plane: Plane) -> float:
    """Standard deviation of the noise.

    From the mean of second differences in both directions, to which edges add little (Immerkær,
    1996, doi:10.1006/cviu.1996.0060).
    """
    differences = ndimage.convolve(plane, SECOND_DIFFERENCES, mode="reflect")
    return float(np.abs(differences).mean() * math.sqrt(math.pi / 2) / 6)


def median(plane: Plane, size: float, dtype: np.dtype[Any]) -> Plane:
    """Median of the pixels around each."""
    filtered: Plane = ndimage.median_filter(plane, size=int(size), mode="nearest")
    return filtered


def nlm(plane: Plane, h: float, dtype: np.dtype[Any]) -> Plane:
    """Non-local means (Buades et al., 2005, doi:10.1109/CVPR.2005.38).

    Args:
        h: How alike patches are that are averaged, in standard deviations of the noise.
    """
    from skimage.restoration import denoise_nl_means

    if not (sigma := noise(plane)):
        return plane
    filtered: Plane = denoise_nl_means(
        plane, patch_size=5, patch_distance=6, h=h * sigma, sigma=sigma, fast_mode=True
    )
    return filtered


def tv(plane: Plane, weight: float, dtype: np.dtype[Any]) -> Plane:
    """Total variation (Chambolle, 2004, doi:10.1023/B:JMIV.0000011325.36760.1e).

    Args:
        weight: Strength, in standard deviations of the noise.
    """
    from skimage.restoration import denoise_tv_chambolle

    if not (sigma := noise(plane)):
        return plane
    filtered: Plane = denoise_tv_chambolle(plane / sigma, weight=weight) * sigma
    return filtered


def background(plane: Plane, radius: float, dtype: np.dtype[Any]) -> Plane:
    """Take away what is wider than the objects.

    The background is the grey opening by a square, smoothed so that no edges of squares are left:
    a top-hat, six times as fast as a rolling ball (Sternberg, 1983) of 50 pixels. On a dark
    background it becomes 0; on a bright one, which lies above the mean, it becomes its largest.
    """
    side = 2 * int(radius) + 1
    dark = plane.mean() >= np.median(plane)
    fit = ndimage.grey_opening if dark else ndimage.grey_closing
    level = ndimage.gaussian_filter(fit(plane, size=side, mode="nearest"), radius / 2)
    even: Plane = plane - level + (0.0 if dark else level.max())
    return even


def illumination(plane: Plane, sigma: float, dtype: np.dtype[Any]) -> Plane:
    """Divide by the plane blurred, and keep the mean.

    Raises:
        zoo.data.examples.Rejected: If there are negative values.
    """
    if plane.min() < 0:
        raise Rejected("negative values have no illumination to divide by")
    light = ndimage.gaussian_filter(plane, sigma, mode="reflect")
    even: Plane = np.divide(plane, light, out=np.zeros_like(plane), where=light > 0)
    return even * (plane.mean() / even.mean()) if even.any() else plane


def normalise(plane: Plane, low: float, high: float, dtype: np.dtype[Any]) -> Plane:
    """Stretch two percentiles to 0 and to the type's largest value, or to 0 and 1 for floats."""
    bottom, top = np.percentile(plane, (low, high))
    if not top > bottom:
        return plane
    largest = 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)
    stretched: Plane = np.clip((plane - bottom) / (top - bottom), 0, 1) * largest
    return stretched


def restored(planes: Plane, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Values in the type they came in; integers are rounded and clipped to its range."""
    if dtype.kind == "f":
        return planes.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(planes), limits.min, limits.max).astype(dtype)
