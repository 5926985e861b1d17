"""Stored integers to the networks' [−1, 1] and back."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from zoo.errors import Diverged

Tensor = Any


def to_unit_range(images: Tensor, dtype: str = "float32") -> Tensor:
    """Integer images to floats in [−1, 1]; floats are taken to be there already."""
    images = tf.convert_to_tensor(images)
    if images.dtype.is_integer:
        return tf.cast(images, dtype) * (2.0 / images.dtype.max) - 1.0
    return tf.cast(images, dtype)


def quantise(images: npt.NDArray[np.floating[Any]], dtype: str = "uint8") -> npt.NDArray[Any]:
    """[−1, 1] to integers, rounded half up and clamped, never rescaled per batch.

    Raises:
        zoo.errors.Diverged: If a value is not finite.
    """
    if not np.isfinite(images).all():
        raise Diverged("the generator's output is not finite: its training diverged")
    top = np.iinfo(dtype).max
    rounded: npt.NDArray[Any] = np.floor(images * (top / 2) + (top + 1) / 2)
    clipped: npt.NDArray[Any] = np.clip(rounded, 0, top).astype(dtype)
    return clipped
