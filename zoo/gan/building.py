"""What building and compiling a GAN needs besides its layers."""

import contextlib
import random
from collections.abc import Iterator

import keras
import tensorflow as tf

from zoo.errors import UsageError


def check_positive(**values: float | None) -> None:
    """Refuse values that are not above 0.

    Raises:
        zoo.errors.UsageError: Naming the value.
    """
    for name, value in values.items():
        if value is not None and not value > 0:
            raise UsageError(f"{name} must be above 0; got {value}")


def wants_xla(choice: bool | str) -> bool:
    """Whether to compile with XLA; `auto` does so where there is a GPU."""
    return bool(tf.config.list_physical_devices("GPU")) if choice == "auto" else bool(choice)


@contextlib.contextmanager
def building(seed: int, precision: str) -> Iterator[None]:
    """Build layers of a precision, with weights drawn from a seed.

    Keras draws the seeds of its initialisers from `random`, whose state is put back after.
    """
    state, policy = random.getstate(), keras.config.dtype_policy()
    random.seed(seed)
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        random.setstate(state)
        keras.config.set_dtype_policy(policy)
