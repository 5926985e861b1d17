"""What few seeds allow to be said: means ± t·s, and how stable an order is.

Runs of different seeds are independent, so any run of A may be set beside any run of B: with three
seeds each there are nine pairs. All that is said of an order is counted over such pairs, nothing is
resampled, and no seed is set beside "its" seed of another generator, with which it shares nothing
but the number. A count over pairs is a description, and no test: of two generators of three seeds
each, no exact test can reach 5 %, however far they are apart; with four each it can.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.evaluation.across import spread


def over_seeds(values: Mapping[int, float]) -> dict[str, Any]:
    """Mean of one value for each seed, with mean ± t·s, as `zoo compare` gives it.

    Args:
        values: Seed to value; at least one.

    Returns:
        `{"mean", "sd", "interval", "seeds", "values"}`: `interval` = mean ± t·sd with Student's t
        for 95 % and n − 1 degrees of freedom, where there are three seeds at least; `sd` of two at
        least.
    """
    numbers = np.array(list(values.values()), float)
    n, mean = len(numbers), float(numbers.mean())
    sd = float(numbers.std(ddof=1)) if n > 1 else None
    found = spread(values)
    interval = found and [mean - found["half_width"], mean + found["half_width"]]
    kept = {str(seed): value for seed, value in values.items()}
    return {"mean": mean, "sd": sd, "interval": interval, "seeds": n, "values": kept}


def ranking(groups: Mapping[str, Mapping[int, float]], *, better: str) -> dict[str, Any]:
    """An order by mean, and how far it depends on which seeds were trained.

    Args:
        groups: Name to a value for each seed; at least one value each.
        better: `"lower"` or `"higher"`.

    Returns:
        `{"order", "precedes", "kendall_w", "kendall_seeds"}`. `order` has for each group, best
        first, `name`, `rank` by mean (equal means share the mean of their ranks), `ranks`, the best
        and the worst rank that it takes when one seed of each group is drawn, and `first`, the
        share of such draws in which it is better than all others. `precedes[A][B]` is the share
        of pairs of a run of A and one of B in which A is better; equal values count half.
        `kendall_w`, of the seeds that all groups have, is 1 where all give one order, and about 1
        divided by the number of seeds where they have nothing to do with one another.
    """
    sign = -1.0 if better == "higher" else 1.0
    signed = {k: sign * np.array(list(v.values()), float) for k, v in groups.items()}
    means = {name: float(values.mean()) for name, values in signed.items()}
    ranks = dict(zip(means, _ranks(list(means.values())), strict=True))
    order = [
        {
            "name": name,
            "rank": ranks[name],
            "ranks": _extremes(name, signed),
            "first": _first(name, signed),
        }
        for name in sorted(means, key=lambda name: (means[name], name))
    ]
    precedes = {a: {b: precedence(signed[a], signed[b]) for b in signed if b != a} for a in signed}
    shared = sorted(set.intersection(*(set(values) for values in groups.values())))
    table = [[sign * values[seed] for values in groups.values()] for seed in shared]
    return {
        "order": order,
        "precedes": precedes,
        "kendall_w": kendall_w(table),
        "kendall_seeds": len(shared),
    }


def precedence(a: Sequence[float] | Any, b: Sequence[float] | Any) -> float:
    """The share of all pairs in which the value of `a` is below that of `b`; ties count half."""
    first, second = np.asarray(a, float)[:, None], np.asarray(b, float)[None, :]
    return float(np.mean((first < second) + 0.5 * (first == second)))


def kendall_w(table: Sequence[Sequence[float]]) -> float | None:
    """Kendall's coefficient of concordance, corrected for ties.

    Kendall, M. G. and Babington Smith, B. (1939). The Problem of m Rankings. Annals of Mathematical
    Statistics 10(3), 275–287.

    Args:
        table: A row for each seed, a value for each group.

    Returns:
        0 to 1, or `None` with fewer than two rows or two columns, or where all values are equal.
    """
    m, n = len(table), len(table[0]) if table else 0
    if m < 2 or n < 2:
        return None
    ranked = np.array([_ranks(list(row)) for row in table])
    sums = ranked.sum(axis=0)
    ties = sum(_ties(row) for row in ranked)
    spread = m**2 * (n**3 - n) - m * ties
    if spread <= 0:
        return None
    return float(12 * np.sum((sums - sums.mean()) ** 2) / spread)


def _ranks(values: list[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    return [
        1 + sum(other < value for other in values) + (values.count(value) - 1) / 2
        for value in values
    ]


def _ties(ranks: Any) -> float:
    _, counts = np.unique(ranks, return_counts=True)
    return float(np.sum(counts**3 - counts))


def _extremes(name: str, signed: Mapping[str, Any]) -> list[int]:
    """Best and worst rank over all draws of one run of each group, ties for it and against it."""
    others = [values for other, values in signed.items() if other != name]
    best = min(1 + sum((v < a).all() for v in others) for a in signed[name])
    worst = max(1 + sum((v <= a).any() for v in others) for a in signed[name])
    return [int(best), int(worst)]


def _first(name: str, signed: Mapping[str, Any]) -> float:
    """Share of draws of one run of each group in which this one is below all others."""
    others = [values for other, values in signed.items() if other != name]
    return float(np.mean([math.prod(float((v > a).mean()) for v in others) for a in signed[name]]))
