"""A small convolutional classifier of images."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np

from zoo_detectors.cnn.files import load_one_of
from zoo_detectors.cnn.network import Built, ConvolutionalDetector, Shape

PATCH = 4


class SmallCNN(ConvolutionalDetector):
    """Patches of 4×4, then strided 3×3 convolutions down to about 8×8, average, softmax.

    Args:
        seed: Of the initial weights, the order of the images and the augmentation.
        width: Channels of the first convolution.
        epochs: Passes over the training images; the best one on the validation images counts.
        min_steps: Of few images each epoch takes several passes, for this many steps in all.
        batch_size: Images per step.
        learning_rate: Of Adam in the first epoch, from where it falls linearly towards zero.
        augment: Whether to flip and shift the training images.
    """

    structure = ("width",)
    limits: ClassVar[Mapping[str, int]] = {"width": 256}

    def __init__(
        self,
        seed: int = 0,
        *,
        width: int = 32,
        epochs: int = 8,
        min_steps: int = 80,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        augment: bool = True,
    ) -> None:
        self.seed = seed
        self.width = width
        self.epochs = epochs
        self.min_steps = min_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.augment = augment

    def build(self, shape: Shape, classes: int) -> Built:
        """A new network for images of one shape."""
        halvings = max(1, round(np.log2(min(shape[:2]) / PATCH / 8)))
        images = keras.Input(shape)
        x = keras.layers.Rescaling(1 / 127.5, -1)(images)
        for i in range(1 + halvings):
            size, stride = (3, 2) if i else (PATCH, PATCH)
            x = keras.layers.Conv2D(
                self.width * 2 ** min(i, 2),
                size,
                strides=stride,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
            )(x)
            x = keras.layers.BatchNormalization(momentum=0.8)(x)
            x = keras.layers.ReLU()(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        answers = keras.layers.Dense(classes, activation="softmax", kernel_initializer="he_normal")(
            x
        )
        return Built(keras.Model(images, answers))


def load(path: str | Path) -> ConvolutionalDetector:
    """Read a detector that `save` wrote; as `zoo_detectors.cnn.files.load_one_of`."""
    return load_one_of([SmallCNN], path)
