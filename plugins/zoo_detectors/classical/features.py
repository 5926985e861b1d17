"""Images to short vectors that a classical model can learn from a few hundred examples."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

HIGHEST_FREQUENCY = np.sqrt(0.5)  # cycles per pixel, at the corner of the spectrum
QUANTISATION_POWER = 1e-6  # of rounding to 256 levels, so that empty images have a finite log


class ImageFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Area-averaged pixels, intensity histogram and radial power spectrum of each channel.

    The spectrum is where upsampling leaves its trace (Durall et al., 2020, arXiv:2003.01826).

    Args:
        side: Height and width that the pixels are averaged down to.
        bins: Number of bins of the histogram and, at most, of the spectrum.
    """

    def __init__(self, side: int = 8, bins: int = 24) -> None:
        self.side = side
        self.bins = bins

    def fit(self, images: npt.NDArray[np.uint8], labels: Any = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 (n, H, W, C) to (n, features).

        Raises:
            ValueError: If the images have another type or number of axes.
        """
        if images.dtype != np.uint8 or images.ndim != 4:
            raise ValueError(
                f"images must be uint8 (n, H, W, C), not {images.dtype} {images.shape}"
            )
        parts = [self._describe(images[i : i + 256]) for i in range(0, len(images), 256)]
        return np.concatenate(parts)

    def _describe(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        unit = np.asarray(np.moveaxis(images, -1, 1), np.float32)
        unit /= 255
        blocks = (
            _averages(unit, self.side),
            _histogram(unit, self.bins),
            _spectrum(unit, self.bins),
        )
        return np.concatenate([b.reshape(len(images), -1) for b in blocks], axis=1)


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
