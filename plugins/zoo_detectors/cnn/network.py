"""What the convolutional detectors share: training, probabilities, files."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.base import BaseEstimator, ClassifierMixin

from zoo.runs.files import write_json
from zoo_detectors.cnn.augmentation import augmentation
from zoo_detectors.cnn.files import save_weights

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[Any]
Shape = tuple[int, int, int]
PREDICT_BATCH = 64
SHARED_NETWORKS = 8


class Built(NamedTuple):
    """A new network.

    Attributes:
        network: uint8 images (n, H, W, C) to (n, k) probabilities. Its last two layers with
            weights or pooling are a `GlobalAveragePooling2D` and a `Dense`.
        pretrained: A part of the network with weights that a restart puts back.
    """

    network: keras.Model
    pretrained: keras.Model | None = None


class ConvolutionalDetector(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A Keras network as a scikit-learn classifier of images.

    The network of a shape is compiled once per process and shared; a fitted detector keeps its
    own weights. Same seed and images, same weights on the same machine. A subclass names in
    `structure` those of its options on which the network depends, and in `limits` the largest
    values with which one is read from a file.

    Attributes:
        classes_: (k,) the labels, sorted.
        shape_: (H, W, C) of the images.
        weights_: The weights of the epoch with the lowest validation loss.
        loaded_: The network that was read from a file, which needs nothing else to answer.
    """

    structure: ClassVar[tuple[str, ...]]
    limits: ClassVar[Mapping[str, int]] = {}
    seed: int
    epochs: int
    min_steps: int
    batch_size: int
    learning_rate: float | None
    augment: bool
    rate: ClassVar[float] = 1e-3
    loaded_: keras.Model | None

    @abstractmethod
    def build(self, shape: Shape, classes: int) -> Built:
        """A new network for images of one shape."""

    def fit(
        self,
        images: Images,
        labels: Labels,
        validation: tuple[Images, Labels] | None = None,
        weights: npt.NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn from uint8 images (n, H, W, C) with n labels.

        Args:
            images: Training images.
            labels: Their labels, integers or strings, two classes or more.
            validation: Images and labels that say which epoch was best; without them it is
                the last.
            weights: (n,) how much each image counts; by default all the same.
        """
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.shape_ = images.shape[1:]
        self.loaded_ = None
        shared = self._shared()
        shared.restart(self.seed, self.initial_rate)
        held_out, callbacks = None, [keras.callbacks.LearningRateScheduler(self._rate)]
        if validation:
            held_out = self._held_out(*validation)
            callbacks.append(
                keras.callbacks.EarlyStopping(patience=self.epochs, restore_best_weights=True)
            )
        shared.network.fit(
            self._batches(images, codes, weights),
            epochs=self.epochs,
            validation_data=held_out,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
        self.weights_ = shared.network.get_weights()
        return self

    @property
    def initial_rate(self) -> float:
        """The learning rate of the first epoch: what was asked for, or the network's own."""
        return self.rate if self.learning_rate is None else self.learning_rate

    def _rate(self, epoch: int) -> float:
        return self.initial_rate * (1 - epoch / self.epochs)

    def _held_out(self, images: Images, labels: Labels) -> tf.data.Dataset:
        codes = np.searchsorted(self.classes_, labels)
        return tf.data.Dataset.from_tensor_slices((images, codes)).batch(PREDICT_BATCH)

    def _shared(self) -> "Shared":
        options = tuple((name, getattr(self, name)) for name in self.structure)
        return _compiled(type(self), self.shape_, len(self.classes_), options)

    def _batches(
        self,
        images: Images,
        codes: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64] | None = None,
    ) -> tf.data.Dataset:
        batch_size = min(self.batch_size, len(images))
        passes = ceil(self.min_steps / (self.epochs * (len(images) // batch_size)))
        told = (codes,) if weights is None else (codes, weights.astype(np.float32))
        data = tf.data.Dataset.from_tensor_slices((images, *told))
        data = data.shuffle(len(images), seed=self.seed).batch(batch_size, drop_remainder=True)
        data = data.repeat(passes)
        if self.augment:
            change = augmentation(self.seed)
            data = data.map(lambda batch, *told: (change(batch), *told))
        return data.prefetch(2)

    def fitted_network(self) -> keras.Model:
        """The network with this detector's weights, until another detector uses it."""
        network = self.loaded_ or self._shared().network
        network.set_weights(self.weights_)
        return network

    def predict_proba(self, images: Images) -> npt.NDArray[np.float64]:
        """(n, k) probabilities, columns as in `classes_`."""
        network = self.fitted_network()
        chunks = [
            network.predict_on_batch(images[i : i + PREDICT_BATCH])
            for i in range(0, len(images), PREDICT_BATCH)
        ]
        return np.concatenate(chunks).astype(np.float64)

    def predict(self, images: Images) -> Labels:
        """(n,) the most probable labels."""
        return np.asarray(self.classes_[self.predict_proba(images).argmax(axis=1)])

    def heatmaps(self, images: Images, label: Any) -> npt.NDArray[np.float32]:
        """Where the network sees evidence for a label: Grad-CAM (Selvaraju et al., 2016).

        Of a network that ends in an average and one layer, Grad-CAM's weights of the feature
        maps are that layer's weights (arXiv:1610.02391, section 3.1), so nothing is derived.
        Evidence is what speaks for the label rather than for the mean of the others.

        Args:
            images: (n, H, W, C) uint8.
            label: One of `classes_`.

        Returns:
            (n, H, W), each image's from 0 to 1, or 0 throughout where nothing speaks for it.
        """
        network, kernel = pooled_features(self.fitted_network())
        for_label = self.classes_ == label
        weights = kernel[:, for_label].mean(axis=1) - kernel[:, ~for_label].mean(axis=1)
        found = []
        for start in range(0, len(images), PREDICT_BATCH):
            batch = images[start : start + PREDICT_BATCH]
            evidence = np.maximum(network.predict_on_batch(batch) @ weights, 0)[..., None]
            found.append(np.asarray(tf.image.resize(evidence, batch.shape[1:3]))[..., 0])
        maps = np.concatenate(found)
        highest = maps.max(axis=(1, 2), keepdims=True)
        return np.asarray(maps / np.where(highest > 0, highest, 1), np.float32)

    def save(self, path: str | Path) -> None:
        """Write the weights as `.npz`, and beside them as JSON what network they are of.

        Args:
            path: Its suffix is replaced.
        """
        save_weights(path, self.weights_)
        facts = {
            "kind": type(self).__name__,
            "options": self.get_params(),
            "classes": self.classes_.tolist(),
            "shape": list(self.shape_),
            "depth": len(self.weights_[-2]),
        }
        write_json(Path(path).with_suffix(".json"), facts)

    def empty(self, depth: int) -> keras.Model:
        """The network of `shape_` and `classes_`, for weights that are read from a file.

        Args:
            depth: Length of the average before the last layer.
        """
        return self.build(self.shape_, len(self.classes_)).network

    def adopt(self, network: keras.Model, weights: Sequence[npt.NDArray[Any]]) -> None:
        """Answer with a network and these weights of it."""
        network.set_weights(weights)
        for layer in _layers(network):
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
        self.weights_, self.loaded_ = network.get_weights(), network


def pooled_features(network: keras.Model) -> tuple[keras.Model, npt.NDArray[np.float32]]:
    """A detector's network up to its last feature maps, and what its answer makes of them.

    Returns:
        The network from images to (n, h, w, d) maps, and the (d, k) weights by which the means
        of the maps become the logarithms of the k classes' odds, up to a constant.
    """
    pool = next(
        layer for layer in network.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)
    )
    return keras.Model(network.input, pool.input), np.asarray(network.layers[-1].kernel)


class Shared(NamedTuple):
    """A compiled network and the weights that it began with, where those were learnt elsewhere."""

    network: keras.Model
    pretrained: keras.Model | None
    learnt: Sequence[npt.NDArray[Any]]

    def restart(self, seed: int, learning_rate: float) -> None:
        """Give it the weights and the optimiser state of a new one."""
        for i, layer in enumerate(_layers(self.network)):
            _restart(layer, 1000 * seed + i)
        if self.pretrained is not None:
            self.pretrained.set_weights(self.learnt)
        for variable in self.network.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self.network.optimizer.learning_rate = learning_rate


@lru_cache(maxsize=SHARED_NETWORKS)
def _compiled(
    kind: type[ConvolutionalDetector],
    shape: Shape,
    classes: int,
    options: tuple[tuple[str, Any], ...],
) -> Shared:
    network, pretrained = kind(**dict(options)).build(shape, classes)
    network.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy", jit_compile=False)
    network.optimizer.build(network.trainable_variables)
    return Shared(network, pretrained, pretrained.get_weights() if pretrained else ())


def _layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _restart(layer: keras.layers.Layer, seed: int) -> None:
    """Draw a layer's kernel anew, by its own initialiser, and reset all else that it keeps."""
    if (generator := getattr(layer, "seed_generator", None)) is not None:
        generator.state.assign([seed, 0])
    if isinstance(layer, keras.layers.BatchNormalization):
        for variable in layer.weights:
            ones = variable.name in ("gamma", "moving_variance")
            variable.assign(keras.ops.full(variable.shape, float(ones)))
    elif hasattr(layer, "kernel"):
        chosen = getattr(layer, "depthwise_initializer", None) or layer.kernel_initializer
        seeded = type(chosen).from_config({**chosen.get_config(), "seed": seed})
        layer.kernel.assign(seeded(layer.kernel.shape))
        if layer.bias is not None:
            layer.bias.assign(keras.ops.zeros_like(layer.bias))
