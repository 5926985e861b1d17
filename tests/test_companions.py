"""What stands beside FID and KID, each against an independent formula or a planted difference."""

import numpy as np
import pytest

from zoo.errors import NotComputed, ZooError
from zoo.metrics import Context, Known, diversity, frechet
from zoo.metrics.diversity import ms_ssim_diversity, random_pairs
from zoo.metrics.features import blocks, reopened
from zoo.metrics.frechet import frechet_distance, frechet_limit
from zoo.metrics.logits import inception_score, score
from zoo.metrics.objects import describe, object_area, object_count, object_intensity
from zoo.metrics.similarity import nearest_ssim, nn_ssim, paired_psnr, paired_ssim, ssim
from zoo.metrics.spectrum import log_spectrum, spectrum

CONTEXT = Context(seed=0)


def noise(n: int, side: int = 32, channels: int = 1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, side, side, channels), np.uint8)


def discs(n: int, *, count: int, radius: int = 3, level: int = 200, dark: bool = False):
    """Images of 48 px with `count` separate discs over a background of 40."""
    y, x = np.mgrid[:48, :48]
    image = np.full((48, 48), 40)
    for i in range(count):
        image[(y - 8 - 16 * (i // 3)) ** 2 + (x - 8 - 16 * (i % 3)) ** 2 <= radius**2] = level
    image = 255 - image if dark else image
    return np.repeat(image[None, ..., None].astype(np.uint8), n, 0)


def test_inception_score_is_the_exponential_of_the_mutual_information() -> None:
    logits = np.random.default_rng(0).normal(0, 2, (40, 5))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    divergence = (p * np.log(p / p.mean(0))).sum(1).mean()
    assert inception_score(logits) == pytest.approx([np.exp(divergence)])


def test_inception_score_spans_one_to_the_number_of_classes() -> None:
    certain = np.eye(4).repeat(10, 0) * 1000
    assert inception_score(certain) == pytest.approx([4])
    assert inception_score(np.ones((10, 4))) == pytest.approx([1])
    assert inception_score(certain, splits=2)[0] == pytest.approx(4, abs=1.0)


def test_inception_score_states_the_real_images_beside() -> None:
    certain, vague = np.eye(4).repeat(10, 0) * 1000, np.ones((30, 4))
    assert score(certain, vague, CONTEXT) == pytest.approx(1)
    assert score.beside(certain, vague, CONTEXT) == {"real_images": pytest.approx(4)}
    with pytest.raises(ZooError, match="3 generated images are too few for 10 parts"):
        inception_score(np.ones((3, 2)), splits=10)


def test_frechet_limit_is_the_intercept_over_the_reciprocal_number(monkeypatch) -> None:
    monkeypatch.setattr(frechet, "LEAST_FOR_LIMIT", 40)
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((4000, 6)), rng.standard_normal((2000, 6)) + 0.5
    limit, plain = frechet_limit(real, fake), frechet_distance(real, fake[:40])
    assert limit == pytest.approx(6 * 0.25, abs=0.15)
    assert plain > limit + 0.1


def test_frechet_limit_is_refused_below_five_thousand_images() -> None:
    few, many = np.ones((4999, 2)), np.ones((6000, 2))
    for real, fake in ((few, many), (many, few)):
        with pytest.raises(NotComputed, match="5,000 images on each side; there are 4,999"):
            frechet_limit(real, fake)


def test_memory_mapped_features_give_the_same_distance_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.metrics.features.ROWS", 7)
    monkeypatch.setattr(frechet, "GRAM_LIMIT", 10)
    features = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    np.save(tmp_path / "features.npy", features)
    stored = np.load(tmp_path / "features.npy", mmap_mode="r")
    assert reopened(stored) is not stored
    assert np.array_equal(np.concatenate(list(blocks(stored, "real"))), features)
    assert np.array_equal(reopened(stored[10:]), features[10:])
    expected = frechet_distance(features[:30], features[20:] + 1)
    assert frechet_distance(features[:30], features[20:] + 1) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(stored, features + 1) == pytest.approx(8, rel=1e-5)


def test_random_pairs_differ_and_stay_within_a_class() -> None:
    labels = np.array(list("abbaababca" * 6))
    pairs = random_pairs(60, labels, count=500)
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == 500
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert (labels[pairs[:, 0]] == labels[pairs[:, 1]]).all()
    every = random_pairs(4, None, count=6)
    expected = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert sorted(tuple(sorted(pair)) for pair in every.tolist()) == expected


def test_fewer_than_five_hundred_pairs_are_no_measurement() -> None:
    with pytest.raises(NotComputed, match="30 images make 435 different pairs; 500 are needed"):
        random_pairs(30, None)
    with pytest.raises(NotComputed, match="within a class"):
        random_pairs(40, np.arange(40).astype(str))


def test_one_mode_per_class_shows_as_diversity_lost_only_within_classes(monkeypatch) -> None:
    def likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return (first == second).mean(axis=(1, 2, 3))

    monkeypatch.setattr(diversity, "ms_ssim", likeness)
    real = noise(40)
    labels = np.array(["a", "b"]).repeat(20)
    collapsed = noise(2, seed=5).repeat(20, 0)
    monkeypatch.setattr(diversity, "PAIRS", 100)
    monkeypatch.setattr(random_pairs, "__kwdefaults__", {"count": 100, "seed": 0})
    context = Context(fake=Known(labels), real=Known(labels))
    assert ms_ssim_diversity.compare(real, collapsed, context) == 1
    assert ms_ssim_diversity.compare(real, collapsed, CONTEXT) < 0.7
    assert ms_ssim_diversity.beside(real, collapsed, context)["real_images"] < 0.1
    assert ms_ssim_diversity.settings_for((64, 64, 1)) == {"levels": 4, "filter": 7}


def test_ssim_is_scikit_images() -> None:
    from skimage.metrics import structural_similarity

    first, second = noise(3, 20, 3), noise(3, 20, 3, seed=1)
    second[1] = first[1] // 2 + 60
    expected = [
        structural_similarity(a, b, channel_axis=2, data_range=255)
        for a, b in zip(first, second, strict=True)
    ]
    assert ssim(first, second) == pytest.approx(expected, abs=1e-4)
    assert ssim(first, first) == pytest.approx(1)


def test_the_nearest_by_ssim_is_the_original_of_a_copy(monkeypatch) -> None:
    monkeypatch.setattr("zoo.metrics.similarity.AT_ONCE", 4)
    references = noise(11)
    copies = references[[9, 2, 5]]
    copies[1] = np.clip(copies[1].astype(int) + 3, 0, 255)
    values, where = nearest_ssim(copies, references)
    assert where.tolist() == [9, 2, 5]
    assert values[[0, 2]] == pytest.approx(1, abs=1e-5)
    assert nn_ssim.compare(references, copies, CONTEXT) > 0.95
    assert nn_ssim.compare(references, noise(3, seed=8), CONTEXT) < 0.3
    assert nn_ssim.beside(references, copies, CONTEXT)["largest"] == pytest.approx(1, abs=1e-5)


def test_paired_metrics_take_true_pairs_in_any_order() -> None:
    clean = noise(6)
    noisy = np.clip(clean.astype(int) + 10, 0, 255).astype(np.uint8)
    names = np.array(list("abcdef"))
    order = np.array([3, 0, 5, 1, 4, 2])
    context = Context(real=Known(ids=names), fake=Known(ids=names[order]))
    error = ((noisy.astype(float) - clean) ** 2).mean(axis=(1, 2, 3))
    expected = float(np.mean(10 * np.log10(255**2 / error)))
    assert paired_psnr.compare(clean, noisy[order], context) == pytest.approx(expected)
    assert paired_ssim.compare(clean, clean[order], context) == pytest.approx(1)
    assert paired_psnr.compare(clean, clean[order], context) == 100


def test_unpaired_images_have_no_paired_metric() -> None:
    clean, names = noise(3), np.array(list("abc"))
    for fake in (Known(), Known(ids=np.array(list("abd")))):
        with pytest.raises(NotComputed, match=r"these images have none|2 images have no partner"):
            paired_ssim.compare(clean, clean, Context(real=Known(ids=names), fake=fake))


@pytest.mark.parametrize("shape", [(32, 32, 1), (24, 40, 3)])
def test_the_spectrum_of_white_noise_is_flat_at_its_variance(shape) -> None:
    rng = np.random.default_rng(0)
    images = np.clip(rng.normal(128, 20, (60, *shape)), 0, 255).round().astype(np.uint8)
    profile = log_spectrum(images).mean(axis=0)[2:-1]
    assert profile == pytest.approx(10 * np.log10(400 / shape[2]), abs=1.2)
    assert np.isfinite(log_spectrum(np.zeros((1, *shape), np.uint8))).all()


def test_the_spectrum_distance_sees_a_checkerboard_and_names_where() -> None:
    rng = np.random.default_rng(0)
    real = np.clip(rng.normal(128, 10, (30, 32, 32, 1)), 0, 255).astype(np.uint8)
    other = np.clip(rng.normal(128, 10, (30, 32, 32, 1)), 0, 255).astype(np.uint8)
    checked = other + (np.indices((32, 32)).sum(0) % 2 * 24).astype(np.uint8)[..., None]
    assert spectrum(real, checked, CONTEXT) > 4 * spectrum(real, other, CONTEXT)
    descriptors = [spectrum.prepare(images, seed=0) for images in (real, checked)]
    assert spectrum.beside(*descriptors, CONTEXT)["excess_at_high_frequencies_db"] > 0.5


@pytest.mark.parametrize("dark", [False, True])
def test_objects_are_counted_and_measured_bright_or_dark(dark: bool) -> None:
    described = describe(discs(2, count=5, dark=dark))[0, int(dark)]
    assert described[0] == 5
    assert described[1] == pytest.approx(29 / 48**2, rel=0.4)
    assert described[2] == pytest.approx(-140 if dark else 140, rel=0.25)


@pytest.mark.parametrize(
    ("statistic", "other", "distance"),
    [
        (object_count, discs(6, count=6), 2),
        (object_area, discs(6, count=4, radius=5), 50 / 48**2),
        (object_intensity, discs(6, count=4, level=150), 45),
    ],
)
def test_each_object_statistic_sees_its_own_difference(statistic, other, distance) -> None:
    real = discs(5, count=4)
    assert statistic(real, real, CONTEXT) == 0
    assert statistic(real, other, CONTEXT) == pytest.approx(distance, rel=0.25)
    beside = statistic.beside(describe(real), describe(other), CONTEXT)
    assert beside["ks_statistic"] == pytest.approx(1)
    assert beside["objects_are"] == "bright"


def test_images_without_objects_count_as_none() -> None:
    real, blank = discs(4, count=4), np.full((4, 48, 48, 1), 40, np.uint8)
    assert object_count(real, blank, CONTEXT) == 4
    with pytest.raises(ZooError, match="no object in any of 4 generated images"):
        object_area(real, blank, CONTEXT)


def test_descriptors_do_not_depend_on_order_or_on_blocks(monkeypatch) -> None:
    images = noise(40, 24)
    order = np.random.default_rng(1).permutation(40)
    whole = [describe(images), spectrum.prepare(images, seed=0)]
    monkeypatch.setattr("zoo.metrics.features.BLOCK_BYTES", 1)
    for before, after in zip(whole, (describe, spectrum.prepare), strict=True):
        shuffled = after(images[order], seed=0)
        assert np.allclose(shuffled, before[order], atol=1e-9, equal_nan=True)
