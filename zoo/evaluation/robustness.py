"""How much of what a detector sees survives what happens to images on their way."""

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from zoo.evaluation.answers import Row, accuracy
from zoo.evaluation.controls import Build
from zoo.evaluation.panel import Panel
from zoo.evaluation.trial import Examples, probabilities

Images = npt.NDArray[np.uint8]

JPEG = (90, 70, 50)
BLUR = (0.5, 1.0, 2.0)
NOISE = (2.0, 5.0, 10.0)
RESIZE = (0.75, 0.5)
UNITS = {
    "jpeg": "quality",
    "blur": "standard deviation in pixels",
    "noise": "standard deviation in grey levels of 255",
    "resize": "factor to which images are reduced and from which they are enlarged again",
}


def changed(images: Images) -> Iterator[tuple[str, float, Images]]:
    """Images (n, H, W, C) under each change: its name, its strength and the changed images."""
    for quality in JPEG:
        yield "jpeg", quality, jpeg(images, quality)
    for sigma in BLUR:
        yield "blur", sigma, blurred(images, sigma)
    for sd in NOISE:
        yield "noise", sd, noisy(images, sd)
    for factor in RESIZE:
        yield "resize", factor, resized(images, factor)


def robustness(panel: Panel, fitted: Mapping[str, Any], test: Examples) -> list[Row]:
    """Accuracy of fitted detectors, which have seen no changed image, under each change.

    Args:
        panel: The detectors; one that fails leaves it.
        fitted: Name to detector, fitted on images as they are.
        test: The test images, changed in one way at a time, real and generated ones alike.
    """
    rows: list[Row] = []
    for change, strength, images in changed(test.images):

        def measure(name: str, build: Build, images: Images = images) -> float:
            return accuracy(probabilities(fitted[name], images), test.labels)

        for name, value in panel.each(measure).items():
            row = {"change": change, "strength": strength, "accuracy": value}
            rows.append({"detector": name, **row})
    return rows


def jpeg(images: Images, quality: int) -> Images:
    """Compressed and read again: one or three channels as such, two or four one by one."""
    return _each(images, lambda picture: _reread(picture, quality))


def resized(images: Images, factor: float) -> Images:
    """Reduced by a factor and enlarged to the same size again, bilinear and antialiased."""

    def there_and_back(picture: Image.Image) -> Image.Image:
        width, height = (max(1, round(side * factor)) for side in picture.size)
        return picture.resize((width, height), Image.Resampling.BILINEAR).resize(
            picture.size, Image.Resampling.BILINEAR
        )

    return _each(images, there_and_back)


def blurred(images: Images, sigma: float) -> Images:
    """Convolved with a Gaussian of so many pixels, rounded half up."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(images.astype(np.float32), (0, sigma, sigma, 0), mode="reflect")
    return _rounded(smooth)


def noisy(images: Images, sd: float) -> Images:
    """With Gaussian noise of so many grey levels, the same for the same number of images."""
    noise = np.random.default_rng(0).normal(0, sd, images.shape)
    return _rounded(images + noise)


def _rounded(images: npt.NDArray[Any]) -> Images:
    whole: Images = np.floor(images + 0.5).clip(0, 255).astype(np.uint8)
    return whole


def _reread(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def _each(images: Images, change: Callable[[Image.Image], Image.Image]) -> Images:
    """A change of Pillow pictures, applied to each image."""
    together = images.shape[-1] == 3
    result = np.empty_like(images)
    for image, target in zip(images, result, strict=True):
        if together:
            target[:] = np.asarray(change(Image.fromarray(image)))
            continue
        for c in range(images.shape[-1]):
            plane = Image.fromarray(np.ascontiguousarray(image[..., c]))
            target[..., c] = np.asarray(change(plane))
    return result
