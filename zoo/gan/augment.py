"""Differentiable augmentation of what the discriminator sees, real and generated alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from zoo.errors import UsageError

Tensor = Any
BACKGROUND = -1.0  # vacated pixels are dark field, not the papers' grey


@dataclass(frozen=True)
class Operation:
    """One operation on images.

    Attributes:
        draws: How many uniform numbers in [0, 1) an image needs.
        apply: `(images, u, p) -> images`; images (n, H, W, C) in [−1, 1], u (n, draws), p (n,) the
            probability of being changed.
        coloured: Whether it changes values, which a mask channel must not follow.
    """

    draws: int
    apply: Callable[[Tensor, Tensor, Tensor], Tensor]
    coloured: bool = False


@dataclass(frozen=True)
class Augmentation:
    """Operations one after the other.

    Attributes:
        operations: In order.
        adaptive: Whether the probability follows the discriminator's over-fitting.
        masked: Whether the last channel is a mask.
    """

    operations: tuple[Operation, ...] = ()
    adaptive: bool = False
    masked: bool = False

    @property
    def draws(self) -> int:
        """Uniform numbers in [0, 1) that an image needs."""
        return sum(operation.draws for operation in self.operations)

    def __call__(self, images: Tensor, draws: Tensor, probability: Tensor) -> Tensor:
        """Augmented images.

        Args:
            images: (n, H, W, C) in [−1, 1].
            draws: (n, `draws`) uniform in [0, 1); the same numbers give the same augmentation.
            probability: (n,) or a scalar, for adaptive operations.
        """
        start = 0
        for operation in self.operations:
            own = draws[:, start : start + operation.draws]
            start += operation.draws
            if self.masked and operation.coloured:
                image = operation.apply(images[..., :-1], own, probability)
                images = tf.concat([image, images[..., -1:]], axis=-1)
            else:
                images = operation.apply(images, own, probability)
        return images


def _between(u: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * u


def _per_image(u: Tensor) -> Tensor:
    return u[:, None, None, None]


def _colour(images: Tensor, u: Tensor, p: Tensor) -> Tensor:
    brightness, saturation, contrast = (_per_image(u[:, i]) for i in range(3))
    images = images + _between(brightness, -0.5, 0.5)
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - grey) * _between(saturation, 0.0, 2.0) + grey
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * _between(contrast, 0.5, 1.5) + mean


def _shifts(u: Tensor, side: int) -> Tensor:
    reach = side // 8
    return tf.cast(tf.floor(_between(u, -reach, reach + 1)), tf.int32)[:, None]


def _translation(images: Tensor, u: Tensor, p: Tensor) -> Tensor:
    _, height, width, _ = images.shape
    rows, columns = (
        tf.one_hot(tf.range(side)[None] + _shifts(u[:, i], side), side, dtype=images.dtype)
        for i, side in enumerate((height, width))
    )
    moved = tf.einsum("nih,nhwc,njw->nijc", rows, images - BACKGROUND, columns)
    return moved + BACKGROUND


def _cutout(images: Tensor, u: Tensor, p: Tensor) -> Tensor:
    _, height, width, _ = images.shape
    hole = _inside(u[:, 0], height)[:, :, None] & _inside(u[:, 1], width)[:, None, :]
    return tf.where(hole[..., None], tf.cast(BACKGROUND, images.dtype), images)


def _inside(u: Tensor, side: int) -> Tensor:
    centre = (u * side)[:, None]
    return tf.abs(tf.range(side, dtype=u.dtype)[None] + 0.5 - centre) < side / 4


OPERATIONS: Mapping[str, Operation] = {
    "colour": Operation(3, _colour, coloured=True),
    "translation": Operation(2, _translation),
    "cutout": Operation(2, _cutout),
}
CHOICES = ("none", "diffaugment", "ada", *OPERATIONS)


def find_augmentation(policy: str, *, masked: bool = False) -> Augmentation:
    """DiffAugment (arXiv:2006.10738), whole or in part, or ADA (arXiv:2006.06676).

    DiffAugment's vacated pixels take the value −1, the background of dark-field images, instead of
    the paper's 0, which in [−1, 1] is grey. Translation is a product with one-hot matrices, so
    that it compiles under XLA with its second derivative.

    Args:
        policy: `none`, `diffaugment` (all), some of `colour`, `translation` and `cutout`,
            separated by commas, or `ada`.
        masked: Whether the last channel is a mask, which moves with the image and keeps its
            values.

    Raises:
        zoo.errors.UsageError: If an operation is unknown.
    """
    if policy == "ada":
        from zoo.gan import ada

        return Augmentation(ada.OPERATIONS, adaptive=True, masked=masked)
    return Augmentation(tuple(OPERATIONS[name] for name in _names(policy)), masked=masked)


def _names(policy: str) -> Sequence[str]:
    if policy == "none":
        return ()
    if policy == "diffaugment":
        return tuple(OPERATIONS)
    names = [part.strip() for part in policy.split(",")]
    for name in names:
        if name not in OPERATIONS:
            raise UsageError(f"no augmentation {name!r}; choose from {', '.join(CHOICES)}")
    return names


FLIPS = ("none", "horizontal", "dihedral")


def flip(images: Tensor, flips: str, u: Tensor) -> Tensor:
    """Real images mirrored or turned at random, where every orientation is as likely as another.

    Args:
        images: (n, H, W, C).
        flips: `none`, `horizontal`, or `dihedral` for all eight mirrored and turned forms, of
            which rectangles that are not square have four.
        u: (n, 3) uniform in [0, 1).
    """
    chosen = {"none": 0, "horizontal": 1, "dihedral": 2 + (images.shape[1] == images.shape[2])}
    for i in range(chosen[flips]):
        changed = tf.transpose(images, [0, 2, 1, 3]) if i == 2 else tf.reverse(images, axis=[2 - i])
        images = tf.where(_per_image(u[:, i] < 0.5), changed, images)
    return images
