"""The Fréchet distance between two sets of features (Heusel et al., arXiv:1706.08500)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zoo.errors import NotComputed, ZooError
from zoo.metrics.features import Features, blocks, check_shapes, checked_pair
from zoo.metrics.protocol import Array, Context, states

GRAM_LIMIT = 2048
LEAST_FOR_LIMIT = 5000
LIMIT_POINTS = 15
SVD_LIMIT = 1000  # rows, up to which a singular value decomposition takes no time
LOST = 1e-8  # of a root's trace, that the eigenvalues of a Gram matrix may lose beside an SVD


class Moments(NamedTuple):
    """Mean (d,) and covariance (d, d) of features."""

    mean: Features
    covariance: Features


def frechet_distance(real: Array, fake: Array) -> float:
    """Fréchet distance of the Gaussians that fit two sets of features.

    ‖μ₁ − μ₂‖² + Tr Σ₁ + Tr Σ₂ − 2 Tr (Σ₁Σ₂)^½ in double precision, covariances with n − 1.
    Sets of 2,048 and more are read in blocks, so that memory does not grow with their number.

    Args:
        real: (n, d).
        fake: (m, d).

    Returns:
        A distance ≥ 0 up to rounding; biased upward at small n and m.

    Raises:
        zoo.errors.ZooError: If a set has fewer than 2 rows or values that are not finite, or
            the widths differ.
    """
    check_shapes(real, fake)
    if min(len(real), len(fake)) < GRAM_LIMIT:
        return _from_rows(*checked_pair(real, fake))
    return _from_moments(_moments(real, "real"), _moments(fake, "generated"))


def frechet_limit(real: Array, fake: Array, *, seed: int = 0) -> float:
    """Fréchet distance extrapolated to infinitely many generated images, FID∞.

    The distance is close to linear in 1/m (Chong & Forsyth, arXiv:1911.07023). It is measured at
    15 numbers m of generated images, drawn without replacement, evenly spaced from 5,000 to all,
    and the value is the intercept of the line that fits them.

    Args:
        real: (n, d), all of which each distance is measured against.
        fake: (m, d).
        seed: Seed of the draws.

    Raises:
        zoo.errors.NotComputed: If a set has fewer than 5,000 rows.
        zoo.errors.ZooError: As `frechet_distance`.
    """
    check_shapes(real, fake)
    if (fewest := min(len(real), len(fake))) < LEAST_FOR_LIMIT:
        raise NotComputed(
            f"FID∞ needs {LEAST_FOR_LIMIT:,} images on each side; there are {fewest:,}"
        )
    reference = _moments(real, "real")
    rng = np.random.default_rng(seed)
    counts = np.linspace(LEAST_FOR_LIMIT, len(fake), LIMIT_POINTS).astype(np.int64)
    if len(fake) == LEAST_FOR_LIMIT:
        raise NotComputed(f"FID∞ needs more than {LEAST_FOR_LIMIT:,} generated images")
    distances = []
    for m in counts:
        drawn = np.sort(rng.choice(len(fake), m, replace=False))
        distances.append(_from_moments(reference, _moments(fake[drawn], "generated")))
    return float(np.polynomial.Polynomial.fit(1 / counts, distances, 1).convert().coef[0])


@states(estimator="Fréchet distance", ddof=1)
def fid(real: Array, fake: Array, context: Context) -> float:
    """The Fréchet distance as a metric."""
    return frechet_distance(real, fake)


@states(
    estimator="Fréchet distance extrapolated linearly in 1/m to infinitely many generated images",
    ddof=1,
    numbers=f"{LIMIT_POINTS} from {LEAST_FOR_LIMIT} to all generated images",
)
def fid_infinity(real: Array, fake: Array, context: Context) -> float:
    """The extrapolated Fréchet distance as a metric."""
    return frechet_limit(real, fake, seed=context.seed)


def _from_rows(first: Features, second: Features) -> float:
    """The distance where the smaller set has fewer rows than there are likely to be features."""
    shift = first.mean(0) - second.mean(0)
    spread = first.var(0, ddof=1).sum() + second.var(0, ddof=1).sum()
    root = _nuclear_norm(first - first.mean(0), second - second.mean(0))
    return float(shift @ shift + spread - 2 * root)


def _from_moments(first: Moments, second: Moments) -> float:
    shift = first.mean - second.mean
    spread = np.trace(first.covariance) + np.trace(second.covariance)
    root = root_trace(first.covariance, second.covariance)
    return float(shift @ shift + spread - 2 * root)


def _moments(features: Array, side: str) -> Moments:
    """Mean and covariance in one pass, around the mean of the first block before it is squared."""
    n, width = features.shape
    near, total, squares = None, np.zeros(width), np.zeros((width, width))
    for rows in blocks(features, side):
        near = rows.mean(0) if near is None else near
        centred = rows - near
        total += centred.sum(0)
        squares += centred.T @ centred
    off = total / n
    return Moments(near + off, (squares - n * np.outer(off, off)) / (n - 1))


def _nuclear_norm(first: Features, second: Features) -> float:
    # The eigenvalues of Σ₁Σ₂ are the squared singular values of X₁X₂ᵀ/√((n₁−1)(n₂−1)), and
    # X = QR leaves them to the small factor R.
    scale = np.sqrt((len(first) - 1) * (len(second) - 1))
    cross = _small_factor(first) @ _small_factor(second).T / scale
    if len(cross) > cross.shape[1]:
        cross = cross.T
    if len(cross) > SVD_LIMIT:
        squares = np.maximum(_eigenvalues(cross @ cross.T), 0)
        root = float(np.sqrt(squares).sum())
        # Eigenvalues are off by about this much, which costs the roots of small ones the most.
        error = np.finfo(np.float64).eps * squares.max()
        if (error / (2 * np.sqrt(np.maximum(squares, error)))).sum() <= LOST * root:
            return root
    return float(np.linalg.svd(cross, compute_uv=False).sum())


def _small_factor(centred: Features) -> Features:
    rows, columns = centred.shape
    return centred if rows <= columns else np.asarray(np.linalg.qr(centred, mode="r"))


def root_trace(first: Features, second: Features) -> float:
    """Tr (Σ₁Σ₂)^½ of two covariances (d, d)."""
    try:
        factor = np.linalg.cholesky(first).astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(first)
        factor = vectors * np.sqrt(_non_negative(values))
        product = factor.T @ second @ factor
    else:
        product = _congruent(factor, second)
    return float(np.sqrt(_non_negative(_eigenvalues(product))).sum())


def _congruent(lower: Features, symmetric: Features) -> Features:
    """LᵀSL of a lower triangular L, whose zeros are not multiplied."""
    from scipy.linalg.blas import dtrmm

    half = dtrmm(1.0, lower.T, symmetric.T, side=0)  # BLAS counts columns first
    whole: Features = dtrmm(1.0, lower.T, half, side=1, trans_a=1).T
    return whole


def _eigenvalues(symmetric: Features) -> Features:
    """Ascending; by QR without eigenvectors, the fastest of LAPACK's ways at this size."""
    from scipy.linalg import eigvalsh

    return np.asarray(eigvalsh(symmetric, driver="ev", check_finite=False))


def _non_negative(eigenvalues: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Eigenvalues of a covariance, those that rounding made negative set to zero."""
    tolerance = len(eigenvalues) * np.finfo(np.float64).eps * np.abs(eigenvalues).max()
    if eigenvalues.min() < -tolerance:
        raise ZooError(f"a covariance has the negative eigenvalue {eigenvalues.min():.3g}")
    return np.maximum(eigenvalues, 0)
