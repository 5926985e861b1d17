"""Statistics of correlated images: what is resampled or relabelled is the group."""

import numpy as np
import numpy.typing as npt

from zoo.evaluation.trial import halves

DRAWS = 2000
RELABELLINGS = 4999


def group_interval(
    correct: npt.NDArray[np.float64], groups: npt.NDArray[np.str_], strata: npt.NDArray[np.int64]
) -> tuple[float, float]:
    """95 % interval of an accuracy: percentiles of a bootstrap of whole groups.

    Where each answer is alike there is nothing to resample; the interval is then the exact
    binomial one for as many trials as there are groups.

    Args:
        correct: (n,) share of right answers to each image, 0 to 1.
        groups: (n,) group of each image.
        strata: (n,) label of each image; groups are resampled within a label, and each label
            weighs as in the sample.
    """
    if np.ptp(correct) == 0:
        return _alike(float(correct[0]), groups, strata)
    rng = np.random.default_rng(0)
    total = np.zeros(DRAWS)
    for stratum in np.unique(strata):
        here = strata == stratum
        _, code = np.unique(groups[here], return_inverse=True)
        sizes, sums = np.bincount(code), np.bincount(code, weights=correct[here])
        counts = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=DRAWS)
        total += here.mean() * (counts @ sums) / (counts @ sizes)
    low, high = np.quantile(total, [0.025, 0.975])
    return float(low), float(high)


def group_draws(
    groups: npt.NDArray[np.str_], count: int, rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Rows of `count` bootstrap samples of whole groups, of about as many rows each.

    Args:
        groups: (n,) group of each row.
        count: Number of samples.
        rng: Where they are drawn from.
    """
    _, code = np.unique(groups, return_inverse=True)
    if len(groups) == code.max() + 1:
        return list(rng.integers(len(groups), size=(count, len(groups))))
    order = np.argsort(code, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(code))[:-1])
    chosen = rng.integers(len(members), size=(count, len(members)))
    return [np.concatenate([members[i] for i in row]) for row in chosen]


def _alike(
    value: float, groups: npt.NDArray[np.str_], strata: npt.NDArray[np.int64]
) -> tuple[float, float]:
    reach = 0.0
    for stratum in np.unique(strata):
        here = strata == stratum
        reach += here.mean() * (1 - 0.025 ** (1 / len(np.unique(groups[here]))))
    return float(max(0.0, value - reach)), float(min(1.0, value + reach))


def relabelled_accuracies(
    answers: npt.NDArray[np.int64], groups: npt.NDArray[np.str_]
) -> npt.NDArray[np.float64]:
    """What accuracy could have been, had the test groups been labelled otherwise.

    Where labels were given to groups at random and nothing leaked, the labels of the test
    groups are independent of the answers, so the accuracy that was measured is one more draw
    from this distribution. That is exact for any correlation within groups, any sizes of groups
    and any detector, because nothing but the labelling is assumed to be random.

    Args:
        answers: (seeds, n) labels that the detector gave, each row under its own labelling.
        groups: (n,) group of each test image.

    Returns:
        Accuracies over all rows together, for random labellings of each row.
    """
    rng = np.random.default_rng(1)
    _, code = np.unique(groups, return_inverse=True)
    sizes = np.bincount(code)
    right = np.zeros(RELABELLINGS)
    for row in answers:
        ones = np.bincount(code, weights=row)
        labels = halves(len(sizes), RELABELLINGS, rng)
        right += (sizes - ones).sum() + labels @ (2 * ones - sizes)
    return np.asarray(right / answers.size)


def acceptance(
    measured: float, could_be: npt.NDArray[np.float64], alpha: float
) -> tuple[float, float]:
    """The range outside which an accuracy is significant at `alpha`, both sides together.

    The accuracy that was measured counts as one of the draws, so that a true null falls outside
    with a probability of `alpha` at most.
    """
    draws = np.append(could_be, measured)
    low = np.quantile(draws, alpha / 2, method="lower")
    high = np.quantile(draws, 1 - alpha / 2, method="higher")
    return float(low), float(high)
