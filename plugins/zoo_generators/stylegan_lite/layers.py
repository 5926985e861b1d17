"""Layers of a style-based generator and its discriminator; none keeps random numbers as state."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo_generators.stylegan_lite.convolutions import (
    GAIN,
    SLOPE,
    EqualisedConv2D,
    Shape,
    Tensor,
    registered,
)

SMALLEST_GRID = 4


@registered
class NoisyActivation(keras.layers.Layer):  # type: ignore[misc]
    """Noise of a learned strength, a bias, and leaky ReLU.

    Args:
        start: Where in an image's vector of noise this layer's begins.
        **options: As `keras.layers.Layer` takes them.

    Call arguments: images (n, H, W, c) and noise (n, N); gives (n, H, W, c).
    """

    def __init__(self, start: int, **options: Any) -> None:
        super().__init__(**options)
        self.start = start

    def build(self, input_shape: list[Shape]) -> None:
        """Create the strength, 0 at first, and the bias."""
        self.strength = self.add_weight(shape=(), initializer="zeros", name="strength")
        self.bias = self.add_weight(shape=input_shape[0][-1:], initializer="zeros", name="bias")

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Add to images their share of the noise."""
        images, noise = inputs
        height, width = images.shape[1:3]
        own = noise[:, self.start : self.start + height * width]
        own = ops.reshape(own * self.strength, (-1, height, width, 1))
        return ops.leaky_relu(images + (own + self.bias), SLOPE)

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        """That of the images."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {**super().get_config(), "start": self.start}


@registered
class LearnedConstant(keras.layers.Layer):  # type: ignore[misc]
    """The learned image that synthesis starts from, once for each row of what it is called on.

    Args:
        shape: (H, W, c).
        **options: As `keras.layers.Layer` takes them.
    """

    def __init__(self, shape: tuple[int, int, int], **options: Any) -> None:
        super().__init__(**options)
        self.grid = tuple(shape)

    def build(self, input_shape: Shape) -> None:
        """Create the image."""
        self.constant = self.add_weight(
            shape=self.grid, initializer=keras.initializers.RandomNormal(stddev=1.0), name="value"
        )

    def call(self, x: Tensor) -> Tensor:
        """Repeat the image."""
        return ops.broadcast_to(self.constant[None], (ops.shape(x)[0], *self.grid))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(n, H, W, c)."""
        return (input_shape[0], *self.grid)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {**super().get_config(), "shape": list(self.grid)}


@registered
class UnitLength(keras.layers.Layer):  # type: ignore[misc]
    """Vectors (…, d) divided by their root mean square (arXiv:1710.10196, section 4.2)."""

    def call(self, x: Tensor) -> Tensor:
        """Divide in the precision of weights."""
        wide = ops.cast(x, self.variable_dtype)
        power = ops.mean(ops.square(wide), axis=-1, keepdims=True)
        return ops.cast(wide * ops.rsqrt(power + 1e-8), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """That of the input."""
        return input_shape


@registered
class BatchDeviation(keras.layers.Layer):  # type: ignore[misc]
    """One more channel: how much the batch differs within itself (arXiv:1710.10196, section 3).

    The standard deviation of each feature over the whole batch, averaged to one number. A batch
    of one image differs by nothing.
    """

    def call(self, x: Tensor) -> Tensor:
        """Measure in the precision of weights, over the whole batch."""
        wide = ops.cast(x, self.variable_dtype)
        variance = ops.mean(ops.square(wide - ops.mean(wide, axis=0)), axis=0)
        # The square root has no derivative at 0.
        deviation = ops.cast(ops.mean(ops.sqrt(variance + 1e-8)), x.dtype)
        return ops.concatenate([x, ops.ones_like(x[..., :1]) * deviation], axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(n, H, W, c + 1)."""
        return (*input_shape[:-1], int(input_shape[-1] or 0) + 1)


@registered
class Doubled(keras.layers.Layer):  # type: ignore[misc]
    """Bilinear upsampling by 2, cut to a size.

    Args:
        size: (H, W), at most twice the input's.
        **options: As `keras.layers.Layer` takes them.
    """

    def __init__(self, size: tuple[int, int], **options: Any) -> None:
        super().__init__(**options)
        self.size = tuple(size)

    def call(self, x: Tensor) -> Tensor:
        """Multiply by two matrices: on a CPU faster than slices, and differentiable twice."""
        rows, columns = (
            ops.convert_to_tensor(_doubling(have, want), x.dtype)
            for have, want in zip(x.shape[1:3], self.size, strict=True)
        )
        return ops.einsum("jw,niwc->nijc", columns, ops.einsum("ih,nhwc->niwc", rows, x))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(n, H, W, c)."""
        return (input_shape[0], *self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {**super().get_config(), "size": list(self.size)}


def _doubling(have: int, want: int) -> Tensor:
    """A matrix (want, have): three quarters of a pixel, one of the neighbour on that side."""
    at = np.arange(want)
    near, side = at // 2, at // 2 + 2 * (at % 2) - 1
    matrix = np.zeros((want, have), np.float32)
    np.add.at(matrix, (at, near), 0.75)
    np.add.at(matrix, (at, np.clip(side, 0, have - 1)), 0.25)
    return matrix


def stage_grids(image_shape: Sequence[int]) -> list[tuple[int, int]]:
    """Grid sizes from the image's to the one that synthesis starts from, its smaller side 4 to 7.

    Args:
        image_shape: (H, W, …), at least 8 each.
    """
    grids = [(int(image_shape[0]), int(image_shape[1]))]
    while min(grids[-1]) >= 2 * SMALLEST_GRID:
        height, width = grids[-1]
        grids.append((-(-height // 2), -(-width // 2)))
    return grids


def halved(x: Any, channels: int, wider: int) -> Any:
    """A residual block of a discriminator; its two branches add up to the input's variance.

    Args:
        x: (n, H, W, channels).
        channels: Of the convolution before the mean of 2×2.
        wider: Of the convolution after it.
    """
    half, part = keras.layers.AveragePooling2D, math.sqrt(0.5)
    y = EqualisedConv2D(channels, gain=GAIN, activate=True)(x)
    y = half(2, padding="same")(y)
    y = EqualisedConv2D(wider, gain=GAIN * part, activate=True)(y)
    skip = EqualisedConv2D(wider, 1, gain=part, bias=None)(half(2, padding="same")(x))
    return keras.layers.Add()([y, skip])
