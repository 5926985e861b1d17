"""A small convolutional classifier of images, saved as `.keras`."""

import json
import tempfile
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.base import BaseEstimator, ClassifierMixin

from zoo.errors import ZooError
from zoo.runs.files import write_bytes, write_json
from zoo_detectors.cnn.augmentation import augmentation

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[Any]
PREDICT_BATCH = 64
PATCH = 4


class SmallCNN(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Patches of 4×4, then strided 3×3 convolutions down to about 8×8, average, softmax.

    The network of a shape is compiled once per process and shared; a fitted detector keeps its
    own weights. Same seed and images, same weights on the same machine.

    Args:
        seed: Of the initial weights, the order of the images and the augmentation.
        width: Channels of the first convolution.
        epochs: Passes over the training images; the best one on the validation images counts.
        min_steps: Of few images each epoch takes several passes, for this many steps in all.
        batch_size: Images per step.
        learning_rate: Of Adam in the first epoch, from where it falls linearly towards zero.
        augment: Whether to flip and shift the training images.

    Attributes:
        classes_: (k,) the labels, sorted.
        weights_: The weights of the epoch with the lowest validation loss.
    """

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

    def fit(
        self, images: Images, labels: Labels, validation: tuple[Images, Labels] | None = None
    ) -> Self:
        """Learn from uint8 images (n, H, W, C) with n labels.

        Args:
            images: Training images.
            labels: Their labels, integers or strings, two classes or more.
            validation: Images and labels that say which epoch was best; without them it is
                the last.
        """
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.shape_ = images.shape[1:]
        network = self._network()
        _restart(network, self.seed, self.learning_rate)
        held_out, callbacks = None, [keras.callbacks.LearningRateScheduler(self._rate)]
        if validation:
            held_out = self._held_out(*validation)
            callbacks.append(
                keras.callbacks.EarlyStopping(patience=self.epochs, restore_best_weights=True)
            )
        network.fit(
            self._batches(images, codes),
            epochs=self.epochs,
            validation_data=held_out,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
        self.weights_ = network.get_weights()
        return self

    def _rate(self, epoch: int) -> float:
        return self.learning_rate * (1 - epoch / self.epochs)

    def _held_out(self, images: Images, labels: Labels) -> tf.data.Dataset:
        codes = np.searchsorted(self.classes_, labels)
        return tf.data.Dataset.from_tensor_slices((images, codes)).batch(PREDICT_BATCH)

    def _network(self) -> keras.Model:
        return _compiled(self.shape_, len(self.classes_), self.width)

    def _batches(self, images: Images, codes: npt.NDArray[np.int64]) -> tf.data.Dataset:
        batch_size = min(self.batch_size, len(images))
        passes = ceil(self.min_steps / (self.epochs * (len(images) // batch_size)))
        data = tf.data.Dataset.from_tensor_slices((images, codes))
        data = data.shuffle(len(images), seed=self.seed).batch(batch_size, drop_remainder=True)
        data = data.repeat(passes)
        if self.augment:
            change = augmentation(self.seed)
            data = data.map(lambda batch, labels: (change(batch), labels))
        return data.prefetch(2)

    def predict_proba(self, images: Images) -> npt.NDArray[np.float64]:
        """(n, k) probabilities, columns as in `classes_`."""
        network = self._network()
        network.set_weights(self.weights_)
        chunks = [
            network.predict_on_batch(images[i : i + PREDICT_BATCH])
            for i in range(0, len(images), PREDICT_BATCH)
        ]
        return np.concatenate(chunks).astype(np.float64)

    def predict(self, images: Images) -> Labels:
        """(n,) the most probable labels."""
        return np.asarray(self.classes_[self.predict_proba(images).argmax(axis=1)])

    def save(self, path: str | Path) -> None:
        """Write a `.keras` file that plain Keras loads, and beside it the classes as JSON."""
        network = self._network()
        network.set_weights(self.weights_)
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder, "network.keras")
            network.save(temporary)
            write_bytes(Path(path), temporary.read_bytes())
        facts = {"classes": self.classes_.tolist(), "options": self.get_params()}
        write_json(_facts_path(path), facts)


def load(path: str | Path) -> SmallCNN:
    """Read a detector that `save` wrote.

    Raises:
        zoo.errors.ZooError: If one of the two files is missing or damaged, or the network
            would run code of its own.
    """
    try:
        network = keras.models.load_model(path, compile=False, safe_mode=True)
        facts = json.loads(_facts_path(path).read_text(encoding="utf-8"))
        detector = SmallCNN(**facts["options"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ZooError(f"cannot read the detector {path}: {error}") from error
    detector.classes_ = np.asarray(facts["classes"])
    detector.shape_ = network.input_shape[1:]
    detector.weights_ = network.get_weights()
    return detector


def _facts_path(path: str | Path) -> Path:
    return Path(path).with_suffix(".json")


@lru_cache(maxsize=4)
def _compiled(shape: tuple[int, int, int], classes: int, width: int) -> keras.Model:
    network = _build(shape, classes, width)
    network.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy", jit_compile=False)
    network.optimizer.build(network.trainable_variables)
    return network


def _build(shape: tuple[int, int, int], classes: int, width: int) -> keras.Model:
    halvings = max(1, round(np.log2(min(shape[:2]) / PATCH / 8)))
    images = keras.Input(shape)
    x = keras.layers.Rescaling(1 / 127.5, -1)(images)
    for i in range(1 + halvings):
        size, stride = (3, 2) if i else (PATCH, PATCH)
        filters = width * 2 ** min(i, 2)
        x = keras.layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.8)(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, keras.layers.Dense(classes, activation="softmax")(x))


def _restart(network: keras.Model, seed: int, learning_rate: float) -> None:
    """Give a compiled network the weights and the optimiser state of a new one."""
    for i, layer in enumerate(network.layers):
        if hasattr(layer, "kernel"):
            kernel = keras.initializers.HeNormal(seed=1000 * seed + i)(layer.kernel.shape)
            layer.kernel.assign(kernel)
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(keras.ops.zeros_like(layer.bias))
        if isinstance(layer, keras.layers.BatchNormalization):
            ones, zeros = np.ones(layer.gamma.shape), np.zeros(layer.gamma.shape)
            layer.set_weights([ones, zeros, zeros, ones])
    for variable in network.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    network.optimizer.learning_rate = learning_rate
