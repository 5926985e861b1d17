"""Power spectra of real and generated images, where upsampling leaves its trace."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.evaluation.trial import GENERATED, Examples

RINGS = 32
HIGHEST = 0.5  # cycles per pixel along an axis
ROUNDING = 1e-6  # power of rounding to 256 levels, so that empty images have a finite logarithm


def log_power(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Mean over images and channels of the logarithm (base 10) of the power spectrum.

    Args:
        images: (n, H, W, C), taken as 0 to 1.

    Returns:
        (H, W), the mean of the image in the middle.
    """
    height, width = images.shape[1:3]
    total = np.zeros((height, width))
    for start in range(0, len(images), 64):
        unit = images[start : start + 64].astype(np.float32) / 255
        power = np.abs(np.fft.fft2(unit, axes=(1, 2))) ** 2 / (height * width)
        total += np.log10(power + ROUNDING).mean(axis=3).sum(axis=0)
    return np.fft.fftshift(total / len(images)).astype(np.float32)


def radial(spectrum: npt.NDArray[np.float32]) -> tuple[list[float], list[float]]:
    """Mean of a centred spectrum (H, W) on rings: frequencies in cycles per pixel, and means."""
    height, width = spectrum.shape
    y, x = (np.fft.fftshift(np.fft.fftfreq(side)) for side in (height, width))
    radius = np.hypot(y[:, None], x[None])
    rings = min(RINGS, min(height, width) // 2)
    ring = np.minimum((radius / HIGHEST * rings).astype(np.int64), rings)
    inside = ring < rings
    counts = np.bincount(ring[inside], minlength=rings)
    sums = np.bincount(ring[inside], weights=spectrum[inside], minlength=rings)
    middles = (np.arange(rings) + 0.5) * HIGHEST / rings
    return middles.tolist(), (sums / counts).tolist()


def spectra(test: Examples) -> dict[str, Any]:
    """Radial log-power of the real and of the generated test images, as detection.json holds it."""
    real = log_power(test.images[test.labels != GENERATED])
    generated = log_power(test.images[test.labels == GENERATED])
    frequency, real_power = radial(real)
    return {
        "cycles_per_pixel": frequency,
        "real": real_power,
        "generated": radial(generated)[1],
        "n": len(test),
    }


def picture(test: Examples) -> npt.NDArray[np.uint8]:
    """Spectra of real images, of generated ones, and their difference, as three grey pictures.

    Real and generated share one scale, from the lowest to the highest value of both. In the
    difference mid-grey is none, and white a hundredfold power of the generated images.

    Returns:
        (3, H, W, 1).
    """
    real = log_power(test.images[test.labels != GENERATED])
    generated = log_power(test.images[test.labels == GENERATED])
    low, high = min(real.min(), generated.min()), max(real.max(), generated.max())
    scaled = [(side - low) / max(high - low, 1e-6) for side in (real, generated)]
    shown = np.stack([*scaled, 0.5 + (generated - real) / 4])
    return np.asarray(np.rint(shown.clip(0, 1) * 255), np.uint8)[..., None]
