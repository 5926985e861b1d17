"""KID, precision, recall, density, coverage and sliced Wasserstein against brute force."""

import itertools

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.metrics import Context, prdc
from zoo.metrics.features import extract, to_uint8
from zoo.metrics.kernel import kernel_distance, kid
from zoo.metrics.swd import SlicedWasserstein, laplacian_pyramid, swd

CONTEXT = Context(seed=0)


def _two_sets(n: int = 30, m: int = 20, d: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)), rng.standard_normal((m, d)) * 1.2 + 0.3


def _brute_force_kid(real: np.ndarray, fake: np.ndarray) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    within = [
        np.mean([kernel(x, y) for x, y in itertools.permutations(side, 2)]) for side in (real, fake)
    ]
    across = np.mean([kernel(x, y) for x in real for y in fake])
    return float(sum(within) - 2 * across)


def test_kid_is_the_unbiased_u_statistic() -> None:
    real, fake = _two_sets()
    assert kid(real, fake, CONTEXT) == pytest.approx(_brute_force_kid(real, fake))


def test_kid_error_is_the_two_sample_jackknife() -> None:
    real, fake = _two_sets(12, 9)
    first = [_brute_force_kid(np.delete(real, i, 0), fake) for i in range(12)]
    second = [_brute_force_kid(real, np.delete(fake, i, 0)) for i in range(9)]
    expected = np.sqrt(11 * np.var(first) + 8 * np.var(second))
    assert kernel_distance(real, fake).standard_error == pytest.approx(expected)


def test_kid_of_one_distribution_is_negative_about_half_of_the_time() -> None:
    rng = np.random.default_rng(0)
    values = [kid(*rng.standard_normal((2, 50, 8)), CONTEXT) for _ in range(60)]
    assert 15 < sum(value < 0 for value in values) < 50


def test_large_sets_are_averaged_over_subsets_without_an_error() -> None:
    real, fake = _two_sets(300, 260)
    full = kernel_distance(real, fake)
    averaged = kernel_distance(real, fake, subsets=40, subset_size=200)
    assert averaged.standard_error is None
    assert averaged.value == pytest.approx(full.value, rel=0.1)
    assert averaged.value != full.value


def _brute_force_prdc(real: np.ndarray, fake: np.ndarray, k: int) -> list[float]:
    def radius(points: np.ndarray, i: int) -> float:
        return float(np.sort(np.linalg.norm(points - points[i], axis=1))[k])

    real_ball = [radius(real, i) for i in range(len(real))]
    fake_ball = [radius(fake, j) for j in range(len(fake))]
    apart = np.linalg.norm(real[:, None] - fake[None], axis=2)
    in_real, in_fake = apart <= np.array(real_ball)[:, None], apart <= np.array(fake_ball)[None]
    return [
        float(in_real.any(0).mean()),
        float(in_fake.any(1).mean()),
        float(in_real.sum() / (k * len(fake))),
        float(in_real.any(1).mean()),
    ]


@pytest.mark.parametrize("block_values", [4_000_000, 70], ids=["one block", "many blocks"])
def test_neighbour_metrics_match_brute_force(
    block_values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prdc, "BLOCK_VALUES", block_values)
    real, fake = _two_sets(60, 45, 3)
    metrics = (prdc.precision, prdc.recall, prdc.density, prdc.coverage)
    assert [metric(real, fake, CONTEXT, k=4) for metric in metrics] == pytest.approx(
        _brute_force_prdc(real, fake, 4)
    )


def test_a_collapsed_generator_keeps_precision_and_loses_recall_and_coverage() -> None:
    real, _ = _two_sets(200)
    collapsed = real[:1] + np.random.default_rng(1).standard_normal((100, 8)) * 0.01
    assert prdc.precision(real, collapsed, CONTEXT) == 1
    assert prdc.recall(real, collapsed, CONTEXT) < 0.05
    assert prdc.coverage(real, collapsed, CONTEXT) < 0.2


def test_too_few_images_for_k_neighbours_are_refused() -> None:
    with pytest.raises(ZooError, match="5 real images are too few: 6"):
        prdc.density(np.ones((5, 2)), np.ones((9, 2)), CONTEXT)


@pytest.mark.parametrize("shape", [(32, 32, 1), (40, 104, 2), (64, 64, 3), (33, 50, 4)])
def test_sliced_wasserstein_is_zero_for_equal_sets_and_grows_with_a_shift(
    shape: tuple[int, ...],
) -> None:
    images = np.random.default_rng(0).integers(60, 150, (24, *shape), np.uint8)
    distances = [swd(images, images + np.uint8(shift), CONTEXT) for shift in (0, 5, 20, 80)]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert distances[1] > 0


def test_sliced_wasserstein_sees_blur_at_equal_mean_and_range() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (200, 32, 32, 1), np.uint8)
    other_noise = rng.integers(0, 256, (200, 32, 32, 1), np.uint8)
    blurred = ((noise.astype(int) + np.roll(noise, 1, 1) + np.roll(noise, 1, 2)) // 3).astype(
        np.uint8
    )
    assert swd(noise, blurred, CONTEXT) > 3 * swd(noise, other_noise, CONTEXT)


def test_sliced_wasserstein_depends_on_its_seed_alone() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 20, 32, 32, 1), np.uint8)
    assert swd(*images, CONTEXT) == SlicedWasserstein()(*images, CONTEXT)
    assert swd(*images, CONTEXT) != swd(*images, Context(seed=1))


def test_laplacian_pyramid_stops_at_sixteen_pixels_and_separates_scales() -> None:
    flat = np.full((2, 64, 128, 3), 7, np.float32)
    levels = laplacian_pyramid(flat)
    assert [level.shape[1:3] for level in levels] == [(64, 128), (32, 64), (16, 32)]
    assert all(np.abs(level).max() < 0.5 for level in levels[:-1])
    assert levels[-1] == pytest.approx(flat[:, :16, :32])


def test_sixteen_bit_images_become_eight_bit_by_rounding_half_up() -> None:
    images = np.array([0, 128, 129, 257, 65535], np.uint16)
    assert to_uint8(images).tolist() == [0, 0, 1, 1, 255]
    with pytest.raises(ZooError, match="not float32"):
        to_uint8(np.zeros(3, np.float32))


class _MeanColour:
    suffix = "mean"
    dimension = 3

    def __init__(self, weights: str) -> None:
        self.facts = {"extractor": "mean colour", "weights": weights}
        self.calls = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.calls += 1
        return images.mean((1, 2)).astype(np.float32)


def test_features_are_kept_by_content_and_by_extractor(tmp_path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    extractor = _MeanColour("a")
    first = np.array(extract(extractor, images, cache=tmp_path))
    again = extract(extractor, images, cache=tmp_path)
    assert extractor.calls == 1
    assert isinstance(again, np.memmap)
    assert np.array_equal(first, again)
    next(tmp_path.iterdir()).write_bytes(b"damaged")
    assert np.array_equal(extract(extractor, images, cache=tmp_path), first)
    extract(extractor, images[::-1], cache=tmp_path)
    extract(_MeanColour("b"), images, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_features_are_given_even_where_they_cannot_be_kept(tmp_path, capsys) -> None:
    (tmp_path / "file").touch()
    images = np.zeros((4, 8, 8, 3), np.uint8)
    features = extract(_MeanColour("a"), images, cache=tmp_path / "file" / "folder")
    assert features.shape == (4, 3)
    assert "warning: features are not kept" in capsys.readouterr().err
