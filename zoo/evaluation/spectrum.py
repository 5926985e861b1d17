"""Power spectra of real and generated images, where upsampling leaves its trace."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.evaluation.trial import GENERATED, Examples
from zoo.metrics.features import image_blocks
from zoo.metrics.spectrum import decibels, frequencies, log_spectrum, power_spectra

SHOWN = 20  # dB from grey to white in the picture of the difference


def spectra(test: Examples) -> dict[str, Any]:
    """Log power spectra of the real and of the generated test images, as detection.json has them.

    Returns:
        `cycles_per_pixel`, and at these the mean over images of the `real` and of the `generated`
        ones, in dB, and the number `n` of both together.
    """
    real, generated = (log_spectrum(side).mean(axis=0).tolist() for side in _sides(test))
    return {
        "cycles_per_pixel": frequencies(*test.images.shape[1:3]).tolist(),
        "real": real,
        "generated": generated,
        "n": len(test),
    }


def picture(test: Examples) -> npt.NDArray[np.uint8]:
    """Spectra of real images, of generated ones, and their difference, as three grey pictures.

    The lowest frequency is in the middle. Real and generated share one scale, from the lowest to
    the highest value of both. In the difference mid-grey is none, and white 20 dB, a hundredfold
    power of the generated images.

    Returns:
        (3, H, W, 1).
    """
    real, generated = (_mean_level(side) for side in _sides(test))
    low, high = min(real.min(), generated.min()), max(real.max(), generated.max())
    scaled = [(side - low) / max(high - low, 1e-6) for side in (real, generated)]
    shown = np.stack([*scaled, 0.5 + (generated - real) / (2 * SHOWN)])
    return np.asarray(np.rint(shown.clip(0, 1) * 255), np.uint8)[..., None]


def _sides(test: Examples) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    fake = test.labels == GENERATED
    return test.images[~fake], test.images[fake]


def _mean_level(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The mean over images of their spectra (H, W) in dB, the lowest frequency in the middle."""
    total = sum(decibels(power_spectra(block)).sum(axis=0) for block in image_blocks(images))
    shifted: npt.NDArray[np.float64] = np.fft.fftshift(total / len(images))
    return shifted
