"""The InceptionV3 of 2015-12-05, the network of the published FID, as a Keras model.

It differs from Keras' (Szegedy et al., arXiv:1512.00567): its batch normalisation has gammas and
ε = 0.001, and the pooling branch of its last block takes maxima. Convolutions are named as in
PyTorch's port; batch normalisation is folded into them, which is mathematically the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from zoo.errors import ZooError
from zoo.metrics.network import plain_float32
from zoo.metrics.resizing import SIDE

EPSILON = 1e-3
LOGITS = "logits/kernel"
PARTS = ("kernel", "gamma", "beta", "mean", "variance")

Arrays = Mapping[str, npt.NDArray[np.float32]]
Tensor = Any  # symbolic, (n, height, width, channels)
Kernel = int | tuple[int, int]
Step = tuple[str, int, Kernel]


def build() -> keras.Model:
    """The network with random weights: (n, 299, 299, 3) float32 to (n, 2048)."""
    with plain_float32():
        x = inputs = keras.Input((SIDE, SIDE, 3))
        x = _conv(x, "Conv2d_1a_3x3", 32, 3, 2, "valid")
        x = _conv(x, "Conv2d_2a_3x3", 32, 3, 1, "valid")
        x = _shrink(_conv(x, "Conv2d_2b_3x3", 64, 3))
        x = _conv(x, "Conv2d_3b_1x1", 80, 1, 1, "valid")
        x = _shrink(_conv(x, "Conv2d_4a_3x3", 192, 3, 1, "valid"))
        for block, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
            x = _squares(x, block, pooled)
        x = _halve_to_17(x, "Mixed_6a")
        for block, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160)):
            x = _strips(x, block, width)
        x = _halve_to_8(_strips(x, "Mixed_6e", 192), "Mixed_7a")
        x = _fans(x, "Mixed_7b", layers.AveragePooling2D)
        x = _fans(x, "Mixed_7c", layers.MaxPooling2D)
        return keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name="inception_2015")


def set_weights(network: keras.Model, arrays: Arrays, *, epsilon: float = EPSILON) -> None:
    """Fold batch normalisation into the network's convolutions.

    Args:
        network: As `build` makes it.
        arrays: `NAME/kernel` (height, width, in, out) and `NAME/gamma`, `beta`, `mean` and
            `variance` (out,) for each convolution, and `logits/kernel` (2048, classes).
        epsilon: Added to the variances.

    Raises:
        zoo.errors.ZooError: If an array is missing, left over, or has another shape.
    """
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    names = {f"{layer.name}/{part}" for layer in convolutions for part in PARTS} | {LOGITS}
    if wrong := sorted(names ^ set(arrays)):
        what = "missing" if wrong[0] in names else "not one of its arrays"
        raise ZooError(f"{len(wrong)} arrays do not fit the 2015 InceptionV3: {wrong[0]} is {what}")
    for layer in convolutions:
        kernel, *parts = (arrays[f"{layer.name}/{part}"] for part in PARTS)
        shape, width = tuple(layer.kernel.shape), (layer.filters,)
        if kernel.shape != shape or any(part.shape != width for part in parts):
            raise ZooError(f"{layer.name} has shape {kernel.shape} instead of {shape}")
        gamma, beta, mean, variance = (part.astype(np.float64) for part in parts)
        factor = gamma / np.sqrt(variance + epsilon)
        layer.set_weights([kernel * factor, beta - mean * factor])


def _conv(
    x: Tensor, name: str, filters: int, kernel: Kernel, strides: int = 1, padding: str = "same"
) -> Tensor:
    return layers.Conv2D(
        filters, kernel, strides=strides, padding=padding, activation="relu", name=name
    )(x)


def _chain(x: Tensor, block: str, *steps: Step) -> Tensor:
    for name, filters, kernel in steps:
        x = _conv(x, f"{block}_{name}", filters, kernel)
    return x


def _shrink(x: Tensor) -> Tensor:
    return layers.MaxPooling2D(3, strides=2)(x)


def _pooled(
    x: Tensor, block: str, filters: int, pool: Callable[..., layers.Layer] = layers.AveragePooling2D
) -> Tensor:
    # With "same" padding an average is taken over the pixels that are there.
    x = pool(3, strides=1, padding="same")(x)
    return _conv(x, f"{block}_branch_pool", filters, 1)


def _squares(x: Tensor, block: str, pooled: int) -> Tensor:
    double = (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3))
    branches = (
        _conv(x, f"{block}_branch1x1", 64, 1),
        _chain(x, block, ("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)),
        _chain(x, block, *double),
        _pooled(x, block, pooled),
    )
    return layers.Concatenate(name=block)(branches)


def _halve_to_17(x: Tensor, block: str) -> Tensor:
    double = _chain(x, block, ("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3))
    branches = (
        _conv(x, f"{block}_branch3x3", 384, 3, 2, "valid"),
        _conv(double, f"{block}_branch3x3dbl_3", 96, 3, 2, "valid"),
        _shrink(x),
    )
    return layers.Concatenate(name=block)(branches)


def _strips(x: Tensor, block: str, width: int) -> Tensor:
    one = (
        ("branch7x7_1", width, 1),
        ("branch7x7_2", width, (1, 7)),
        ("branch7x7_3", 192, (7, 1)),
    )
    two = (
        ("branch7x7dbl_1", width, 1),
        ("branch7x7dbl_2", width, (7, 1)),
        ("branch7x7dbl_3", width, (1, 7)),
        ("branch7x7dbl_4", width, (7, 1)),
        ("branch7x7dbl_5", 192, (1, 7)),
    )
    branches = (
        _conv(x, f"{block}_branch1x1", 192, 1),
        _chain(x, block, *one),
        _chain(x, block, *two),
        _pooled(x, block, 192),
    )
    return layers.Concatenate(name=block)(branches)


def _halve_to_8(x: Tensor, block: str) -> Tensor:
    small = _conv(x, f"{block}_branch3x3_1", 192, 1)
    large = _chain(
        x,
        block,
        ("branch7x7x3_1", 192, 1),
        ("branch7x7x3_2", 192, (1, 7)),
        ("branch7x7x3_3", 192, (7, 1)),
    )
    branches = (
        _conv(small, f"{block}_branch3x3_2", 320, 3, 2, "valid"),
        _conv(large, f"{block}_branch7x7x3_4", 192, 3, 2, "valid"),
        _shrink(x),
    )
    return layers.Concatenate(name=block)(branches)


def _fans(x: Tensor, block: str, pool: Callable[..., layers.Layer]) -> Tensor:
    one = _conv(x, f"{block}_branch3x3_1", 384, 1)
    two = _chain(x, block, ("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3))
    branches = (
        _conv(x, f"{block}_branch1x1", 320, 1),
        _conv(one, f"{block}_branch3x3_2a", 384, (1, 3)),
        _conv(one, f"{block}_branch3x3_2b", 384, (3, 1)),
        _conv(two, f"{block}_branch3x3dbl_3a", 384, (1, 3)),
        _conv(two, f"{block}_branch3x3dbl_3b", 384, (3, 1)),
        _pooled(x, block, 192, pool),
    )
    return layers.Concatenate(name=block)(branches)
