"""Features of Keras' InceptionV3 (Szegedy et al., arXiv:1512.00567), trained on ImageNet."""

import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras

from zoo.data.hashing import file_hash
from zoo.errors import ZooError
from zoo.metrics.network import BATCH_SIZE, ImageNetwork, plain_float32
from zoo.metrics.resizing import SIDE, find_resize
from zoo.metrics.weights import deepest_layer, find_layer, find_weights

DEFAULT_RESIZE = "stock"
SUFFIXES = {"avg_pool": "keras", "mixed8": "mixed8", "mixed7": "mixed7"}


class InceptionExtractor(ImageNetwork):
    """Pooled activations of `keras.applications.InceptionV3`.

    uint8 images, grey ones replicated to three channels, resized to 299×299 (bicubic,
    antialiased, clipped to 0–255, not rounded), scaled as x/127.5 − 1, in float32 whatever the
    global precision. Another network than the one published with FID: scores are named after
    the suffix and not comparable with the literature's.

    Args:
        weights: A weights file; by default the one in Keras' cache or an imported one.
        layer: `avg_pool` (2048 features, the default), `mixed8` (1280) or `mixed7` (768).
        resize: `stock`, TensorFlow's bicubic (the default), `clean` as clean-fid does, or `legacy`.
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
        resize: str | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        layer, chosen = find_layer(layer), find_resize(resize or DEFAULT_RESIZE)
        path = find_weights(None if weights is None else Path(weights), layer)
        network = _load(path, layer)
        super().__init__(network, chosen, lambda x: x / 127.5 - 1.0, batch_size=batch_size)
        self.suffix = SUFFIXES[layer]
        if chosen.name != DEFAULT_RESIZE:
            self.suffix += f"_{chosen.name}"
        self.facts: Mapping[str, Any] = {
            "extractor": "keras.applications.InceptionV3, ImageNet",
            "weights_sha256": file_hash(path),
            "layer": layer,
            "dimension": self.dimension,
            "resize": chosen.stated,
            "scaling": "x/127.5 - 1",
            "grey": "replicated to three channels",
            "precision": "float32",
        }


clean = partial(InceptionExtractor, resize="clean")


def _load(path: Path, layer: str) -> keras.Model:
    """The network from its input to a pooled layer, with the weights of a file."""
    reach = deepest_layer(path)
    try:
        # Before Keras raises for a misfit it warns at length of what follows from it.
        with plain_float32(), warnings.catch_warnings(action="ignore"):
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
