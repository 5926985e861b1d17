"""What feature networks share: batches of uint8 images, resized, scaled, in float32."""

import contextlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from zoo.errors import ZooError
from zoo.metrics.resizing import Resize

BATCH_SIZE = 32


class ImageNetwork:
    """uint8 images to features: grey ones replicated to three channels, resized, scaled.

    Args:
        network: Images (n, 299, 299, 3) float32 to features (n, dimension).
        resize: Applied first.
        scale: Applied to the resized pixels, 0 to 255.
        batch_size: Images in a batch; the last batch is filled up and cut.
    """

    def __init__(
        self,
        network: keras.Model,
        resize: Resize,
        scale: Callable[[tf.Tensor], tf.Tensor],
        *,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.batch_size = batch_size
        self.dimension = int(network.output_shape[-1])
        self._network, self._resize, self._scale = network, resize, scale
        # Traced anew for each image size: the resize and the channels need to know it.
        self._batch = tf.function(self._features, autograph=False)

    def __call__(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Features (n, dimension) of uint8 images (n, H, W, 1 or 3)."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise ZooError(
                "InceptionV3 takes uint8 images (n, H, W, 1 or 3), "
                f"not {images.dtype} {images.shape}"
            )
        features = np.empty((len(images), self.dimension), np.float32)
        for start in range(0, len(images), self.batch_size):
            batch = images[start : start + self.batch_size]
            missing = self.batch_size - len(batch)
            filled = np.concatenate([batch, np.repeat(batch[-1:], missing, 0)])
            features[start : start + len(batch)] = self._batch(filled)[: len(batch)]
        return features

    def _features(self, images: tf.Tensor) -> tf.Tensor:
        scaled = self._scale(self._resize.apply(tf.cast(images, tf.float32)))
        if images.shape[3] == 1:
            scaled = tf.repeat(scaled, 3, axis=3)
        return self._network(scaled, training=False)


@contextlib.contextmanager
def plain_float32() -> Iterator[None]:
    """Build layers in float32 and channels last, whatever the global settings are."""
    # A global mixed policy would cost 2.6 % of the distance.
    policy, layout = keras.config.dtype_policy(), keras.config.image_data_format()
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(layout)
