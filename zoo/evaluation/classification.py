"""Accuracy, precision, recall and F1 of several seeds, and what resampling groups makes of them.

Everything is a function of confusion counts (…, k, k), rows the true class, columns the answer. One
count for each group of test images lets a bootstrap of whole groups be a sum of counts.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

DRAWS = 2000

Counts = npt.NDArray[np.float64]
Measure = Callable[[Counts], npt.NDArray[np.float64]]


def confusions(
    truth: npt.NDArray[np.int64],
    answers: npt.NDArray[np.int64],
    groups: npt.NDArray[np.str_],
    classes: int,
) -> Counts:
    """Confusion counts of each group and seed.

    Args:
        truth: (n,) class of each test image.
        answers: (seeds, n) class that each seed's classifier gave.
        groups: (n,) group of each test image.
        classes: Their number k.

    Returns:
        (groups, seeds, k, k).
    """
    names, group = np.unique(groups, return_inverse=True)
    size = len(names) * classes * classes
    at = [(group * classes + truth) * classes + given for given in answers]
    counts = np.stack([np.bincount(cell, minlength=size) for cell in at]).astype(np.float64)
    return counts.reshape(len(answers), len(names), classes, classes).swapaxes(0, 1)


def accuracy(counts: Counts) -> npt.NDArray[np.float64]:
    """(…) share of right answers."""
    return np.asarray(_share(np.trace(counts, axis1=-2, axis2=-1), counts.sum((-2, -1))))


def precisions(counts: Counts) -> npt.NDArray[np.float64]:
    """(…, k) share of the answers with a class that are right; NaN where there are none."""
    return np.asarray(_share(_right(counts), counts.sum(-2)))


def recalls(counts: Counts) -> npt.NDArray[np.float64]:
    """(…, k) share of a class's images that are answered right; NaN where there are none."""
    return np.asarray(_share(_right(counts), counts.sum(-1)))


def f1s(counts: Counts) -> npt.NDArray[np.float64]:
    """(…, k) harmonic mean of precision and recall; NaN where a class has no image."""
    found = _share(2 * _right(counts), counts.sum(-1) + counts.sum(-2))
    return np.where(counts.sum(-1) > 0, found, np.nan)


def macro(measure: Measure) -> Measure:
    """The mean over the classes that have images; a precision without answers counts as 0."""

    def mean(counts: Counts) -> npt.NDArray[np.float64]:
        present = counts.sum(-1) > 0
        values = np.where(present, np.nan_to_num(measure(counts)), 0.0)
        return np.asarray(_share(values.sum(-1), present.sum(-1)))

    return mean


def of_class(measure: Measure, label: int) -> Measure:
    """One class's value."""
    return lambda counts: measure(counts)[..., label]


MACRO: dict[str, Measure] = {
    "accuracy": accuracy,
    "precision": macro(precisions),
    "recall": macro(recalls),
    "f1": macro(f1s),
}
PER_CLASS: dict[str, Measure] = {"precision": precisions, "recall": recalls, "f1": f1s}


def summary(values: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """Mean and standard deviation over seeds (seeds,); no deviation of a single one."""
    return {
        "mean": _number(values.mean()),
        "sd": _number(values.std(ddof=1)) if len(values) > 1 else None,
    }


def difference(
    counts: Counts, against: Counts, measure: Measure, *, ratio: bool = False
) -> dict[str, Any]:
    """By how much one arm exceeds another on the same test images, with a 95 % interval.

    The interval holds the percentiles of a bootstrap of whole groups, both arms with the same
    groups, each seed's value averaged. It says what other test images would give, not what other
    trainings would.

    Args:
        counts: (groups, seeds, k, k).
        against: The same groups under the other arm.
        measure: Of confusion counts.
        ratio: Quotient in place of the difference.

    Returns:
        `value` and `interval`, which is `None` where resampling changes nothing.
    """

    def compared(one: Counts, other: Counts) -> npt.NDArray[np.float64]:
        means = measure(one).mean(-1), measure(other).mean(-1)
        return np.asarray(_share(*means) if ratio else means[0] - means[1])

    value = compared(counts.sum(0), against.sum(0))
    drawn = _resampled(len(counts))
    found = compared(_sums(drawn, counts), _sums(drawn, against))
    found = found[np.isfinite(found)]
    alike = len(found) == 0 or np.ptp(found) == 0
    interval = None if alike else [float(q) for q in np.quantile(found, [0.025, 0.975])]
    return {"value": _number(value), "interval": interval}


def _resampled(groups: int) -> npt.NDArray[np.float64]:
    """(DRAWS, groups): how often each group is drawn."""
    rng = np.random.default_rng(0)
    return rng.multinomial(groups, np.full(groups, 1 / groups), size=DRAWS).astype(np.float64)


def _sums(drawn: npt.NDArray[np.float64], counts: Counts) -> Counts:
    flat = drawn @ counts.reshape(len(counts), -1)
    return np.asarray(flat.reshape(len(drawn), *counts.shape[1:]))


def _right(counts: Counts) -> npt.NDArray[np.float64]:
    return np.asarray(np.diagonal(counts, axis1=-2, axis2=-1))


def _share(part: Any, whole: Any) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.divide(part, whole))


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
