"""A small U-Net (Ronneberger et al., 2015, arXiv:1505.04597) that finds foreground."""

from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Images = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
PREDICT_BATCH = 64
CHECKS = 8


class UNet:
    """Foreground of images (n, H, W, C) of any sides.

    Differs from the published one by same-padded convolutions, batch normalisation and fewer
    channels. The loss is cross-entropy plus one minus the soft Dice coefficient.

    Args:
        seed: Of the initial weights, the order of the images and their mirroring.
        width: Channels at full resolution, doubled at each of the levels below.
        depth: Levels below.
        steps: Optimiser steps, whatever the number of images.
        batch_size: Images per step.
        learning_rate: Of Adam at the start, from where it falls linearly to zero.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        width: int = 16,
        depth: int = 3,
        steps: int = 800,
        batch_size: int = 16,
        learning_rate: float = 2e-3,
    ) -> None:
        self.seed, self.width, self.depth = seed, width, depth
        self.steps, self.batch_size, self.learning_rate = steps, batch_size, learning_rate

    def fit(self, images: Images, masks: Masks, validation: tuple[Images, Masks]) -> Self:
        """Learn, and keep the weights with the lowest loss on the validation images.

        Args:
            images: (n, H, W, C) uint8.
            masks: (n, H, W), true inside.
            validation: Images and masks by which the weights are chosen, eight times in all.
        """
        keras.utils.set_random_seed(self.seed)
        rate = keras.optimizers.schedules.PolynomialDecay(self.learning_rate, self.steps)
        self.network = network(images.shape[1:], self.width, self.depth)
        self.network.compile(keras.optimizers.Adam(rate), _loss, jit_compile=False)
        held_out = _batches(*validation, PREDICT_BATCH)
        each = max(1, self.steps // CHECKS)
        self.network.fit(
            self._training(images, masks),
            steps_per_epoch=each,
            epochs=self.steps // each,
            validation_data=held_out,
            callbacks=[
                keras.callbacks.EarlyStopping(patience=self.steps, restore_best_weights=True)
            ],
            shuffle=False,
            verbose=0,
        )
        return self

    def predict(self, images: Images) -> Masks:
        """(n, H, W), true where foreground is more probable than not."""
        chunks = [
            np.asarray(self.network.predict_on_batch(images[at : at + PREDICT_BATCH]))
            for at in range(0, len(images), PREDICT_BATCH)
        ]
        return np.concatenate(chunks)[..., 0] >= 0.5

    def _training(self, images: Images, masks: Masks) -> tf.data.Dataset:
        data = _batches(images, masks, None).shuffle(len(images), seed=self.seed).repeat()
        turns = tf.data.Dataset.random(seed=self.seed)
        return tf.data.Dataset.zip((data, turns)).map(_mirrored).batch(self.batch_size).prefetch(2)


def network(shape: tuple[int, ...], width: int, depth: int) -> keras.Model:
    """uint8 images (n, H, W, C) to probabilities of foreground (n, H, W, 1)."""
    height, width_of_image, channels = shape
    images = keras.Input((height, width_of_image, channels))
    x = keras.layers.Rescaling(1 / 127.5, -1)(images)
    short = [(-side) % 2**depth for side in shape[:2]]
    x = keras.layers.ZeroPadding2D(((0, short[0]), (0, short[1])))(x)
    skipped = []
    for level in range(depth):
        x = _two(x, width * 2**level)
        skipped.append(x)
        x = keras.layers.MaxPooling2D()(x)
    x = _two(x, width * 2**depth)
    for level in reversed(range(depth)):
        x = keras.layers.Conv2DTranspose(width * 2**level, 2, strides=2)(x)
        x = _two(keras.layers.Concatenate()([skipped[level], x]), width * 2**level)
    x = keras.layers.Conv2D(1, 1, activation="sigmoid")(x)
    return keras.Model(
        images, keras.layers.Cropping2D(((0, short[0]), (0, short[1])))(x), name="unet"
    )


def _two(x: Any, channels: int) -> Any:
    for _ in range(2):
        x = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
    return x


def _loss(truth: Any, answer: Any) -> Any:
    overlap = keras.ops.sum(truth * answer, axis=(1, 2, 3))
    both = keras.ops.sum(truth + answer, axis=(1, 2, 3))
    entropy = keras.ops.mean(keras.losses.binary_crossentropy(truth, answer), axis=(1, 2))
    return entropy + 1 - (2 * overlap + 1) / (both + 1)


def _batches(images: Images, masks: Masks, batch_size: int | None) -> tf.data.Dataset:
    truth = masks[..., None].astype(np.float32)
    data = tf.data.Dataset.from_tensor_slices((images, truth))
    return data if batch_size is None else data.batch(batch_size)


def _mirrored(example: tuple[Any, Any], number: Any) -> tuple[Any, Any]:
    """An image and its mask, both mirrored alike."""
    image, mask = example
    for bit, axis in enumerate((0, 1)):
        chosen = tf.bitwise.bitwise_and(tf.bitwise.right_shift(number, bit), 1) == 1
        image = tf.cond(chosen, lambda i=image, a=axis: tf.reverse(i, [a]), lambda i=image: i)
        mask = tf.cond(chosen, lambda m=mask, a=axis: tf.reverse(m, [a]), lambda m=mask: m)
    return image, mask
