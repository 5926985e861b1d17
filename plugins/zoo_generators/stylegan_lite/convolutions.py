"""Dense layers and convolutions with an equalised learning rate, plain and modulated by a style."""

import math
from typing import Any

import keras
from keras import ops

Tensor = Any
Shape = Any
SLOPE = 0.2
# Behind it, leaky ReLU's output has the second moment of its input.
GAIN = math.sqrt(2 / (1 + SLOPE**2))


def registered(cls: Any) -> Any:
    """A layer that `.keras` files may name."""
    return keras.saving.register_keras_serializable(package="zoo")(cls)


class Equalised(keras.layers.Layer):  # type: ignore[misc]
    """A layer with an equalised learning rate (Karras et al., 2017, arXiv:1710.10196).

    Its kernel is drawn from N(0, 1) and scaled when it is used, by the square root of what it sums
    over, so that Adam moves every layer by the same share.

    Args:
        units: Output features.
        gain: Standard deviation of the output for inputs of unit variance.
        rate: Factor on the learning rate, such as 0.01 for a mapping network.
        activate: Whether leaky ReLU follows.
        bias: What the bias starts from; `None` for no bias.
        **options: As `keras.layers.Layer` takes them.
    """

    def __init__(
        self,
        units: int,
        *,
        gain: float = 1.0,
        rate: float = 1.0,
        activate: bool = False,
        bias: float | None = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.gain, self.rate = units, gain, rate
        self.activate, self.bias_start = activate, bias

    def add_kernel(self, shape: tuple[int, ...], features: int) -> None:
        """Create the weights.

        Args:
            shape: Of the kernel; the product of all but the last side is what it sums over.
            features: Length of the bias.
        """
        spread = keras.initializers.RandomNormal(stddev=1 / self.rate)
        self.kernel = self.add_weight(shape=shape, initializer=spread, name="kernel")
        self.scale = self.gain * self.rate / math.sqrt(math.prod(shape[:-1]))
        self.bias = None
        if self.bias_start is not None:
            start = keras.initializers.Constant(self.bias_start / self.rate)
            self.bias = self.add_weight(shape=(features,), initializer=start, name="bias")

    def finish(self, x: Tensor) -> Tensor:
        """The bias and the activation."""
        if self.bias is not None:
            x = x + (self.bias * self.rate if self.rate != 1 else self.bias)
        return ops.leaky_relu(x, SLOPE) if self.activate else x

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {
            **super().get_config(),
            "units": self.units,
            "gain": self.gain,
            "rate": self.rate,
            "activate": self.activate,
            "bias": self.bias_start,
        }


@registered
class EqualisedDense(Equalised):
    """A dense layer, (…, d) to (…, units), as `Equalised` describes."""

    def build(self, input_shape: Shape) -> None:
        """Create a kernel (d, units)."""
        self.add_kernel((input_shape[-1], self.units), self.units)

    def call(self, x: Tensor) -> Tensor:
        """Multiply (…, d)."""
        return self.finish(ops.matmul(x, self.kernel * self.scale))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(…, units)."""
        return (*input_shape[:-1], self.units)


@registered
class EqualisedConv2D(Equalised):
    """A convolution, (n, H, W, c) to (n, H, W, units), as `Equalised` describes.

    Args:
        units: Output channels.
        size: Side of the kernel.
        **options: As `Equalised` takes them.
    """

    def __init__(self, units: int, size: int = 3, **options: Any) -> None:
        super().__init__(units, **options)
        self.size = size

    def build(self, input_shape: Shape) -> None:
        """Create a kernel (size, size, c, units)."""
        self.add_kernel((self.size, self.size, input_shape[-1], self.units), self.units)

    def call(self, x: Tensor) -> Tensor:
        """Convolve (n, H, W, c)."""
        return self.finish(convolve(x, self.kernel * self.scale))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(n, H, W, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {**super().get_config(), "size": self.size}


@registered
class ModulatedConv2D(EqualisedConv2D):
    """A convolution whose input channels are scaled by a style (arXiv:1912.04958, section 2).

    Scaling the activations, convolving with one kernel for all images and scaling the outputs is
    the paper's convolution with a kernel for each image, without its grouped convolution.

    Args:
        units: Output channels.
        size: Side of the kernel.
        row: Which row of the styles it takes.
        demodulate: Whether outputs are scaled to the variance that unit inputs would give.
        **options: As `Equalised` takes them; `gain` is the outputs' standard deviation.

    Call arguments: images (n, H, W, c) and styles (n, layers, d); gives (n, H, W, units).
    """

    def __init__(
        self, units: int, size: int = 3, *, row: int = 0, demodulate: bool = True, **options: Any
    ) -> None:
        super().__init__(units, size, **options)
        self.row, self.demodulate = row, demodulate

    def build(self, input_shape: list[Shape]) -> None:
        """Create the kernel, and what makes a style (n, c) of a row."""
        images, styles = input_shape
        super().build(images)
        self.affine = EqualisedDense(int(images[-1] or 0), bias=1.0, dtype=self.dtype_policy)
        self.affine.build((None, styles[-1]))

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Convolve images by their row of the styles."""
        images, styles = inputs
        return self.finish(self.modulate(images, self.affine(styles[:, self.row])))

    def modulate(self, images: Tensor, style: Tensor) -> Tensor:
        """The convolution without bias.

        Args:
            images: (n, H, W, c).
            style: (n, c), the factors on the input channels.
        """
        y = convolve(images * style[:, None, None, :], self.kernel * self.scale)
        if not self.demodulate:
            return y
        factor = ops.cast(self.factors(style), y.dtype)
        return y * factor[:, None, None, :]

    def factors(self, style: Tensor) -> Tensor:
        """What demodulation multiplies each output channel by, (n, units) of the weights' dtype."""
        kernel = ops.cast(self.kernel * self.scale, self.variable_dtype)
        power = ops.sum(ops.square(kernel), axis=(0, 1))
        variance = ops.matmul(ops.square(ops.cast(style, self.variable_dtype)), power)
        return self.gain * ops.rsqrt(variance + 1e-8)

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        """(n, H, W, units)."""
        return super().compute_output_shape(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {**super().get_config(), "row": self.row, "demodulate": self.demodulate}


def convolve(images: Tensor, kernel: Tensor) -> Tensor:
    """(n, H, W, c) with (h, w, c, d) to (n, H, W, d), zeros around the image."""
    return ops.conv(images, kernel, padding="same", data_format="channels_last")
