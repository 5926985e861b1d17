"""One metric between two sets: value, subsample range, floor and ratio."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import NotComputed
from zoo.evaluation.card import card
from zoo.evaluation.draw import Halves, subset
from zoo.evaluation.measures import Measure, explain
from zoo.metrics.protocol import Array, Context

FLOOR_CUTS = 5
SUBSAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Which sets are compared, and how often again.

    Attributes:
        real: Name of the set of reals.
        fake: Name of the set of generated images.
        suffix: What the metric's name ends in, such as `_train`.
        cuts: Halves of the reals by group: the first halves are the subsamples of the range.
        floor: Whether the halves are also compared with each other.
        facts: What the protocol card says about the reals.
        reason: Why nothing can be compared; empty if it can.
    """

    real: str
    fake: str
    suffix: str = ""
    cuts: Sequence[Halves] = ()
    floor: bool = False
    facts: Mapping[str, Any]
    reason: str = ""

    @property
    def m(self) -> int | None:
        """Images on each side of a subsample."""
        return len(self.cuts[0].first) if self.cuts else None


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
    real, fake = measure.rows[comparison.real], measure.rows[comparison.fake]
    try:
        value = _value(measure, real, fake, Context(seed))
        error = _standard_error(measure, real, fake, Context(seed))
    except Exception as failure:  # a third party's metric may raise anything
        return None, [{"name": name, "reason": explain(failure)}]
    resampled, lost = _resample(measure, comparison, seed)
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
    provenance = common["provenance"] | ({} if error is None else {"standard_error": error})
    entry["protocol"] = card(comparable, provenance)
    return entry, [{"name": f"{name} {what}", "reason": reason} for what, reason in lost.items()]


def _resample(
    measure: Measure, comparison: Comparison, seed: int
) -> tuple[Resampled, dict[str, str]]:
    """The values at m images, and what of them could not be computed, with the reason."""
    real, fake = measure.rows[comparison.real], measure.rows[comparison.fake]
    context = Context(seed, resampled=True)
    wanted = "interval, floor and ratio" if comparison.floor else "interval"
    if not comparison.cuts:
        few = "the real images come from one group and cannot be cut by group"
        return Resampled(), {wanted: few} if comparison.fake == "generated" else {}
    try:
        values = tuple(
            _value(measure, real[cut.first], fake[_subset(fake, cut, seed, i)], context)
            for i, cut in enumerate(comparison.cuts)
        )
        floors = tuple(
            _value(measure, real[cut.first], real[cut.second], context)
            for cut in comparison.cuts[: FLOOR_CUTS if comparison.floor else 0]
        )
    except Exception as failure:  # a third party's metric may raise anything
        return Resampled(), {wanted: f"at m = {comparison.m}: {explain(failure)}"}
    return Resampled(values, floors), {}


def _subset(fake: Array, cut: Halves, seed: int, repeat: int) -> Array:
    return subset(len(fake), len(cut.first), seed=seed, repeat=repeat)


def _value(measure: Measure, real: Array, fake: Array, context: Context) -> float:
    value = float(measure.compare(real, fake, context))
    if not math.isfinite(value):
        raise NotComputed(f"the value is {value}")
    return value


def _standard_error(measure: Measure, real: Array, fake: Array, context: Context) -> float | None:
    return measure.standard_error(real, fake, context) if measure.standard_error else None


def _how(comparison: Comparison, resampled: Resampled) -> dict[str, str | None]:
    count = len(resampled.values)
    interval = f"subsample range: {count} group subsamples without replacement at m images"
    floor = f"mean of {FLOOR_CUTS} cuts of the held-out reals by group, m images on each side"
    return {
        "interval": interval if resampled.values else None,
        "floor": floor if resampled.floors else None,
    }
