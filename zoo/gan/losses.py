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
        undecided: The logit at which the discriminator takes no side; `None` if it has none.
        paper: Where it comes from.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    equilibrium: Mapping[str, float]
    undecided: float | None
    paper: str


def bce(label_smoothing: float = 0.0) -> Loss:
    """Binary cross-entropy, non-saturating for the generator (arXiv:1406.2661).

    Args:
        label_smoothing: What real images lack to the target 1, one-sided (arXiv:1606.03498).
    """
    target = 1.0 - label_smoothing
    chance = target / 2

    def discriminator(real: Tensor, fake: Tensor) -> Tensor:
        loss = ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))
        return loss + label_smoothing * ops.mean(real) if label_smoothing else loss

    def generator(fake: Tensor) -> Tensor:
        return ops.mean(ops.softplus(-fake))

    equilibrium = {
        "d_loss": -target * math.log(chance) - (2 - target) * math.log(1 - chance),
        "g_loss": -math.log(chance),
        "d_real": chance,
        "d_fake": chance,
    }
    undecided = math.log(chance / (1 - chance))
    return Loss(discriminator, generator, equilibrium, undecided, "arXiv:1406.2661")


def least_squares(label_smoothing: float = 0.0) -> Loss:
    """Squared distance of the logits to 1 and 0 (arXiv:1611.04076)."""
    target = 1.0 - label_smoothing

    def discriminator(real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (ops.mean(ops.square(real - target)) + ops.mean(ops.square(fake)))

    def generator(fake: Tensor) -> Tensor:
        return 0.5 * ops.mean(ops.square(fake - 1.0))

    equilibrium = {"d_loss": target**2 / 4, "g_loss": (1 - target / 2) ** 2 / 2}
    return Loss(discriminator, generator, equilibrium, target / 2, "arXiv:1611.04076")


def hinge() -> Loss:
    """The margin up to which the discriminator is rewarded (arXiv:1705.02894)."""

    def discriminator(real: Tensor, fake: Tensor) -> Tensor:
        return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + fake))

    return Loss(discriminator, _critic, {"d_loss": 2.0, "g_loss": 0.0}, 0.0, "arXiv:1705.02894")


def wasserstein() -> Loss:
    """The critic's gap; only with a Lipschitz bound such as `gp_weight` (arXiv:1701.07875)."""

    def discriminator(real: Tensor, fake: Tensor) -> Tensor:
        return ops.mean(fake) - ops.mean(real)

    return Loss(discriminator, _critic, {"d_loss": 0.0}, None, "arXiv:1701.07875")


def _critic(fake: Tensor) -> Tensor:
    return -ops.mean(fake)


SMOOTHED: Mapping[str, Callable[[float], Loss]] = {"bce": bce, "least-squares": least_squares}
UNSMOOTHED: Mapping[str, Callable[[], Loss]] = {"hinge": hinge, "wasserstein": wasserstein}
LOSSES = (*SMOOTHED, *UNSMOOTHED)


def find_loss(name: str, label_smoothing: float = 0.0) -> Loss:
    """A loss by name.

    Args:
        name: `bce`, `least-squares`, `hinge` or `wasserstein`.
        label_smoothing: What the target of real images lacks to 1, from 0 to below 1.

    Raises:
        zoo.errors.UsageError: If there is none of that name, or it has no target to smooth.
    """
    if name not in LOSSES:
        raise UsageError(f"no loss {name!r}; choose from {', '.join(LOSSES)}")
    if not 0 <= label_smoothing < 1:
        raise UsageError(f"label_smoothing must be from 0 to below 1; got {label_smoothing}")
    if name in SMOOTHED:
        return SMOOTHED[name](label_smoothing)
    if label_smoothing:
        raise UsageError(f"{name} has no targets; label_smoothing needs {' or '.join(SMOOTHED)}")
    return UNSMOOTHED[name]()
