"""What is done with styles: two mixed in an image, and the penalty on uneven paths."""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

Tensor = Any


def mixed(coarse: Tensor, fine: Tensor, crossover: Tensor, layers: int) -> Tensor:
    """Two latents for the layers of each image.

    Args:
        coarse: (n, d), for the first layers.
        fine: (n, d), for the others.
        crossover: (n,), the number of layers that take `coarse`.
        layers: How many layers there are.

    Returns:
        (n, layers, d).
    """
    before = tf.range(layers)[None] < tf.cast(crossover, "int32")[:, None]
    return tf.where(before[..., None], coarse[:, None], fine[:, None])


def path_penalty(
    synthesise: Callable[[Tensor], Tensor], styles: Tensor, directions: Tensor
) -> Tensor:
    """How unevenly a step in the styles changes the images (arXiv:1912.04958, section 3.2).

    The squared deviation of path lengths from their mean. The paper's mean is a moving average
    over the training; here it is the batch's own, with its gradient stopped, so that a step has no
    further state. A batch, or micro-batch, of one image is not penalised.

    Args:
        synthesise: Styles (n, layers, d) to images (n, H, W, C).
        styles: (n, layers, d).
        directions: Standard normal numbers in the shape of the images.

    Returns:
        A scalar.
    """
    pixels = math.prod(directions.shape[1:3])
    with tf.GradientTape() as tape:
        tape.watch(styles)
        along = tf.reduce_sum(synthesise(styles) * directions) / math.sqrt(pixels)
    slopes = tf.cast(tape.gradient(along, styles), directions.dtype)
    power = tf.reduce_mean(tf.reduce_sum(tf.square(slopes), axis=2), axis=1)
    # The square root has no derivative at 0.
    lengths = tf.sqrt(power + 1e-12)
    return tf.reduce_mean(tf.square(lengths - tf.stop_gradient(tf.reduce_mean(lengths))))
