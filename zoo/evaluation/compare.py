"""One metric between two sets: value, subsample range, floor and ratio."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import NotComputed
from zoo.evaluation.card import card
from zoo.evaluation.draw import Halves, Rows, subset
from zoo.evaluation.measures import UNKNOWN, Measure, explain
from zoo.metrics.protocol import Context, Known

FLOOR_CUTS = 5
SUBSAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Which sets are compared, and how often again.

    Attributes:
        real: Name of the set of reals.
        fake: Name of the set of generated images.
        suffix: What the metric's name ends in, such as `_train` or `[class=lymphocyte]`.
        only: Rows of the reals and of the generated images that are compared; all if `None`.
        known: What is known of the reals and of the generated images, all of them.
        cuts: Halves of the reals by group: the first halves are the subsamples of the range.
        floor: Whether the halves are also compared with each other.
        facts: What the protocol card says about the reals.
        reason: Why nothing can be compared; empty if it can.
    """

    real: str
    fake: str
    suffix: str = ""
    only: tuple[Rows, Rows] | None = None
    known: tuple[Known, Known] = (UNKNOWN, UNKNOWN)
    cuts: Sequence[Halves] = ()
    floor: bool = False
    facts: Mapping[str, Any]
    reason: str = ""

    @property
    def m(self) -> int | None:
        """Images on each side of a subsample."""
        return len(self.cuts[0].first) if self.cuts else None


@dataclass(frozen=True)
class Rowed:
    """Rows of a set as a metric takes them, with what is known of them."""

    rows: Any
    known: Known

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, which: Rows) -> "Rowed":
        """Some of them."""
        return Rowed(self.rows[which], self.known.take(which))


@dataclass(frozen=True)
class Resampled:
    """Values at m images: of the subsamples, and of reals against reals."""

    values: tuple[float, ...] = ()
    floors: tuple[float, ...] = ()

    @property
    def interval(self) -> list[float] | None:
        """Range over the subsamples."""
        return [min(self.values), max(self.values)] if self.values else None

    @property
    def floor(self) -> float | None:
        """Mean over the cuts."""
        return float(np.mean(self.floors)) if self.floors else None

    def ratio(self, better: str) -> float | None:
        """Mean over the same cuts, over the floor; of a distance whose floor is above zero."""
        if better != "lower" or not self.floors or min(self.floors) <= 0:
            return None
        return float(np.mean(self.values[: len(self.floors)]) / np.mean(self.floors))


def compare(
    measure: Measure, comparison: Comparison, *, seed: int, common: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, list[dict[str, str]]]:
    """One entry of `evaluation.json`, and what of it could not be computed.

    Args:
        measure: The metric with its rows.
        comparison: The two sets.
        seed: Seed of the metric and of the generated images' subsamples.
        common: `comparable` and `provenance` facts that all entries share.
    """
    name = measure.name + comparison.suffix
    if comparison.reason:
        return None, [{"name": name, "reason": comparison.reason}]
    real, fake = _sides(measure, comparison)
    try:
        value = _value(measure, real, fake, seed)
        beside = _beside(measure, real, fake, seed)
    except Exception as failure:  # a third party's metric may raise anything
        return None, [{"name": name, "reason": explain(failure)}]
    resampled, lost = _resample(measure, comparison, real, fake, seed)
    entry = {
        "name": name,
        "value": value,
        "interval": resampled.interval,
        "n_real": len(real),
        "n_fake": len(fake),
        "floor": resampled.floor,
        "ratio": resampled.ratio(measure.better),
    }
    sizes = {"n_real": len(real), "n_fake": len(fake), "m": comparison.m}
    comparable = {**measure.facts, **common["comparable"], **comparison.facts, **sizes}
    comparable |= _how(comparison, resampled)
    entry["protocol"] = card(comparable, common["provenance"] | beside)
    return entry, [{"name": f"{name} {what}", "reason": reason} for what, reason in lost.items()]


def _sides(measure: Measure, comparison: Comparison) -> tuple[Rowed, Rowed]:
    names = (comparison.real, comparison.fake)
    real, fake = (
        Rowed(measure.rows[name], known)
        for name, known in zip(names, comparison.known, strict=True)
    )
    if comparison.only is None:
        return real, fake
    return real.take(comparison.only[0]), fake.take(comparison.only[1])


def _resample(
    measure: Measure, comparison: Comparison, real: Rowed, fake: Rowed, seed: int
) -> tuple[Resampled, dict[str, str]]:
    """The values at m images, and what of them could not be computed, with the reason."""
    if not measure.resampled:
        return Resampled(), {}
    wanted = "interval, floor and ratio" if comparison.floor else "interval"
    if not comparison.cuts:
        few = "the real images come from one group and cannot be cut by group"
        told = comparison.fake == "generated" and comparison.only is None
        return Resampled(), {wanted: few} if told else {}
    try:
        values = tuple(
            _value(measure, real.take(cut.first), _subset(fake, cut, seed, i), seed, again=True)
            for i, cut in enumerate(comparison.cuts)
        )
        floors = tuple(
            _value(measure, real.take(cut.first), real.take(cut.second), seed, again=True)
            for cut in comparison.cuts[: FLOOR_CUTS if comparison.floor else 0]
        )
    except Exception as failure:  # a third party's metric may raise anything
        return Resampled(), {wanted: f"at m = {comparison.m}: {explain(failure)}"}
    return Resampled(values, floors), {}


def _subset(fake: Rowed, cut: Halves, seed: int, repeat: int) -> Rowed:
    return fake.take(subset(len(fake), len(cut.first), seed=seed, repeat=repeat))


def _value(measure: Measure, real: Rowed, fake: Rowed, seed: int, *, again: bool = False) -> float:
    context = Context(seed, again, real.known, fake.known)
    value = float(measure.compare(real.rows, fake.rows, context))
    if not math.isfinite(value):
        raise NotComputed(f"the value is {value}")
    return value


def _beside(measure: Measure, real: Rowed, fake: Rowed, seed: int) -> dict[str, Any]:
    if measure.beside is None:
        return {}
    context = Context(seed, False, real.known, fake.known)
    return dict(measure.beside(real.rows, fake.rows, context))


def _how(comparison: Comparison, resampled: Resampled) -> dict[str, str | None]:
    count = len(resampled.values)
    interval = f"subsample range: {count} group subsamples without replacement at m images"
    floor = f"mean of {FLOOR_CUTS} cuts of the reals by group, m images on each side"
    return {
        "interval": interval if resampled.values else None,
        "floor": floor if resampled.floors else None,
    }
