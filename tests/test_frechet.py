"""The Fréchet distance has its closed form, its published values, and clear refusals."""

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.metrics import frechet
from zoo.metrics.frechet import frechet_distance


def test_three_by_two_case_uses_n_minus_one() -> None:
    distance = frechet_distance(np.array([[1, 2]] * 3), np.array([[2, 2], [1, 2], [1, 2]]))
    assert distance == pytest.approx(4 / 9, abs=1e-9)


def test_square_case_matches_the_published_value() -> None:
    rng = np.random.RandomState(1)
    assert frechet_distance(rng.randn(4, 4), rng.randn(4, 4)) == pytest.approx(
        4.753837617, abs=5e-10
    )


def test_wide_case_matches_the_published_value() -> None:
    rng = np.random.RandomState(0)
    real, fake = rng.randn(500, 2048), rng.randn(300, 2048) + 0.05
    distance = frechet_distance(real.astype(np.float32), fake.astype(np.float32))
    assert distance == pytest.approx(2689.245370418, abs=5e-9)


@pytest.mark.parametrize("n", [40, 3000], ids=["cross-gram", "cholesky"])
def test_distance_of_gaussians_with_diagonal_covariances_is_the_closed_form(n: int) -> None:
    rng = np.random.default_rng(0)
    white = _whitened(rng.standard_normal((n, 6)))
    first_sd, second_sd = np.array([1, 2, 3, 0.5, 0.1, 4]), np.array([2, 2, 1, 1.5, 0.3, 0])
    shift = np.arange(6.0)
    expected = (shift**2).sum() + ((first_sd - second_sd) ** 2).sum()
    assert frechet_distance(white * first_sd, white * second_sd + shift) == pytest.approx(expected)


@pytest.mark.parametrize("n", [50, 300, 2500])
def test_identical_sets_are_at_distance_zero(n: int) -> None:
    features = np.random.default_rng(0).standard_normal((n, 60)) * 5
    assert abs(frechet_distance(features, features[::-1])) < 1e-6


def test_both_routes_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    real = rng.standard_normal((400, 64))
    fake = rng.standard_normal((300, 64)) @ rng.standard_normal((64, 64))
    gram = frechet_distance(real, fake)
    monkeypatch.setattr(frechet, "GRAM_LIMIT", 0)
    assert frechet_distance(real, fake) == pytest.approx(gram, rel=1e-10)


@pytest.mark.parametrize(("rank", "by_svd"), [(64, False), (20, True)])
def test_eigenvalues_are_taken_where_they_know_the_small_ones_and_else_an_svd(
    rank: int, by_svd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    mixing = rng.standard_normal((rank, 64))
    real, fake = (rng.standard_normal((n, rank)) @ mixing for n in (300, 400))
    exact = frechet_distance(real, fake)
    asked = []
    svd = np.linalg.svd
    monkeypatch.setattr(frechet, "SVD_LIMIT", 0)
    monkeypatch.setattr(np.linalg, "svd", lambda *a, **k: asked.append(1) or svd(*a, **k))
    assert frechet_distance(real, fake) == pytest.approx(exact, rel=1e-9)
    assert bool(asked) == by_svd


def test_a_singular_covariance_falls_back_to_eigh(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    real, fake = rng.standard_normal((20, 64)), rng.standard_normal((30, 64)) + 1
    gram = frechet_distance(real, fake)
    monkeypatch.setattr(frechet, "GRAM_LIMIT", 0)
    assert frechet_distance(real, fake) == pytest.approx(gram, rel=1e-6)


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.ones((1, 3)), np.ones((4, 3)), "1 real images are too few"),
        (np.ones((4, 3)), np.ones((4, 2)), "3 features and generated ones 2"),
        (np.ones((4, 3)), np.full((4, 3), np.nan), "4 of 4 generated images .* not finite"),
        (np.ones((4, 3)), np.ones((4, 3, 1)), "table"),
    ],
)
def test_what_has_no_distance_is_refused_in_one_line(
    real: np.ndarray, fake: np.ndarray, message: str
) -> None:
    with pytest.raises(ZooError, match=message) as refusal:
        frechet_distance(real, fake)
    assert "\n" not in str(refusal.value)


def _whitened(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(0)
    factor = np.linalg.cholesky(np.linalg.inv(np.cov(centred, rowvar=False)))
    return centred @ factor
