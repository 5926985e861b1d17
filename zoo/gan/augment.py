"""Differentiable augmentation of what the discriminator sees, real and generated alike."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from zoo.errors import UsageError

Tensor = Any
Augmentation = Callable[[Tensor, Tensor], Tensor]


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


OPERATIONS: Mapping[str, Augmentation] = {
    "colour": _colour,
    "translation": _translation,
    "cutout": _cutout,
}
POLICIES: Mapping[str, tuple[str, ...]] = {"none": (), "diffaugment": tuple(OPERATIONS)}


def find_augmentation(policy: str) -> Augmentation:
    """DiffAugment (Zhao et al., 2020, arXiv:2006.10738), whole or in part.

    Vacated pixels take the value −1, the background of dark-field images, instead of the paper's
    0, which in [−1, 1] is grey. Translation is a product with one-hot matrices, so that it
    compiles under XLA with its second derivative. XLA draws other random numbers from a seed than
    the graph does, so trainings with and without XLA see different augmentations.

    Args:
        policy: `none`, `diffaugment` (all), or some of `colour`, `translation` and `cutout`,
            separated by commas.

    Returns:
        A function of images (n, H, W, C) in [−1, 1] and a seed, (2,) int32; the same seed gives
        the same augmentation.

    Raises:
        zoo.errors.UsageError: If an operation is unknown.
    """
    parts = (part.strip() for part in policy.split(","))
    names = POLICIES.get(policy, tuple(parts))
    for name in names:
        if name not in OPERATIONS:
            choices = ", ".join([*POLICIES, *OPERATIONS])
            raise UsageError(f"no augmentation {name!r}; choose from {choices}")

    def augmentation(images: Tensor, seed: Tensor) -> Tensor:
        for name in names:
            images = OPERATIONS[name](images, seed)
        return images

    return augmentation
