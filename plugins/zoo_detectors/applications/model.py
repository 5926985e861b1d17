"""Five networks of `keras.applications` with a new last layer."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import keras

from zoo.metrics.weights import CONVOLUTIONS, deepest_layer
from zoo_detectors.applications.weights import find, load_weights
from zoo_detectors.cnn.files import LARGEST_SIDE, load_one_of
from zoo_detectors.cnn.network import Built, ConvolutionalDetector, Shape

MOMENTUM = 0.9  # Keras' 0.99 has forgotten little of its initial statistics after 100 steps

DEVIATION = (0.229, 0.224, 0.225)  # of ImageNet's red, green and blue, 0 to 1


class Application(ConvolutionalDetector):
    """A network of `keras.applications`, its global average and a softmax.

    Images pass the network's own `preprocess_input`. One channel is repeated three times; two
    or four become three by a 1×1 convolution that is learnt with the rest. All layers are
    trained, also those with weights from disk.

    Args:
        seed: Of the initial weights, the order of the images and the augmentation.
        weights: `None` for random initial weights, `"imagenet"` for the file in Keras' cache, or
            a file of the network without its last layer. Nothing is downloaded.
        side: Height and width in pixels to which images are enlarged or reduced, bilinear;
            `None` for their own, but at least the network's smallest.
        epochs: Passes over the training images; the best one on the validation images counts.
        min_steps: Of few images each epoch takes several passes, for this many steps in all.
        batch_size: Images per step.
        learning_rate: Of Adam in the first epoch, from where it falls linearly towards zero;
            `None` for the network's own, a tenth of it with weights from disk.
        augment: Whether to flip and shift the training images.

    Raises:
        zoo.errors.NotComputed: When it learns, if there is no file of ImageNet weights.
        zoo.errors.ZooError: When it learns, if the file is damaged or of another network.
    """

    structure = ("weights", "side")
    limits: ClassVar[Mapping[str, int]] = {"side": LARGEST_SIDE}
    network: ClassVar[Callable[..., keras.Model]]
    preprocess: ClassVar[Callable[[Any], Any]]
    smallest: ClassVar[int] = 32
    rate: ClassVar[float] = 1e-3
    depth: int | None = None

    def __init__(
        self,
        seed: int = 0,
        *,
        weights: str | None = None,
        side: int | None = None,
        epochs: int = 8,
        min_steps: int = 80,
        batch_size: int = 32,
        learning_rate: float | None = None,
        augment: bool = True,
    ) -> None:
        self.seed = seed
        self.weights = weights
        self.side = side
        self.epochs = epochs
        self.min_steps = min_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.augment = augment

    @property
    def initial_rate(self) -> float:
        """The learning rate of the first epoch: what was asked for, or the network's own."""
        if self.learning_rate is not None:
            return self.learning_rate
        return self.rate if self.weights is None else self.rate / 10

    @property
    def weights_file(self) -> Path | None:
        """The file that `weights` means, if any.

        Raises:
            zoo.errors.NotComputed: If Keras' cache has no ImageNet weights of the network.
            zoo.errors.UsageError: If there is no file of that path.
        """
        return None if self.weights is None else find(type(self).__name__, self.weights)

    def build(self, shape: Shape, classes: int) -> Built:
        """A new network for images of one shape."""
        images = keras.Input(shape)
        x = _three_channels(images)
        height, width = (self.side or max(side, self.smallest) for side in shape[:2])
        if (height, width) != tuple(shape[:2]):
            x = keras.layers.Resizing(height, width)(x)
        backbone = self.backbone((height, width, 3))
        x = backbone(type(self).preprocess(x))
        x = keras.layers.GlobalAveragePooling2D()(x)
        answers = keras.layers.Dense(classes, activation="softmax")(x)
        return Built(keras.Model(images, answers), backbone if self.weights else None)

    def empty(self, depth: int) -> keras.Model:
        """The same network without weights from disk."""
        plain = type(self)(**{**self.get_params(), "weights": None})
        plain.depth = depth
        return plain.build(self.shape_, len(self.classes_)).network

    def backbone(self, shape: Shape) -> keras.Model:
        """The network without its last layer, with the weights that were asked for."""
        network = type(self).network(include_top=False, weights=None, input_shape=shape)
        if self.depth is not None and self.depth != network.output_shape[-1]:
            network = self.cut(network, self.depth)
        if self.weights_file is not None:
            network = self.with_weights(network, self.weights_file)
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = MOMENTUM
        return network

    def cut(self, network: keras.Model, depth: int) -> keras.Model:
        """The network as far as the layer with so many maps, where its weights may end.

        Raises:
            ValueError: If there is no such layer.
        """
        raise ValueError(f"{network.name} does not end at {depth} maps")

    def with_weights(self, network: keras.Model, path: Path) -> keras.Model:
        """A network with the weights of a file, which must have all of them."""
        load_weights(network, path)
        return network


class ResNet50(Application):
    """Fifty layers with residual connections (He et al., 2015, arXiv:1512.03385)."""

    network = staticmethod(keras.applications.ResNet50)
    preprocess = staticmethod(keras.applications.resnet.preprocess_input)


class DenseNet121(Application):
    """Layers that see all before them (Huang et al., 2016, arXiv:1608.06993)."""

    network = staticmethod(keras.applications.DenseNet121)
    preprocess = staticmethod(keras.applications.densenet.preprocess_input)


class EfficientNetB0(Application):
    """Depth, width and size scaled together (Tan & Le, 2019, arXiv:1905.11946)."""

    network = staticmethod(keras.applications.EfficientNetB0)
    preprocess = staticmethod(keras.applications.efficientnet.preprocess_input)

    def with_weights(self, network: keras.Model, path: Path) -> keras.Model:
        """Also divided by the root of each colour's deviation, as Keras' own download is."""
        load_weights(network, path)
        normalise = next(
            layer for layer in network.layers if isinstance(layer, keras.layers.Normalization)
        )
        normalise.adapt_variance.assign(normalise.adapt_variance * DEVIATION)
        normalise.finalize_state()
        return network


class VGG16(Application):
    """Sixteen layers without batch norm (Simonyan & Zisserman, 2014, arXiv:1409.1556)."""

    network = staticmethod(keras.applications.VGG16)
    preprocess = staticmethod(keras.applications.vgg16.preprocess_input)
    rate = 1e-4


class InceptionV3(Application):
    """Parallel convolutions of several sizes (Szegedy et al., 2015, arXiv:1512.00567).

    A weights file may end at an earlier layer, such as `mixed8`; the network then ends there.
    """

    network = staticmethod(keras.applications.InceptionV3)
    preprocess = staticmethod(keras.applications.inception_v3.preprocess_input)
    smallest = 75

    def cut(self, network: keras.Model, depth: int) -> keras.Model:
        """The network up to `mixed7` or `mixed8`."""
        for reach in CONVOLUTIONS:
            if reach != "avg_pool" and network.get_layer(reach).output.shape[-1] == depth:
                return keras.Model(network.input, network.get_layer(reach).output)
        return super().cut(network, depth)

    def with_weights(self, network: keras.Model, path: Path) -> keras.Model:
        """The network as far as the file reaches."""
        reach = deepest_layer(path)
        if reach != "avg_pool":
            network = keras.Model(network.input, network.get_layer(reach).output)
        load_weights(network, path)
        return network


KINDS = (ResNet50, DenseNet121, EfficientNetB0, VGG16, InceptionV3)


def load(path: str | Path) -> ConvolutionalDetector:
    """Read a detector that `save` wrote; as `zoo_detectors.cnn.files.load_one_of`."""
    return load_one_of(KINDS, path)


def _three_channels(images: Any) -> Any:
    channels = images.shape[-1]
    if channels == 1:
        return keras.layers.Concatenate()([images, images, images])
    return images if channels == 3 else keras.layers.Conv2D(3, 1, use_bias=False)(images)
