"""Penalties on the discriminator, each a function of what it answers."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Tensor = Any
Discriminate = Callable[[Tensor], Tensor]


def squared_slopes(discriminate: Discriminate, images: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of images, and the squared norm of their gradient with respect to each image.

    Args:
        discriminate: Images (n, H, W, C) to logits (n, 1).
        images: (n, H, W, C).

    Returns:
        Logits (n, 1) and squared norms (n,), both differentiable.
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminate(images)
        total = tf.reduce_sum(logits)
    slopes = tape.gradient(total, images)
    return logits, tf.reduce_sum(tf.square(slopes), axis=(1, 2, 3))


def r1_penalty(squared: Tensor) -> Tensor:
    """Half the mean squared slope at real images (Mescheder et al., 2018, arXiv:1801.04406)."""
    return 0.5 * tf.reduce_mean(squared)


def gradient_penalty(discriminate: Discriminate, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """Mean squared distance of the slope to 1 between real and fake (arXiv:1704.00028).

    Args:
        discriminate: Images (n, H, W, C) to logits (n, 1), each image judged by itself.
        real: (n, H, W, C).
        fake: (n, H, W, C).
        mix: (n, 1, 1, 1) in [0, 1), the share of the real image.
    """
    _, squared = squared_slopes(discriminate, mix * real + (1.0 - mix) * fake)
    # The square root has no derivative at 0.
    return tf.reduce_mean(tf.square(tf.sqrt(squared + 1e-12) - 1.0))


def consistency_penalty(logits: Tensor, logits_of_moved: Tensor) -> Tensor:
    """Mean squared change of the logits when images are moved (arXiv:1910.12027)."""
    return tf.reduce_mean(tf.square(logits - logits_of_moved))
