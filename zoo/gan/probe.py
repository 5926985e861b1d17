"""What is measured of a GAN while it trains: its samples' variety and its discriminator's bias."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zoo.data import ImageSet
from zoo.metrics.features import squared_distances, to_uint8
from zoo.metrics.prdc import K, coverage
from zoo.metrics.protocol import Context
from zoo.metrics.ssim import ms_ssim

if TYPE_CHECKING:
    from zoo.gan.model import GAN

Array = npt.NDArray[Any]

IMAGES = 64  # generated and real ones of a probe: a fraction of a second, of a few thousand steps
PAIRS = 64
COMPARED = 4096  # training images among which copies are looked for
THUMBNAIL = 8
ALIKE = 0.1  # of the mean distance between two real images: closer is the same to the eye
SEED = 2**20  # of the probe's latents; scores and samples use others


class Probe:
    """Measures a GAN against fixed real images.

    Args:
        gan: The GAN in training.
        training: Its training images.
        held_out: Images that it does not train on; without them over-fitting is not measured.
    """

    def __init__(self, gan: "GAN", training: ImageSet, held_out: ImageSet | None = None) -> None:
        self.gan = gan
        self.channels = gan.image_shape[2] - gan.masked
        self.training = training.spread(IMAGES)
        self.held_out = held_out.spread(IMAGES) if held_out else None
        self.reals = self._pixels(self.training)
        compared = training.spread(COMPARED)
        self.known = np.concatenate(
            [
                _thumbnails(
                    self._pixels(compared.take(np.arange(at, min(at + 512, len(compared)))))
                )
                for at in range(0, len(compared), 512)
            ]
        )
        self.thumbnails = _thumbnails(self.reals)
        self.distance = _mean_distance(self.thumbnails)
        self.ms_ssim = _pairwise(self.reals)
        self.duplicates = _duplicates(self.thumbnails, ALIKE * self.distance)

    def __call__(self) -> tuple[dict[str, float], Array]:
        """The measured values by name, and the generated images (n, H, W, C) that they are of."""
        dtype: Any = self.training.dtype.name
        images = self.gan.sample(IMAGES, seed=SEED, dtype=dtype)
        fakes = images[..., : self.channels]
        thumbnails = _thumbnails(fakes)
        near = ALIKE * self.distance
        values = {
            "probed": float(len(fakes)),
            "ms_ssim": _pairwise(fakes),
            "ms_ssim_real": self.ms_ssim,
            "duplicates": _duplicates(thumbnails, near),
            "duplicates_real": self.duplicates,
            "copies": float((_nearest(thumbnails, self.known) < near / 2).mean()),
        }
        if min(len(thumbnails), len(self.thumbnails)) > K:
            values["coverage"] = coverage(self.thumbnails, thumbnails, Context(seed=0))
        if self.held_out is not None:
            values["overfit"] = self._overfit(images)
        return {name: value for name, value in values.items() if np.isfinite(value)}, fakes

    def _pixels(self, images: ImageSet) -> Array:
        return images[:][..., : self.channels]

    def _overfit(self, fakes: Array) -> float:
        """How far held-out images score below training ones, of what generated ones do."""
        assert self.held_out is not None
        trained = self._score(self.training)
        unseen = self._score(self.held_out)
        labels = self.gan.sampled_labels(len(fakes), SEED)
        made = float(self.gan.score(fakes, labels).mean())
        return (trained - unseen) / (trained - made) if trained > made else np.nan

    def _score(self, images: ImageSet) -> float:
        labels = images.labels if self.gan.classes else None
        return float(self.gan.score(images[:], labels).mean())


def _thumbnails(images: Array) -> Array:
    """(n, d) means of about 8×8 blocks, from 0 to 255."""
    shown = to_uint8(images).astype(np.float64)
    n, height, width, channels = shown.shape
    rows, columns = (max(1, side // THUMBNAIL) for side in (height, width))
    whole = shown[:, : height // rows * rows, : width // columns * columns]
    blocks = whole.reshape(n, height // rows, rows, width // columns, columns, channels)
    means: Array = blocks.mean(axis=(2, 4)).reshape(n, -1)
    return means


def _mean_distance(points: Array) -> float:
    if len(points) < 2:
        return 0.0
    squares = squared_distances(points, points)[np.triu_indices(len(points), 1)]
    return float(np.sqrt(squares).mean())


def _nearest(points: Array, others: Array) -> Array:
    found: Array = np.sqrt(squared_distances(points, others).min(axis=1))
    return found


def _duplicates(points: Array, near: float) -> float:
    """Share of images with another one nearer than `near`."""
    if len(points) < 2:
        return 0.0
    squares = squared_distances(points, points)
    np.fill_diagonal(squares, np.inf)
    return float((np.sqrt(squares.min(axis=1)) < near).mean())


def _pairwise(images: Array) -> float:
    """Mean MS-SSIM of random pairs; 0 if there are no two images."""
    if len(images) < 2:
        return 0.0
    rng = np.random.default_rng(0)
    first = rng.integers(0, len(images), PAIRS)
    second = (first + rng.integers(1, len(images), PAIRS)) % len(images)
    return float(ms_ssim(images[first], images[second]).mean())
