"""Differentiable augmentation of what the discriminator sees, real and generated alike."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from zoo.errors import UsageError

Tensor = Any
Augmentation = Callable[[Tensor, Tensor], Tensor]


def no_augmentation(images: Tensor, seed: Tensor) -> Tensor:
    """The images as they are."""
    return images


def diffaugment(images: Tensor, seed: Tensor) -> Tensor:
    """DiffAugment (Zhao et al., 2020, arXiv:2006.10738): colour, translation and cutout.

    Vacated pixels take the value −1, the background of dark-field images, instead of the paper's
    0, which in [−1, 1] is grey. Translation is a product with one-hot matrices, so that it
    compiles under XLA with its second derivative.

    Args:
        images: (n, H, W, C) in [−1, 1].
        seed: (2,) int32; the same seed gives the same augmentation.
    """
    return _cutout(_translation(_colour(images, seed), seed), seed)


def _uniform(seed: Tensor, salt: int, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    key = tf.stack([seed[0], seed[1] ^ (salt << 24)])
    return tf.random.stateless_uniform(shape, key, low, high, alg="philox")


def _colour(images: Tensor, seed: Tensor) -> Tensor:
    n = images.shape[0]
    images = images + _uniform(seed, 1, (n, 1, 1, 1), -0.5, 0.5)
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - grey) * _uniform(seed, 2, (n, 1, 1, 1), 0.0, 2.0) + grey
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    return (images - mean) * _uniform(seed, 3, (n, 1, 1, 1), 0.5, 1.5) + mean


def _shifts(seed: Tensor, salt: int, n: int, side: int) -> Tensor:
    reach = side // 8
    return tf.cast(tf.floor(_uniform(seed, salt, (n, 1), -reach, reach + 1)), tf.int32)


def _translation(images: Tensor, seed: Tensor) -> Tensor:
    n, height, width, _ = images.shape
    rows = tf.one_hot(tf.range(height)[None] + _shifts(seed, 4, n, height), height)
    columns = tf.one_hot(tf.range(width)[None] + _shifts(seed, 5, n, width), width)
    return tf.einsum("nih,nhwc,njw->nijc", rows, images + 1.0, columns) - 1.0


def _cutout(images: Tensor, seed: Tensor) -> Tensor:
    n, height, width, _ = images.shape
    hole = _inside(seed, 6, n, height)[:, :, None] & _inside(seed, 7, n, width)[:, None, :]
    return tf.where(hole[..., None], -1.0, images)


def _inside(seed: Tensor, salt: int, n: int, side: int) -> Tensor:
    centre = _uniform(seed, salt, (n, 1), 0.0, float(side))
    return tf.abs(tf.range(side, dtype=tf.float32)[None] + 0.5 - centre) < side / 4


AUGMENTATIONS: Mapping[str, Augmentation] = {"none": no_augmentation, "diffaugment": diffaugment}


def find_augmentation(name: str) -> Augmentation:
    """An augmentation by name.

    Raises:
        zoo.errors.UsageError: If there is none of that name.
    """
    if name not in AUGMENTATIONS:
        raise UsageError(f"no augmentation {name!r}; choose from {', '.join(AUGMENTATIONS)}")
    return AUGMENTATIONS[name]
