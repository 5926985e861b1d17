"""Images to short vectors that a classical model can learn from a few hundred examples."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from zoo.plugins import unknown
from zoo_detectors.classical.descriptors import hog, inception, lbp

HIGHEST_FREQUENCY = np.sqrt(0.5)  # cycles per pixel, at the corner of the spectrum
QUANTISATION_POWER = 1e-6  # of rounding to 256 levels, so that empty images have a finite log
BATCH = 256
Feature = Literal["pixels", "histogram", "lbp", "hog", "spectrum", "inception"]
DEFAULT: tuple[Feature, ...] = ("pixels", "histogram", "spectrum")

Unit = npt.NDArray[np.float32]  # (n, C, H, W), 0 to 1


class ImageFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Blocks of features, each computed of every channel by itself and set side by side.

    Args:
        blocks: Which of `pixels` (area-averaged), `histogram` (of intensities, so of colours
            where there are several channels), `lbp` (local binary patterns), `hog` (histograms of
            oriented gradients), `spectrum` (radial power) and `inception` (activations of
            InceptionV3, whose weights must be in place). Upsampling leaves its trace in the
            spectrum (Durall et al., 2020, arXiv:2003.01826).
        side: Height and width that the pixels are averaged down to.
        bins: Number of bins of the histogram and, at most, of the spectrum.
        weights: A weights file of InceptionV3; `None` for the one in its place.
        layer: The layer of InceptionV3, which the file must reach.

    Raises:
        zoo.errors.UsageError: On fitting, if there is no such block.
    """

    def __init__(
        self,
        blocks: tuple[Feature, ...] = DEFAULT,
        side: int = 8,
        bins: int = 24,
        weights: str | None = None,
        layer: str | None = None,
    ) -> None:
        self.blocks = blocks
        self.side = side
        self.bins = bins
        self.weights = weights
        self.layer = layer

    def fit(self, images: npt.NDArray[np.uint8], labels: Any = None) -> Self:
        """Learn nothing, but refuse a block that there is none of."""
        for block in self.blocks:
            if block not in BLOCKS:
                raise unknown("features", block, BLOCKS)
        return self

    def transform(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 (n, H, W, C) to (n, features).

        Raises:
            ValueError: If the images have another type or number of axes.
            zoo.errors.NotComputed: If the weights of InceptionV3 are asked for and absent.
        """
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(
                f"images must be uint8 (n, H, W, C), not {images.dtype} {images.shape}"
            )
        parts = [self._describe(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        return np.concatenate(parts)

    def _describe(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        unit = np.asarray(np.moveaxis(images, -1, 1), np.float32)
        unit /= 255
        described = [BLOCKS[block](self, images, unit) for block in self.blocks]
        return np.concatenate([b.reshape(len(images), -1) for b in described], axis=1)


Block = Callable[[ImageFeatures, npt.NDArray[np.uint8], Unit], npt.NDArray[np.float32]]
BLOCKS: Mapping[Feature, Block] = {
    "pixels": lambda f, images, unit: _averages(unit, f.side),
    "histogram": lambda f, images, unit: _histogram(unit, f.bins),
    "lbp": lambda f, images, unit: lbp(images),
    "hog": lambda f, images, unit: hog(unit),
    "spectrum": lambda f, images, unit: _spectrum(unit, f.bins),
    "inception": lambda f, images, unit: inception(images, f.weights, f.layer),
}


def _averages(images: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float32]:
    height, width = images.shape[-2:]
    return np.asarray(_area_weights(height, side) @ images @ _area_weights(width, side).T)


def _area_weights(length: int, side: int) -> npt.NDArray[np.float32]:
    edges = np.linspace(0, length, side + 1)
    pixels = np.arange(length)
    overlap = np.minimum(pixels + 1, edges[1:, None]) - np.maximum(pixels, edges[:-1, None])
    return (overlap.clip(0) * side / length).astype(np.float32)


def _histogram(images: npt.NDArray[np.float32], bins: int) -> npt.NDArray[np.float32]:
    flat = images.reshape(-1, images.shape[-2] * images.shape[-1])
    level = np.minimum((flat * bins).astype(np.int64), bins - 1)
    level += bins * np.arange(len(flat))[:, None]
    counts = np.bincount(level.ravel(), minlength=bins * len(flat)).reshape(*images.shape[:2], bins)
    return np.asarray(np.sqrt(counts / flat.shape[1]), np.float32)


def _spectrum(images: npt.NDArray[np.float32], bins: int) -> npt.NDArray[np.float32]:
    height, width = images.shape[-2:]
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    ring = np.minimum((radius / HIGHEST_FREQUENCY * bins).astype(np.int64), bins - 1).ravel()
    rings = (ring == np.unique(ring)[:, None]).astype(np.float32)
    power = np.abs(np.fft.rfft2(images)) ** 2 / (height * width)
    mean = (
        power.reshape(*images.shape[:2], -1).astype(np.float32)
        @ (rings / rings.sum(axis=1, keepdims=True)).T
    )
    return np.asarray(np.log10(mean + QUANTISATION_POWER), np.float32)
