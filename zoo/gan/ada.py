"""The augmentations of ADA (Karras et al., 2020, arXiv:2006.06676), each with a probability.

The paper's order and ranges: pixel blitting, geometry, colour. Geometry is one affine warp,
sampled bilinearly with mirrored edges; the paper's wavelet low-pass filters are left out, so strong
shrinking aliases. Everything is a product or a gather, so it compiles under XLA, and it is linear
in the pixels or differentiable twice.
"""

import math
from typing import Any

import tensorflow as tf

from zoo.gan.augment import Operation

Tensor = Any
# log2 of the scale has this standard deviation, of a fractional shift this share of the side.
SCALE = 0.2
SHIFT = 0.125
BRIGHTNESS = 0.2
CONTRAST = 0.5
SATURATION = 1.0


def _normal(u: Tensor, v: Tensor) -> Tensor:
    """Box and Muller's standard normal number from two uniform ones."""
    return tf.sqrt(-2.0 * tf.math.log(1.0 - u)) * tf.cos(2.0 * math.pi * v)


def _matrix(a: Tensor, b: Tensor, x: Tensor, c: Tensor, d: Tensor, y: Tensor) -> Tensor:
    zero, one = tf.zeros_like(a), tf.ones_like(a)
    rows = [tf.stack(row, axis=-1) for row in ((a, b, x), (c, d, y), (zero, zero, one))]
    return tf.stack(rows, axis=1)


def _geometry(images: Tensor, u: Tensor, p: Tensor) -> Tensor:
    """All geometric operations as one warp, each taking part with probability p."""
    _, height, width, _ = images.shape
    zero, one = tf.zeros_like(u[:, 0]), tf.ones_like(u[:, 0])

    def chance(i: int, value: Tensor, otherwise: Tensor) -> Tensor:
        return tf.where(u[:, i] < p, value, otherwise)

    mirror = chance(0, tf.where(u[:, 1] < 0.5, -one, one), one)
    quarters = chance(2, tf.floor(u[:, 3] * 4.0), zero)
    quarters = quarters if height == width else 2.0 * tf.floor(quarters / 2.0)
    whole_x = chance(4, tf.round((2.0 * u[:, 5] - 1.0) * SHIFT * width), zero)
    whole_y = chance(4, tf.round((2.0 * u[:, 6] - 1.0) * SHIFT * height), zero)
    scale = chance(7, 2.0 ** (SCALE * _normal(u[:, 8], u[:, 9])), one)
    # Two rotations with this probability each give p for any rotation.
    rotating = 1.0 - tf.sqrt(1.0 - p)
    before = tf.where(u[:, 10] < rotating, (2.0 * u[:, 11] - 1.0) * math.pi, zero)
    stretch = chance(12, 2.0 ** (SCALE * _normal(u[:, 13], u[:, 14])), one)
    after = tf.where(u[:, 15] < rotating, (2.0 * u[:, 16] - 1.0) * math.pi, zero)
    part_x = chance(17, SHIFT * width * _normal(u[:, 18], u[:, 19]), zero)
    part_y = chance(17, SHIFT * height * _normal(u[:, 20], u[:, 21]), zero)

    def turn(angle: Tensor) -> Tensor:
        return _matrix(tf.cos(angle), -tf.sin(angle), zero, tf.sin(angle), tf.cos(angle), zero)

    # From a place in the output to the place in the input that it shows.
    steps = (
        _matrix(mirror, zero, zero, zero, one, zero),
        turn(quarters * (math.pi / 2.0)),
        _matrix(one, zero, whole_x, zero, one, whole_y),
        _matrix(scale, zero, zero, zero, scale, zero),
        turn(before),
        _matrix(stretch, zero, zero, zero, 1.0 / stretch, zero),
        turn(after),
        _matrix(one, zero, part_x, zero, one, part_y),
    )
    matrix = steps[0]
    for step in steps[1:]:
        matrix = matrix @ step
    return warp(images, matrix)


def warp(images: Tensor, matrix: Tensor) -> Tensor:
    """Images sampled bilinearly at affinely moved places, mirrored at their edges.

    Args:
        images: (n, H, W, C).
        matrix: (n, 3, 3) from (x, y, 1) in the output to the input, in pixels from the centre.
    """
    _, height, width, channels = images.shape
    x = tf.range(width, dtype=matrix.dtype) - (width - 1) / 2
    y = tf.range(height, dtype=matrix.dtype) - (height - 1) / 2
    columns, rows = tf.meshgrid(x, y)
    places = tf.stack([columns, rows, tf.ones_like(columns)], axis=-1)
    found = tf.einsum("nij,hwj->nhwi", matrix[:, :2], places)
    flat = tf.reshape(images, (-1, height * width, channels))

    left, right, across = _neighbours(found[..., 0] + (width - 1) / 2, width)
    above, below, down = _neighbours(found[..., 1] + (height - 1) / 2, height)

    def at(row: Tensor, column: Tensor) -> Tensor:
        which = tf.reshape(row * width + column, (-1, height * width))
        return tf.reshape(tf.gather(flat, which, batch_dims=1), (-1, height, width, channels))

    top = at(above, left) * (1.0 - across) + at(above, right) * across
    bottom = at(below, left) * (1.0 - across) + at(below, right) * across
    return top * (1.0 - down) + bottom * down


def _neighbours(place: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """The two pixels around a place, mirrored into the image, and the share of the second."""
    # A millionth of a pixel off a whole place is rounding: identity must be exact.
    place = tf.where(tf.abs(place - tf.round(place)) < 1e-4, tf.round(place), place)
    first = tf.floor(place)
    return _mirrored(first, side), _mirrored(first + 1.0, side), (place - first)[..., None]


def _mirrored(index: Tensor, side: int) -> Tensor:
    period = max(2 * (side - 1), 1)
    index = tf.math.floormod(tf.cast(index, tf.int32), period)
    return tf.minimum(index, period - index)


def _colours(images: Tensor, u: Tensor, p: Tensor) -> Tensor:
    """Brightness, contrast and, of three channels, inverted luma, hue and saturation."""

    def chance(i: int, value: Tensor, otherwise: float) -> Tensor:
        otherwise = tf.cast(otherwise, u.dtype)
        return tf.where(u[:, i] < p, value, otherwise)[:, None, None, None]

    images = images + chance(0, BRIGHTNESS * _normal(u[:, 1], u[:, 2]), 0.0)
    images = images * chance(3, 2.0 ** (CONTRAST * _normal(u[:, 4], u[:, 5])), 1.0)
    if images.shape[-1] != 3:
        return images
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    images = images - grey * chance(6, 2.0 * tf.round(u[:, 7]), 0.0)
    images = _hue(images, chance(8, (2.0 * u[:, 9] - 1.0) * math.pi, 0.0))
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    saturation = chance(10, 2.0 ** (SATURATION * _normal(u[:, 11], u[:, 12])), 1.0)
    return grey + (images - grey) * saturation


def _hue(images: Tensor, angle: Tensor) -> Tensor:
    """Colours turned about the grey axis (Rodrigues' formula)."""
    grey = tf.reduce_mean(images, axis=-1, keepdims=True)
    around = (tf.roll(images, 1, axis=-1) - tf.roll(images, -1, axis=-1)) / math.sqrt(3.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    return images * cos + around * sin + grey * (1.0 - cos)


OPERATIONS = (Operation(22, _geometry), Operation(13, _colours, coloured=True))
