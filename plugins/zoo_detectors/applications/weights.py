"""Where the ImageNet weights of `keras.applications` lie. Nothing here downloads."""

import warnings
from pathlib import Path
from typing import Any

from zoo.errors import NotComputed, UsageError, ZooError
from zoo.metrics.weights import keras_cache

FILES = {
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "DenseNet121": "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "EfficientNetB0": "efficientnetb0_notop.h5",
    "VGG16": "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "InceptionV3": "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
}
"""The file of each network without its last layer, as Keras names it in its cache."""


def find(network: str, weights: str) -> Path:
    """The file that `weights` means: `"imagenet"`, or a path.

    Raises:
        zoo.errors.NotComputed: If Keras' cache has no ImageNet weights of the network.
        zoo.errors.UsageError: If there is no file of that path.
    """
    if weights != "imagenet":
        if not Path(weights).is_file():
            raise UsageError(f"no weights of {network} at {weights}: no such file")
        return Path(weights)
    path = keras_cache() / FILES[network]
    if not path.is_file():
        raise NotComputed(
            f"no ImageNet weights of {network}: {path} does not exist; keras.applications."
            f"{network}(include_top=False) downloads them, weights=FILE takes them from a file"
        )
    return path


def load_weights(network: Any, path: Path) -> None:
    """Give a Keras network the weights of a file, which must fit all of its layers.

    Raises:
        zoo.errors.ZooError: If the file is damaged or of another network.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # it warns at length before it raises
            network.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ZooError(f"{path} does not fit {network.name}: {reason}") from error
