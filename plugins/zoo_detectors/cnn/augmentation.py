"""Flips and shifts in tf.data; the only module that uses keras-cv."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from zoo.errors import NotComputed


def augmentation(seed: int) -> Callable[[Any], Any]:
    """A function on batches (b, H, W, C) that flips and shifts each image at random.

    Shifts are by whole pixels and up to 6 % of a side: interpolation would blur away the fine
    texture by which generated images are recognised. Map it without parallel calls, for the
    layers draw from one stream of random numbers.

    Args:
        seed: Same seed, same changes.

    Raises:
        zoo.errors.NotComputed: If keras-cv does not import.
    """
    try:
        from keras_cv import layers
    except Exception as error:  # keras-cv is no longer released; a new Keras may break it
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise NotComputed(
            f'no augmentation, keras-cv does not import ({reason}): pip install "keras-cv>=0.9.0"'
        ) from error
    flip = layers.RandomFlip("horizontal_and_vertical", seed=seed)
    shift = layers.RandomTranslation(
        0.06, 0.06, fill_mode="reflect", interpolation="nearest", seed=seed + 1
    )
    return lambda images: shift(flip(tf.cast(images, tf.float32), training=True), training=True)
