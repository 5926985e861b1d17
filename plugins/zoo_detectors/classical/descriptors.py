"""Texture, shape and network descriptors, from scikit-image and from the extractors' hook."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.feature import hog as oriented_gradients
from skimage.feature import local_binary_pattern

from zoo.plugins import find

PATTERNS = ((8, 1), (16, 2))  # neighbours, and their distance in pixels
CELLS = 4
BLOCK = 2
ORIENTATIONS = 9
EXTRACTOR = "inception-v3"


def lbp(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Shares of uniform local binary patterns at two distances (Ojala et al., 2002).

    Pixels nearer to the border than the distance are left out: beyond it there is nothing to
    compare them with.

    Args:
        images: (n, H, W, C) uint8.

    Returns:
        (n, C, 28), which sum to 1 at each distance; roots are taken, as of the histogram.
    """
    planes = np.moveaxis(images, -1, 1)
    shares = [_pattern_shares(plane) for image in planes for plane in image]
    return np.sqrt(np.array(shares, np.float32)).reshape(*planes.shape[:2], -1)


def _pattern_shares(plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    found = []
    for neighbours, distance in PATTERNS:
        codes = local_binary_pattern(plane, neighbours, distance, method="uniform")
        inside = codes[distance:-distance, distance:-distance].astype(np.int64).ravel()
        found.append(np.bincount(inside, minlength=neighbours + 2) / inside.size)
    return np.concatenate(found)


def hog(unit: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Histograms of oriented gradients in 4×4 cells (Dalal & Triggs, 2005).

    Args:
        unit: (n, C, H, W), 0 to 1.

    Returns:
        (n, C, 324): nine orientations of 2×2 cells in each of nine blocks.
    """
    height, width = unit.shape[-2:]
    found = [
        oriented_gradients(
            plane,
            orientations=ORIENTATIONS,
            pixels_per_cell=(height // CELLS, width // CELLS),
            cells_per_block=(BLOCK, BLOCK),
        )
        for image in unit
        for plane in image
    ]
    return np.array(found, np.float32).reshape(*unit.shape[:2], -1)


def inception(
    images: npt.NDArray[np.uint8], weights: str | None, layer: str | None
) -> npt.NDArray[np.float32]:
    """(n, d) activations of InceptionV3; of two or four channels, those of each side by side.

    Raises:
        zoo.errors.NotComputed: If its weights are not in place.
    """
    extract = _extractor(weights, layer)
    if images.shape[3] in (1, 3):
        return np.asarray(extract(images))
    channels = (images[..., c : c + 1] for c in range(images.shape[3]))
    return np.concatenate([extract(channel) for channel in channels], axis=1)


@lru_cache(maxsize=1)
def _extractor(weights: str | None, layer: str | None) -> Any:
    return find("extractors", EXTRACTOR).load()(weights=weights, layer=layer)
