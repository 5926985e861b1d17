"""The Fréchet distance between two sets of features (Heusel et al., arXiv:1706.08500)."""

import numpy as np
import numpy.typing as npt

from zoo.errors import ZooError
from zoo.metrics.features import Features, checked_pair
from zoo.metrics.protocol import Array, Context, states

GRAM_LIMIT = 2048


def frechet_distance(real: Array, fake: Array) -> float:
    """Fréchet distance of the Gaussians that fit two sets of features.

    ‖μ₁ − μ₂‖² + Tr Σ₁ + Tr Σ₂ − 2 Tr (Σ₁Σ₂)^½ in double precision, covariances with n − 1.

    Args:
        real: (n, d).
        fake: (m, d).

    Returns:
        A distance ≥ 0 up to rounding; biased upward at small n and m.

    Raises:
        zoo.errors.ZooError: If a set has fewer than 2 rows or values that are not finite, or
            the widths differ.
    """
    first, second = checked_pair(real, fake)
    shift = first.mean(0) - second.mean(0)
    spread = first.var(0, ddof=1).sum() + second.var(0, ddof=1).sum()
    root = _root_trace(first - first.mean(0), second - second.mean(0))
    return float(shift @ shift + spread - 2 * root)


@states(estimator="Fréchet distance", ddof=1)
def fid(real: Array, fake: Array, context: Context) -> float:
    """The Fréchet distance as a metric."""
    return frechet_distance(real, fake)


def _root_trace(first: Features, second: Features) -> float:
    """Tr (Σ₁Σ₂)^½ of centred features."""
    if min(len(first), len(second)) < GRAM_LIMIT:
        return _nuclear_norm(first, second)
    return _covariance_root_trace(_covariance(first), _covariance(second))


def _nuclear_norm(first: Features, second: Features) -> float:
    # The eigenvalues of Σ₁Σ₂ are the squared singular values of X₁X₂ᵀ/√((n₁−1)(n₂−1)), and
    # X = QR leaves them to the small factor R.
    scale = np.sqrt((len(first) - 1) * (len(second) - 1))
    cross = _small_factor(first) @ _small_factor(second).T / scale
    return float(np.linalg.svd(cross, compute_uv=False).sum())


def _small_factor(centred: Features) -> Features:
    rows, columns = centred.shape
    return centred if rows <= columns else np.asarray(np.linalg.qr(centred, mode="r"))


def _covariance(centred: Features) -> Features:
    return np.asarray(centred.T @ centred / (len(centred) - 1))


def _covariance_root_trace(first: Features, second: Features) -> float:
    try:
        factor = np.linalg.cholesky(first)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(first)
        factor = vectors * np.sqrt(_non_negative(values))
    return float(np.sqrt(_non_negative(np.linalg.eigvalsh(factor.T @ second @ factor))).sum())


def _non_negative(eigenvalues: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Eigenvalues of a covariance, those that rounding made negative set to zero."""
    tolerance = len(eigenvalues) * np.finfo(np.float64).eps * np.abs(eigenvalues).max()
    if eigenvalues.min() < -tolerance:
        raise ZooError(f"a covariance has the negative eigenvalue {eigenvalues.min():.3g}")
    return np.maximum(eigenvalues, 0)
