"""What building and compiling a GAN needs besides its layers."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from zoo.device import fuse_nothing
from zoo.errors import UsageError


def check_positive(**values: float | None) -> None:
    """Refuse values that are not above 0.

    Raises:
        zoo.errors.UsageError: Naming the value.
    """
    for name, value in values.items():
        if value is not None and not value > 0:
            raise UsageError(f"{name} must be above 0; got {value}")


def check_not_negative(**values: float) -> None:
    """Refuse values below 0.

    Raises:
        zoo.errors.UsageError: Naming the value.
    """
    for name, value in values.items():
        if not value >= 0:
            raise UsageError(f"{name} must be at least 0; got {value}")


def check_judged_singly(discriminator: keras.Model) -> None:
    """Refuse a discriminator whose answer to an image depends on the others of its batch.

    Raises:
        zoo.errors.UsageError: Saying what a gradient penalty needs.
    """
    layers = discriminator._flatten_layers(include_self=False, recursive=True)
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers):
        raise UsageError(
            "gp_weight is for a discriminator that judges each image by itself, and this one "
            "normalises over the batch: add -o norm=layer, or use wgan-gp"
        )


def adam(learning_rate: float, beta_1: float, beta_2: float, precision: str) -> Any:
    """Adam, with a loss scale that follows the gradients where they are float16."""
    optimizer = keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2)
    if precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def decay_of_average(decay: float | None, half_life_kimg: float, images_per_step: int) -> float:
    """The moving average's decay in a step: stated, or by its half-life in thousand images.

    Raises:
        zoo.errors.UsageError: If a stated decay is not from 0 to below 1.
    """
    if decay is not None:
        if not 0 <= decay < 1:
            raise UsageError(f"ema_decay must be from 0 to below 1; got {decay}")
        return decay
    if half_life_kimg == 0:
        return 0.0
    return float(0.5 ** (images_per_step / (1000.0 * half_life_kimg)))


def wants_xla(choice: bool | str) -> bool:
    """Whether to compile with XLA; `auto` does so where there is a GPU."""
    return bool(tf.config.list_physical_devices("GPU")) if choice == "auto" else bool(choice)


@contextlib.contextmanager
def building(seed: int, precision: str) -> Iterator[None]:
    """Build layers of a precision, with weights drawn from a seed.

    Keras draws the seeds of its initialisers from `random`, whose state is put back after.
    """
    state = random.getstate()
    policy, inputs = keras.config.dtype_policy(), keras.config.floatx()
    random.seed(seed)
    fuse_nothing()
    keras.config.set_dtype_policy(precision)
    keras.config.set_floatx(weight_dtype(precision))
    try:
        yield
    finally:
        random.setstate(state)
        keras.config.set_dtype_policy(policy)
        keras.config.set_floatx(inputs)


def weight_dtype(precision: str) -> str:
    """What weights, images and losses are held in: `float64` if that is asked for, or `float32`."""
    return str(keras.DTypePolicy(precision).variable_dtype)
