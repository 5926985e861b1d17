"""Adversarial losses on logits, each with the values that it takes at equilibrium."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keras import ops

from zoo.errors import UsageError

Tensor = Any


@dataclass(frozen=True)
class Loss:
    """A pair of losses on logits of shape (n, 1).

    Attributes:
        discriminator: `(real_logits, fake_logits) -> scalar`.
        generator: `fake_logits -> scalar`.
        equilibrium: What the logged values are when generated images cannot be told from real.
        paper: Where it comes from.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    equilibrium: Mapping[str, float]
    paper: str


def _bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))


def _bce_generator(fake: Tensor) -> Tensor:
    return ops.mean(ops.softplus(-fake))


def _least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * (ops.mean(ops.square(real - 1.0)) + ops.mean(ops.square(fake)))


def _least_squares_generator(fake: Tensor) -> Tensor:
    return 0.5 * ops.mean(ops.square(fake - 1.0))


def _hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + fake))


def _hinge_generator(fake: Tensor) -> Tensor:
    return -ops.mean(fake)


LOSSES: Mapping[str, Loss] = {
    "bce": Loss(
        _bce_discriminator,
        _bce_generator,
        {"d_loss": 2 * math.log(2), "g_loss": math.log(2), "d_real": 0.5, "d_fake": 0.5},
        "arXiv:1406.2661, non-saturating",
    ),
    "least-squares": Loss(
        _least_squares_discriminator,
        _least_squares_generator,
        {"d_loss": 0.25, "g_loss": 0.125},
        "arXiv:1611.04076",
    ),
    "hinge": Loss(
        _hinge_discriminator, _hinge_generator, {"d_loss": 2.0, "g_loss": 0.0}, "arXiv:1705.02894"
    ),
}


def find_loss(name: str) -> Loss:
    """A loss by name.

    Raises:
        zoo.errors.UsageError: If there is none of that name.
    """
    if name not in LOSSES:
        raise UsageError(f"no loss {name!r}; choose from {', '.join(LOSSES)}")
    return LOSSES[name]
