"""Sliced Wasserstein distance of Laplacian-pyramid patches (Karras et al., arXiv:1710.10196)."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from zoo.errors import ZooError
from zoo.metrics.protocol import Array, Context

PATCH = 7
PATCHES_PER_IMAGE = 16
PROJECTIONS = 128
SMALLEST_LEVEL = 16
BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16
BLOCK = 64

Images = npt.NDArray[np.float32]


class SlicedWasserstein:
    """Mean over pyramid levels and random projections of the 1-D Wasserstein-1 distance.

    Descriptors are 7×7 patches of each level of the Laplacian pyramid, from full size down to
    a shorter side of 16 px. Both sides are scaled by the real patches' mean and standard
    deviation per channel, where Karras et al. scale each side by its own: a change of brightness
    or contrast counts here. The unit is one such standard deviation.

    Attributes:
        settings: What the protocol card prints.
    """

    settings: ClassVar[dict[str, object]] = {
        "estimator": "sliced Wasserstein-1 distance of Laplacian-pyramid patches",
        "patch": PATCH,
        "patches_per_image_and_level": PATCHES_PER_IMAGE,
        "projections": PROJECTIONS,
        "smallest_level": SMALLEST_LEVEL,
        "scaling": "mean and standard deviation of the real patches, per level and channel",
    }

    def __call__(self, real: Array, fake: Array, context: Context) -> float:
        """The distance of images (n, H, W, C) and (m, H, W, C), uint8, 0 for equal sets."""
        if real.shape[1:] != fake.shape[1:]:
            raise ZooError(f"images of {real.shape[1:]} and {fake.shape[1:]} cannot be compared")
        seed = context.seed
        return self.compare(self.prepare(real, seed=seed), self.prepare(fake, seed=seed), context)

    def prepare(self, images: npt.NDArray[np.uint8], *, seed: int) -> npt.NDArray[np.float32]:
        """Patches (n, levels, patches, 49, C) at random places that depend on the seed."""
        if min(images.shape[1:3]) < PATCH:
            raise ZooError(f"images of {images.shape[1:3]} are smaller than a {PATCH} px patch")
        blocks = (
            _patches(images[start : start + BLOCK].astype(np.float32), [seed, start])
            for start in range(0, len(images), BLOCK)
        )
        return np.concatenate(list(blocks))

    def compare(self, real: Array, fake: Array, context: Context) -> float:
        """The distance of two sets of patches as `prepare` returns them."""
        rng = np.random.default_rng(context.seed)
        levels = range(real.shape[1])
        return float(np.mean([_distance(real[:, i], fake[:, i], rng) for i in levels]))


swd = SlicedWasserstein()


def laplacian_pyramid(images: Images) -> list[Images]:
    """Band-pass levels of images (n, H, W, C), finest first; the last holds what is left."""
    levels = []
    while min(images.shape[1:3]) // 2 >= SMALLEST_LEVEL:
        smaller = _blur(images)[:, ::2, ::2]
        levels.append(images - _enlarge(smaller, images.shape))
        images = smaller
    return [*levels, images]


def _blur(images: Images) -> Images:
    height, width = images.shape[1:3]
    tall = np.pad(images, ((0, 0), (2, 2), (0, 0), (0, 0)), mode="reflect")
    images = _weighted([tall[:, i : i + height] for i in range(5)])
    wide = np.pad(images, ((0, 0), (0, 0), (2, 2), (0, 0)), mode="reflect")
    return _weighted([wide[:, :, i : i + width] for i in range(5)])


def _weighted(shifted: list[Images]) -> Images:
    total = np.zeros(shifted[0].shape, np.float32)
    for weight, image in zip(BINOMIAL, shifted, strict=True):
        total += weight * image
    return total


def _enlarge(images: Images, shape: tuple[int, ...]) -> Images:
    spread = np.zeros(shape, np.float32)
    spread[:, ::2, ::2] = images
    return _blur(spread) * 4


def _patches(images: Images, seed: list[int]) -> npt.NDArray[np.float32]:
    n, channels = len(images), images.shape[3]
    rng = np.random.default_rng(seed)
    chosen = []
    for level in laplacian_pyramid(images):
        windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH, PATCH), (1, 2))
        rows, columns = (
            rng.integers(0, size, (n, PATCHES_PER_IMAGE)) for size in windows.shape[1:3]
        )
        picked = windows[np.arange(n)[:, None], rows, columns]
        chosen.append(picked.reshape(n, PATCHES_PER_IMAGE, channels, -1).swapaxes(2, 3))
    return np.stack(chosen, axis=1)


def _distance(real: Array, fake: Array, rng: np.random.Generator) -> float:
    """Sliced Wasserstein-1 distance of patches (n, patches, 49, C) and (m, patches, 49, C)."""
    mean = real.mean((0, 1, 2))
    spread = real.std((0, 1, 2))
    spread[spread == 0] = 1
    directions = rng.standard_normal((real[0, 0].size, PROJECTIONS), np.float32)
    directions /= np.sqrt((directions**2).sum(0))
    first, second = (
        np.sort(_projected((side - mean) / spread, directions), axis=1) for side in (real, fake)
    )
    points = max(first.shape[1], second.shape[1])
    return float(np.abs(_quantiles(first, points) - _quantiles(second, points)).mean())


def _projected(patches: Array, directions: Array) -> Array:
    return np.ascontiguousarray((patches.reshape(-1, len(directions)) @ directions).T)


def _quantiles(ordered: Array, points: int) -> Array:
    """Values of each sorted row at `points` evenly spaced quantiles."""
    at = (np.arange(points) + 0.5) / points * ordered.shape[1]
    return ordered[:, at.astype(np.int64)]
