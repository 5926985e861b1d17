"""The published FID's network and wrong ways to build it, each of which fails the parity test."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.metrics.fid_network import EPSILON, build, set_weights
from zoo.metrics.network import ImageNetwork
from zoo.metrics.resizing import SIDE, Resize, legacy

Arrays = Mapping[str, Any]


@keras.saving.register_keras_serializable("benchmarks")
class CountingPadding(keras.layers.AveragePooling2D):
    """Averages over nine pixels at the edges, too, of which some are zeros beyond them."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        padded = tf.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.avg_pool2d(padded, 3, 1, "VALID")


def right(arrays: Arrays, batch_size: int = 8) -> ImageNetwork:
    """The network as zoo builds it."""
    return variant(arrays, batch_size=batch_size)


def variant(
    arrays: Arrays,
    *,
    resize: Callable[[tf.Tensor], tf.Tensor] = legacy,
    scale: Callable[[tf.Tensor], tf.Tensor] = lambda x: (x - 128.0) / 128.0,
    pool: Callable[[keras.Layer], keras.Layer | None] = lambda layer: None,
    epsilon: float = EPSILON,
    batch_size: int = 8,
) -> ImageNetwork:
    """The network with something else in its place; `pool` may replace pooling layers."""
    network = build()
    set_weights(network, arrays, epsilon=epsilon)
    others = {layer.name: other for layer in network.layers if (other := pool(layer))}
    if others:
        network = keras.models.clone_model(
            network, clone_function=lambda layer: others.get(layer.name, layer)
        )
    return ImageNetwork(network, Resize("", "", resize), scale, batch_size=batch_size)


def rounded(images: tf.Tensor) -> tf.Tensor:
    return tf.round(legacy(images))


def half_pixel(images: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ResizeBilinear(images=images, size=[SIDE, SIDE], half_pixel_centers=True)


def counting(layer: keras.Layer) -> keras.Layer | None:
    """Stands in for the averages of the pooling branches."""
    if not isinstance(layer, keras.layers.AveragePooling2D):
        return None
    return CountingPadding.from_config(layer.get_config())


def averaging(layer: keras.Layer) -> keras.Layer | None:
    """Stands in for the maximum of the last block, as in Keras' and torchvision's networks."""
    if not isinstance(layer, keras.layers.MaxPooling2D) or layer.strides != (1, 1):
        return None
    return keras.layers.AveragePooling2D.from_config(layer.get_config())


def without_gamma(arrays: Arrays) -> Arrays:
    return {k: np.ones_like(v) if k.endswith("/gamma") else v for k, v in arrays.items()}


WRONG: Mapping[str, Callable[..., ImageNetwork]] = {
    "scaled as x/127.5 - 1": lambda a, **k: variant(a, scale=lambda x: x / 127.5 - 1.0, **k),
    "resize rounded to integers": lambda a, **k: variant(a, resize=rounded, **k),
    "half-pixel resize": lambda a, **k: variant(a, resize=half_pixel, **k),
    "padding counted in averages": lambda a, **k: variant(a, pool=counting, **k),
    "last pool an average": lambda a, **k: variant(a, pool=averaging, **k),
    "epsilon 1e-5": lambda a, **k: variant(a, epsilon=1e-5, **k),
    "gamma dropped": lambda a, **k: variant(without_gamma(a), **k),
    "BGR": lambda a, **k: variant(a, scale=lambda x: (x[..., ::-1] - 128.0) / 128.0, **k),
}
