"""Kernel distance, KID (Bińkowski et al., arXiv:1801.01401)."""

from typing import ClassVar, NamedTuple

import numpy as np

from zoo.metrics.features import Features, check_shapes, checked_pair, read
from zoo.metrics.protocol import Array, Context

SUBSETS = 100
SUBSETS_RESAMPLED = 10
SUBSET_SIZE = 1000
BLOCK = 1024


class KernelDistance(NamedTuple):
    """An estimate of the squared maximum mean discrepancy.

    Attributes:
        value: Unbiased, so small negative values are legitimate.
        standard_error: From the two-sample jackknife; `None` where subsets were averaged, for
            their spread is no standard error.
    """

    value: float
    standard_error: float | None


def kernel_distance(
    real: Array,
    fake: Array,
    *,
    subsets: int = SUBSETS,
    subset_size: int = SUBSET_SIZE,
    seed: int = 0,
) -> KernelDistance:
    """Unbiased squared MMD with the kernel (xᵀy/d + 1)³.

    Args:
        real: (n, d).
        fake: (m, d).
        subsets: How many random subsets are averaged when both sets are large enough.
        subset_size: Rows drawn without replacement from each set; a smaller set gives the full
            U-statistic with its jackknife error.
        seed: Seed of the subsets.

    Raises:
        zoo.errors.ZooError: If a set has fewer than 3 rows or values that are not finite, or
            the widths differ.
    """
    check_shapes(real, fake, rows=3)
    if min(len(real), len(fake)) < subset_size:
        return _u_statistic(*checked_pair(real, fake))
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(subsets):
        rows, others = (rng.choice(len(f), subset_size, replace=False) for f in (real, fake))
        drawn = read(real, "real", np.sort(rows)), read(fake, "generated", np.sort(others))
        values.append(_u_statistic(*drawn).value)
    return KernelDistance(float(np.mean(values)), None)


class KID:
    """The kernel distance as a metric, with its standard error.

    Attributes:
        settings: What the protocol card prints.
    """

    settings: ClassVar[dict[str, object]] = {
        "estimator": "unbiased squared MMD, kernel (x·y/d + 1)^3",
        "subset_size": SUBSET_SIZE,
        "subsets": f"{SUBSETS} ({SUBSETS_RESAMPLED} for each value of floor and interval); "
        f"under {SUBSET_SIZE} images the full U-statistic",
    }

    def __call__(self, real: Array, fake: Array, context: Context) -> float:
        """The estimate from features (n, d) and (m, d)."""
        subsets = SUBSETS_RESAMPLED if context.resampled else SUBSETS
        return kernel_distance(real, fake, subsets=subsets, seed=context.seed).value

    def beside(self, real: Array, fake: Array, context: Context) -> dict[str, float]:
        """The jackknife error, unless subsets are averaged."""
        if min(len(real), len(fake)) >= SUBSET_SIZE:
            return {}
        error = kernel_distance(real, fake).standard_error
        return {} if error is None else {"standard_error": error}


kid = KID()


def _u_statistic(first: Features, second: Features) -> KernelDistance:
    n, m = len(first), len(second)
    within_first = _row_sums(first, first) - _kernel_of_self(first)
    within_second = _row_sums(second, second) - _kernel_of_self(second)
    across_first, across_second = _row_sums(first, second), _row_sums(second, first)
    sum_first, sum_second, sum_across = within_first.sum(), within_second.sum(), across_first.sum()
    value = sum_first / (n * (n - 1)) + sum_second / (m * (m - 1)) - 2 * sum_across / (n * m)

    # Each value with one image left out follows from that image's row sums.
    without_first = (
        (sum_first - 2 * within_first) / ((n - 1) * (n - 2))
        + sum_second / (m * (m - 1))
        - 2 * (sum_across - across_first) / ((n - 1) * m)
    )
    without_second = (
        sum_first / (n * (n - 1))
        + (sum_second - 2 * within_second) / ((m - 1) * (m - 2))
        - 2 * (sum_across - across_second) / (n * (m - 1))
    )
    variance = (n - 1) * without_first.var() + (m - 1) * without_second.var()
    return KernelDistance(float(value), float(np.sqrt(variance)))


def _row_sums(rows: Features, columns: Features) -> Features:
    """Sums of the kernel over all columns, (n,), in blocks that bound the memory."""
    sums = np.zeros(len(rows))
    for i in range(0, len(rows), BLOCK):
        for j in range(0, len(columns), BLOCK):
            sums[i : i + BLOCK] += _kernel(
                rows[i : i + BLOCK] @ columns[j : j + BLOCK].T, rows
            ).sum(1)
    return sums


def _kernel_of_self(rows: Features) -> Features:
    return _kernel((rows**2).sum(1), rows)


def _kernel(products: Features, rows: Features) -> Features:
    return np.asarray((products / rows.shape[1] + 1) ** 3)
