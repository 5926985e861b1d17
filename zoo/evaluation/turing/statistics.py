"""What a reader study is judged by: shares, agreement, equivalence, differences of ratings."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import NotComputed

GUESSING = 0.5
LEVEL = 0.95
ALPHA = 0.05
DRAWS = 2000

Answers = npt.NDArray[np.bool_]


def share(count: int, n: int) -> dict[str, Any]:
    """A share with its Wilson interval (Wilson 1927) at 95 %; without trials there is neither."""
    from scipy.stats import binomtest

    if not n:
        return {"value": None, "interval": None, "n": 0}
    low, high = binomtest(count, n).proportion_ci(LEVEL, method="wilson")
    return {"value": count / n, "interval": [float(low), float(high)], "n": n}


def guessing_p(right: int, n: int) -> float:
    """Exact two-sided binomial p value of so many right answers if all are guessed."""
    from scipy.stats import binomtest

    return float(binomtest(right, n, GUESSING).pvalue)


def fleiss_kappa(counts: npt.ArrayLike) -> float:
    """Agreement beyond chance of several readers (Fleiss 1971, Psychological Bulletin 76:378).

    Args:
        counts: (items, categories), how many readers chose a category of an item; each row has
            the same sum.

    Raises:
        zoo.errors.NotComputed: If there are fewer than two readers, rows have other sums, or one
            category got every answer, where κ is 0 / 0.
    """
    table = np.asarray(counts, np.float64)
    readers = table.sum(axis=1)
    if readers[0] < 2 or (readers != readers[0]).any():
        raise NotComputed("agreement needs two readers or more who answered every item")
    agreeing = ((table**2).sum(axis=1) - readers) / (readers * (readers - 1))
    expected = float(((table.sum(axis=0) / table.sum()) ** 2).sum())
    if expected == 1:
        raise NotComputed("every answer is the same, so that chance agrees as well")
    return (float(agreeing.mean()) - expected) / (1 - expected)


def cohen_kappa(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Agreement beyond chance of two (Cohen 1960, Educ. Psychol. Meas. 20:37).

    Args:
        one: (items,) category of each item.
        other: (items,) what the other one says of the same items.

    Raises:
        zoo.errors.NotComputed: If both give every item the same category, where κ is 0 / 0.
    """
    first, second = np.asarray(one), np.asarray(other)
    kinds = np.union1d(first, second)
    shares = [(first == kind).mean() * (second == kind).mean() for kind in kinds]
    if (expected := float(sum(shares))) == 1:
        raise NotComputed("every answer is the same, so that chance agrees as well")
    return (float((first == second).mean()) - expected) / (1 - expected)


@dataclass(frozen=True)
class Crossed:
    """Mean accuracy of readers who all read the same images.

    Attributes:
        value: Share of right answers.
        error: Standard error for other readers and other images; of one reader for other images.
        freedom: Degrees of freedom of the error.
        interval: 95 %, within 0 and 1.
        interval_these_readers: The same for these readers and other images.
    """

    value: float
    error: float
    freedom: float
    interval: tuple[float, float]
    interval_these_readers: tuple[float, float]


def crossed(right: Answers) -> Crossed:
    """Accuracy over readers and images, both taken as samples.

    The variance is (MS_readers + MS_images − MS_rest) / (readers · images), the mean squares those
    of the two-way analysis of variance without replication (as Dorfman, Berbaum & Metz 1992 use it
    for readers and cases); a component below zero counts as zero. Degrees of freedom are
    Satterthwaite's. Where all answers are alike the interval is Wilson's with one trial an image.

    Args:
        right: (readers, images), whether each answer is right.
    """
    images = right.shape[1]
    value = float(right.mean())
    terms = _terms(right.astype(np.float64))
    variance = sum(square for square, _ in terms) / right.size
    if variance <= 0:
        low, high = share(round(value * images), images)["interval"]
        return Crossed(value, 0.0, images - 1.0, (low, high), (low, high))
    freedom = sum(s for s, _ in terms) ** 2 / sum(s**2 / df for s, df in terms)
    error = math.sqrt(variance)
    of_images = math.sqrt(float(right.mean(axis=0).var(ddof=1)) / images)
    these = _reached(value, of_images, images - 1.0)
    return Crossed(value, error, freedom, _reached(value, error, freedom), these)


def _reached(value: float, error: float, freedom: float) -> tuple[float, float]:
    from scipy.stats import t

    reach = float(t.ppf((1 + LEVEL) / 2, freedom)) * error
    return max(0.0, value - reach), min(1.0, value + reach)


def _terms(right: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """Mean squares with their signs and degrees of freedom, the sum of which is never negative."""
    readers, images = right.shape
    of_images = readers * float(right.mean(axis=0).var(ddof=1)), float(images - 1)
    if readers == 1:
        return [of_images]
    of_readers = images * float(right.mean(axis=1).var(ddof=1)), float(readers - 1)
    lines = right.mean(axis=0)[None] + right.mean(axis=1)[:, None] - right.mean()
    df = float((readers - 1) * (images - 1))
    rest = float(((right - lines) ** 2).sum()) / df
    larger = [term for term in (of_images, of_readers) if term[0] > rest]
    return [*larger, (rest * (1 - len(larger)), df)]


def equivalence(accuracy: Crossed, margin: float) -> dict[str, Any]:
    """Two one-sided t tests of an accuracy against guessing (Schuirmann 1987), each at 5 %.

    Args:
        accuracy: What was measured.
        margin: How far from one half still counts as guessing, 0 to 0.5, chosen beforehand.
    """
    from scipy.stats import t

    away = accuracy.value - GUESSING
    if accuracy.error == 0:
        above = below = float(abs(away) >= margin)
    else:
        above = float(t.sf((away + margin) / accuracy.error, accuracy.freedom))
        below = float(t.cdf((away - margin) / accuracy.error, accuracy.freedom))
    p = max(above, below)
    return {
        "margin": margin,
        "p_above_lower": above,
        "p_below_upper": below,
        "p_value": p,
        "equivalent": p < ALPHA,
    }


def kappa_interval(called: Answers, truth: Answers) -> list[float] | None:
    """95 % interval of κ over images, drawn anew within real and within generated ones.

    Args:
        called: (readers, images), whether an image was called generated.
        truth: (images,), whether it is.

    Returns:
        Low and high; `None` if a draw may have no κ.
    """
    readers = len(called)
    said = called.sum(axis=0)
    agreeing = (said**2 + (readers - said) ** 2 - readers) / (readers * (readers - 1))
    rows = _drawn(truth)
    generated = (said / readers)[rows].mean(axis=1)
    expected = generated**2 + (1 - generated) ** 2
    if (expected == 1).any():
        return None
    return _percentiles((agreeing[rows].mean(axis=1) - expected) / (1 - expected))


def rating_difference(ratings: npt.NDArray[np.int64], truth: Answers) -> dict[str, Any]:
    """Mean rating of real less that of generated images, with a 95 % interval over images.

    Images are drawn anew within each side; the readers stay the same.

    Args:
        ratings: (readers, images).
        truth: (images,), whether an image is generated.
    """
    means = ratings.mean(axis=0)
    rows = _drawn(truth)
    real = int((~truth).sum())
    draws = means[rows[:, :real]].mean(axis=1) - means[rows[:, real:]].mean(axis=1)
    difference = float(means[~truth].mean() - means[truth].mean())
    return {"difference": difference, "interval": _percentiles(draws)}


def _drawn(truth: Answers) -> npt.NDArray[np.int64]:
    """(draws, images) bootstrap samples of rows, those of real images first."""
    rng = np.random.default_rng(0)
    sides = (np.flatnonzero(~truth), np.flatnonzero(truth))
    drawn = [side[rng.integers(len(side), size=(DRAWS, len(side)))] for side in sides]
    return np.concatenate(drawn, axis=1)


def _percentiles(draws: npt.NDArray[np.float64]) -> list[float]:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(low), float(high)]
