"""Features of Keras' InceptionV3 (Szegedy et al., arXiv:1512.00567), trained on ImageNet."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from zoo.data.hashing import file_hash
from zoo.errors import ZooError
from zoo.metrics.weights import deepest_layer, find_layer, find_weights
from zoo.progress import progress

SIDE = 299
BATCH_SIZE = 32
SUFFIXES = {"avg_pool": "keras", "mixed8": "mixed8", "mixed7": "mixed7"}


class InceptionExtractor:
    """Pooled activations of `keras.applications.InceptionV3`.

    uint8 images, grey ones replicated to three channels, resized to 299×299 (bicubic,
    antialiased, clipped to 0–255, not rounded), scaled as x/127.5 − 1, in float32 whatever the
    global precision. Another network than the one published with FID: scores are named after
    the suffix and not comparable with the literature's.

    Args:
        weights: A weights file; by default the one in Keras' cache or an imported one.
        layer: `avg_pool` (2048 features, the default), `mixed8` (1280) or `mixed7` (768).
        batch_size: Images in a batch; the last batch is filled up and cut.

    Raises:
        zoo.errors.NotComputed: If no weights are in place; says which command gets them.
        zoo.errors.UsageError: If the layer is unknown or the file does not reach it.
        zoo.errors.ZooError: If the file is damaged or holds other weights.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        layer: str | None = None,
        *,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        layer = find_layer(layer)
        path = find_weights(None if weights is None else Path(weights), layer)
        self.suffix = SUFFIXES[layer]
        self.batch_size = batch_size
        self._network = _load(path, layer)
        self.dimension = int(self._network.output_shape[-1])
        self.facts: Mapping[str, Any] = {
            "extractor": "keras.applications.InceptionV3, ImageNet",
            "weights_sha256": file_hash(path),
            "layer": layer,
            "dimension": self.dimension,
            "resize": f"{SIDE}x{SIDE}, bicubic, antialiased, clipped, not rounded",
            "scaling": "x/127.5 - 1",
            "grey": "replicated to three channels",
            "precision": "float32",
        }
        self._batch = tf.function(self._features, reduce_retracing=True)

    def __call__(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Features (n, dimension) of uint8 images (n, H, W, 1 or 3)."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise ZooError(
                "InceptionV3 takes uint8 images (n, H, W, 1 or 3), "
                f"not {images.dtype} {images.shape}"
            )
        features = np.empty((len(images), self.dimension), np.float32)
        with progress("Extracting features", len(images), "images") as advance:
            for start in range(0, len(images), self.batch_size):
                batch = images[start : start + self.batch_size]
                missing = self.batch_size - len(batch)
                filled = np.concatenate([batch, np.repeat(batch[-1:], missing, 0)])
                features[start : start + len(batch)] = self._batch(filled)[: len(batch)]
                advance(len(batch))
        return features

    def _features(self, images: tf.Tensor) -> tf.Tensor:
        pixels = tf.image.resize(
            tf.cast(images, tf.float32), (SIDE, SIDE), method="bicubic", antialias=True
        )
        scaled = tf.clip_by_value(pixels, 0.0, 255.0) / 127.5 - 1.0
        if images.shape[3] == 1:
            scaled = tf.repeat(scaled, 3, axis=3)
        return self._network(scaled, training=False)


def _load(path: Path, layer: str) -> keras.Model:
    """The network from its input to a pooled layer, with the weights of a file."""
    reach = deepest_layer(path)
    try:
        # Before Keras raises for a misfit it warns at length of what follows from it.
        with _plain_float32(), warnings.catch_warnings(action="ignore"):
            network = keras.applications.InceptionV3(
                include_top=False, weights=None, input_shape=(SIDE, SIDE, 3)
            )
            _cut(network, reach).load_weights(path)
            return _cut(network, layer)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ZooError(f"{path} does not fit InceptionV3 up to {reach}: {reason}") from error


def _cut(network: keras.Model, layer: str) -> keras.Model:
    output = network.output if layer == "avg_pool" else network.get_layer(layer).output
    return keras.Model(network.input, keras.layers.GlobalAveragePooling2D()(output))


@contextlib.contextmanager
def _plain_float32() -> Iterator[None]:
    # A global mixed policy would cost 2.6 % of the distance.
    policy, layout = keras.config.dtype_policy(), keras.config.image_data_format()
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(layout)
