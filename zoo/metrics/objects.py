"""What a biologist would count: objects of an image, their area and their intensity.

Objects are the connected parts of what Otsu's threshold (Otsu, 1979) separates from the
background. That suits separate cells or nuclei; touching ones count as one.
"""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from zoo.errors import ZooError
from zoo.metrics.features import image_blocks
from zoo.metrics.protocol import Array, Context, Images

SMOOTHING = 1.0
SMALLEST_SHARE = 0.002
SMALLEST_AREA = 9
STATISTICS = ("count", "area", "intensity")

Described = npt.NDArray[np.float64]


def describe(images: Images, *, seed: int = 0) -> Described:
    """Objects of images (n, H, W, C) uint8, once as what is bright and once as what is dark.

    The mean over channels is smoothed (Gaussian, σ = 1 px) and cut at Otsu's threshold; connected
    parts (8 neighbours) of at least 0.2 % of the image and 9 pixels are objects.

    Returns:
        (n, 2, 4): for bright and for dark objects their number, their mean area as a share of
        the image, their mean intensity over that of the background in grey levels (negative for
        dark ones), and the share of the image's border that is not background. Area and
        intensity are NaN where there is no object.
    """
    return np.stack(
        [_described(image.mean(axis=2)) for block in image_blocks(images) for image in block]
    )


class ObjectStatistic:
    """Wasserstein-1 distance of one statistic's distribution over images.

    Whether objects are bright or dark is told by the real images: background is what lies at
    their borders. Images without objects count as zero objects and have no area or intensity.

    Args:
        name: `"count"` (objects per image), `"area"` (share of the image) or `"intensity"` (grey
            levels).

    Attributes:
        settings: What the protocol card prints.
    """

    units: ClassVar[dict[str, str]] = {
        "count": "objects per image",
        "area": "mean area of an image's objects, share of the image",
        "intensity": "mean intensity of an image's objects over the background, grey levels",
    }
    prepare = staticmethod(describe)

    def __init__(self, name: str) -> None:
        self.column = STATISTICS.index(name)
        self.settings = {
            "estimator": f"Wasserstein-1 distance over images; {self.units[name]}",
            "objects": "connected parts beyond Otsu's threshold of the smoothed image",
            "smoothing": f"Gaussian, {SMOOTHING:g} px",
            "smallest_object": f"{SMALLEST_SHARE:g} of the image and {SMALLEST_AREA} px",
        }

    def __call__(self, real: Array, fake: Array, context: Context) -> float:
        """The distance of images (n, H, W, C) and (m, H, W, C) uint8."""
        return self.compare(describe(real), describe(fake), context)

    def compare(self, real: Described, fake: Described, context: Context) -> float:
        """The distance of two sets of descriptions.

        Raises:
            zoo.errors.ZooError: If no image of a side has an object to measure.
        """
        from scipy.stats import wasserstein_distance

        return float(wasserstein_distance(*self._both(real, fake)))

    def beside(self, real: Described, fake: Described, context: Context) -> dict[str, Any]:
        """Medians of both sides, the KS statistic, and whether objects are bright or dark."""
        from scipy.stats import ks_2samp

        reals, fakes = self._both(real, fake)
        return {
            "real_median": float(np.median(reals)),
            "fake_median": float(np.median(fakes)),
            "ks_statistic": float(ks_2samp(reals, fakes, method="asymp").statistic),
            "objects_are": ("bright", "dark")[_polarity(real)],
        }

    def _both(self, real: Described, fake: Described) -> list[npt.NDArray[np.float64]]:
        found = []
        for side, name in ((real, "real"), (fake, "generated")):
            values = side[:, _polarity(real), self.column]
            values = values[np.isfinite(values)]
            if not len(values):
                raise ZooError(f"no object in any of {len(side)} {name} images")
            found.append(values)
        return found


object_count, object_area, object_intensity = map(ObjectStatistic, STATISTICS)


def _polarity(real: Described) -> int:
    return int(real[:, 1, 3].mean() < real[:, 0, 3].mean())


def _described(grey: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu

    smooth = gaussian_filter(grey, SMOOTHING)
    if np.ptp(smooth) < 1:  # less than a grey level is no contrast
        return np.array([[0, np.nan, np.nan, 0.5]] * 2)
    bright = smooth > threshold_otsu(smooth)
    return np.array([_objects(grey, bright), _objects(grey, ~bright)])


def _objects(grey: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_]) -> list[float]:
    from scipy.ndimage import label

    parts, _ = label(inside, np.ones((3, 3)))
    areas = np.bincount(parts.ravel())[1:]
    sums = np.bincount(parts.ravel(), grey.ravel())[1:]
    kept = areas >= max(SMALLEST_AREA, SMALLEST_SHARE * inside.size)
    border = np.concatenate([inside[0], inside[-1], inside[1:-1, 0], inside[1:-1, -1]]).mean()
    if not kept.any():
        return [0, np.nan, np.nan, float(border)]
    over = sums[kept] / areas[kept] - grey[~inside].mean()
    return [int(kept.sum()), float(areas[kept].mean()) / inside.size, over.mean(), float(border)]
