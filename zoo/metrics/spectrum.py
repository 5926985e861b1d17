"""Distance of power spectra, which upsampling marks (Durall et al., arXiv:2003.01826)."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from zoo.errors import ZooError
from zoo.metrics.features import image_blocks
from zoo.metrics.protocol import Array, Context, Images

ROUNDING = 1 / 12  # power of the rounding to whole grey levels, in grey levels squared
SMALLEST = 8


def power_spectra(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Power spectra (n, H, W) of images (n, H, W, C), the lowest frequency first.

    Of the mean over channels, less its mean over the image, under a Hann window. 1 is the power of
    white noise of one grey level.

    Raises:
        zoo.errors.ZooError: If the images are smaller than 8 px.
    """
    height, width = images.shape[1:3]
    if min(height, width) < SMALLEST:
        raise ZooError(f"a spectrum needs images of at least {SMALLEST} px, not {height}x{width}")
    grey = images.mean(axis=3, dtype=np.float64)
    window = np.hanning(height)[:, None] * np.hanning(width)[None]
    centred = (grey - grey.mean(axis=(1, 2), keepdims=True)) * window
    power: npt.NDArray[np.float64] = np.abs(np.fft.fft2(centred)) ** 2 / (window**2).sum()
    return power


def decibels(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Power in dB; that of rounding is added, so that a blank image has a spectrum too."""
    level: npt.NDArray[np.float64] = 10 * np.log10(power + ROUNDING)
    return level


def log_spectrum(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Azimuthally averaged log power spectra (n, rings) of images (n, H, W, C), in dB.

    The power is averaged over rings of equal frequency, one cycle of the shorter side wide, up to
    the corner where the checkerboard of a bad upsampling lies.

    Raises:
        zoo.errors.ZooError: If the images are smaller than 8 px.
    """
    ring, _ = _rings(*images.shape[1:3])
    sums = [np.bincount(ring, one.ravel()) for one in power_spectra(images)]
    return decibels(np.stack(sums) / np.bincount(ring))


def frequencies(height: int, width: int) -> npt.NDArray[np.float64]:
    """The mean frequency (rings,) of each ring, in cycles per pixel."""
    ring, radius = _rings(height, width)
    mean: npt.NDArray[np.float64] = np.bincount(ring, radius) / np.bincount(ring)
    return mean


class SpectrumDistance:
    """Root mean square difference over frequencies of the mean log spectra, in dB.

    Attributes:
        settings: What the protocol card prints.
    """

    settings: ClassVar[dict[str, object]] = {
        "estimator": "RMS over frequencies of the difference of mean log power spectra, dB",
        "window": "Hann",
        "rings": "one cycle of the shorter side wide, corners included",
    }

    def __call__(self, real: Array, fake: Array, context: Context) -> float:
        """The distance of images (n, H, W, C) and (m, H, W, C) uint8."""
        seed = context.seed
        return self.compare(self.prepare(real, seed=seed), self.prepare(fake, seed=seed), context)

    def prepare(self, images: Images, *, seed: int) -> npt.NDArray[np.float64]:
        """Spectra (n, rings) in dB."""
        return np.concatenate([log_spectrum(block) for block in image_blocks(images)])

    def compare(self, real: Array, fake: Array, context: Context) -> float:
        """The distance of two sets of spectra."""
        return float(np.sqrt(np.mean((real.mean(axis=0) - fake.mean(axis=0)) ** 2)))

    def beside(self, real: Array, fake: Array, context: Context) -> dict[str, float]:
        """Generated minus real over the upper half of the frequencies, in dB."""
        difference = fake.mean(axis=0) - real.mean(axis=0)
        return {"excess_at_high_frequencies_db": float(difference[len(difference) // 2 :].mean())}


spectrum = SpectrumDistance()


def _rings(height: int, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Of each frequency its ring (H·W,), those that hold none left out, and its radius (H·W,)."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]).ravel()
    _, ring = np.unique(np.floor(radius * min(height, width)), return_inverse=True)
    return ring, radius
