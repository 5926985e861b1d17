"""Detection can be believed: leaks are caught, honest data passes, failures void the table."""

import json
from dataclasses import replace

import numpy as np
import pytest

from zoo.data.imageset import ImageSet
from zoo.data.intensity import Intensity
from zoo.errors import ZooError
from zoo.evaluation.controls import chance, noise_trial, power
from zoo.evaluation.detection import detect
from zoo.evaluation.groups import acceptance, group_interval, relabelled_accuracies
from zoo.evaluation.trial import Examples, Material, Trial, pair, with_arbitrary_labels
from zoo.specs import Detector

SIDE = 28
LOGISTIC = Detector("logistic", "zoo_detectors.classical.model:Logistic")
KEYS = ("detectors", "controls", "valid", "curve", "trend", "not_computed", "protocol")


class Constant:
    """Calls everything generated."""

    classes_ = np.array([0, 1])

    def __init__(self, seed=0):
        self.seed = seed

    def fit(self, images, labels, validation=None):
        return self

    def predict_proba(self, images):
        return np.tile([0.2, 0.8], (len(images), 1))


class Failing(Constant):
    """Raises as it learns."""

    def fit(self, images, labels, validation=None):
        raise ZeroDivisionError("division by zero")


class Nearest(Constant):
    """Answers with the label of the most similar training image: the ideal memoriser."""

    def fit(self, images, labels, validation=None):
        self.known, self.labels = images.reshape(len(images), -1).astype(int), labels
        return self

    def predict_proba(self, images):
        flat = images.reshape(len(images), -1).astype(int)
        nearest = np.abs(flat[:, None] - self.known[None]).sum(axis=2).argmin(axis=1)
        return np.eye(2)[self.labels[nearest]]


def textured(n, *, contrast, seed, shape=(SIDE, SIDE, 1)):
    """Smooth blobs: a coarse random field, enlarged; the contrast is what may differ."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    coarse = rng.normal(0, contrast, (n, height // 4, width // 4, channels))
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2) + rng.normal(0, 2, (n, *shape))
    return (90 + fine).clip(0, 255).astype(np.uint8)


def image_set(*, groups=60, tiles=5, parts=("detect_train", "validation", "test"), seed=0):
    """Reals in groups that each have their own brightness; a group is in one part."""
    n = groups * tiles
    group = np.repeat(np.arange(groups), tiles)
    brightness = np.random.default_rng(seed).integers(0, 40, groups)[group]
    pixels = textured(n, contrast=20, seed=seed) + brightness[:, None, None, None].astype(np.uint8)
    return ImageSet(
        name="made",
        pixels=pixels,
        index=np.arange(n),
        groups=np.array([f"source-{g}" for g in group]),
        ids=np.array([f"image-{i}" for i in range(n)]),
        parts=np.array([parts[g % len(parts)] for g in group]),
    )


def generator(contrast):
    def sample(n, seed):
        brightness = np.random.default_rng(seed).integers(0, 40, (n, 1, 1, 1))
        return textured(n, contrast=contrast, seed=[seed, 99]) + brightness.astype(np.uint8)

    return sample


def here(cls):
    return Detector(cls.__name__.lower(), f"{__name__}:{cls.__name__}")


def test_everything_is_measured_and_fits_json():
    images = image_set()
    snapshots = {100 * i: generator(60 - 8 * i) for i in range(1, 6)}
    found = detect(images, generator(24), detectors=[LOGISTIC], snapshots=snapshots, n=60)
    assert set(KEYS) <= set(json.loads(json.dumps(found, allow_nan=False)))
    assert found["valid"]
    assert found["reasons"] == []
    (row,) = found["detectors"]
    assert 0.5 < row["accuracy"] <= 1
    assert row["interval"][0] <= row["accuracy"] <= row["interval"][1]
    assert (row["n"], row["n_groups"], row["n_groups_real"]) == (120, 80, 20)
    (tn, fp), (fn, tp) = row["confusion"]
    assert tn + fp == fn + tp == 60 * row["seeds"]
    assert row["accuracy"] == pytest.approx((tn + tp) / (tn + fp + fn + tp))
    assert row["recall"] == pytest.approx(tp / (tp + fn))
    assert row["precision"] == pytest.approx(tp / (tp + fp))
    assert [c["control"] for c in found["controls"]] == [
        "real_vs_real",
        "real_vs_noise",
        "shuffled_labels",
    ]
    assert [row["step"] for row in found["curve"]] == [100, 200, 300, 400, 500]


def test_sixteen_bit_images_are_measured_as_eight_bit_ones_are():
    images, sample = image_set(), generator(24)
    deep = replace(
        images,
        pixels=images.pixels.astype(np.uint16) * 257,
        intensity=Intensity("none", "uint16"),
    )

    def deep_sample(n, seed):
        return sample(n, seed).astype(np.uint16) * 257

    found = detect(images, sample, detectors=[LOGISTIC], snapshots={}, n=60)
    again = detect(deep, deep_sample, detectors=[LOGISTIC], snapshots={}, n=60)
    assert again["detectors"] == found["detectors"]
    assert [c["passed"] for c in again["controls"]] == [True, True, True]


def test_a_generator_that_improves_has_a_falling_curve():
    snapshots = {step: generator(20 + 40 / step) for step in (1, 2, 4, 8, 16, 32)}
    found = detect(image_set(), generator(20), detectors=[LOGISTIC], snapshots=snapshots, n=60)
    accuracy = [row["accuracy"] for row in found["curve"]]
    assert accuracy[0] > 0.95
    assert accuracy[-1] < 0.8
    assert found["trend"][0]["spearman_rho"] < -0.7


def test_a_curve_without_change_has_no_trend_and_says_so():
    snapshots = dict.fromkeys((1, 2, 3), generator(20))
    found = detect(image_set(), generator(20), detectors=[here(Constant)], snapshots=snapshots)
    assert found["trend"] == []
    assert "50.0% at every snapshot" in found["not_computed"][0]["reason"]


def test_a_perfect_generator_is_not_told_from_real():
    images = image_set(groups=120)
    reals = image_set(groups=120, seed=77)

    def honest(n, seed):
        return reals[np.random.default_rng(seed).permutation(len(reals))[:n]]

    (row,) = detect(images, honest, detectors=[LOGISTIC])["detectors"]
    assert row["interval"][0] < 0.5 < row["interval"][1]


def test_the_same_seed_gives_the_same_findings():
    def run(seed):
        found = detect(image_set(), generator(24), detectors=[LOGISTIC], n=40, seed=seed)
        return found["detectors"], found["controls"]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_training_validation_and_test_get_different_fakes():
    asked = []

    def sample(n, seed):
        asked.append(seed)
        return generator(24)(n, seed)

    material = Material(image_set(), sample, seed=0)
    trials = [material.trial(20, repetition=r) for r in (0, 1)]
    assert len(set(asked[:3])) == 3
    assert asked[2] == asked[5]
    assert set(asked[:2]).isdisjoint(asked[3:5])
    np.testing.assert_array_equal(trials[0].test.images, trials[1].test.images)


def test_a_detector_without_power_voids_the_table():
    found = detect(image_set(), generator(60), detectors=[here(Constant), LOGISTIC], n=40)
    assert not found["valid"]
    assert [c["control"] for c in found["controls"] if not c["passed"]] == ["real_vs_noise"]
    (reason,) = found["reasons"]
    assert "real_vs_noise of constant: 50.0 %" in reason


def test_a_detector_that_raises_is_named_and_the_others_go_on():
    found = detect(image_set(), generator(60), detectors=[here(Failing), LOGISTIC], n=40)
    assert [row["name"] for row in found["detectors"]] == ["logistic"]
    assert found["not_computed"] == [
        {"name": "detector failing", "reason": "ZeroDivisionError: division by zero"}
    ]
    assert found["valid"]


@pytest.mark.parametrize(("groups", "tiles", "reason"), [(9, 20, "3 groups"), (12, 2, "8 real")])
def test_too_few_images_or_groups_are_not_measured(groups, tiles, reason):
    images = image_set(groups=groups, tiles=tiles)
    found = detect(images, generator(20), detectors=[LOGISTIC])
    assert found["detectors"] == []
    (missing,) = found["not_computed"]
    assert reason in missing["reason"]
    assert ("--split-seed" in missing["reason"]) == (reason == "3 groups")


@pytest.mark.parametrize("change", [lambda x: x / 255, lambda x: x[:, 1:], lambda x: x[1:]])
def test_a_pipeline_that_differs_between_real_and_generated_is_an_error(change):
    with pytest.raises(ZooError, match="real images are uint8"):
        detect(image_set(), lambda n, s: change(generator(20)(n, s)), detectors=[LOGISTIC])


def leaking(images):
    """Every group has tiles in training and in test."""
    parts = np.resize(["detect_train", "test"], len(images))
    return ImageSet(
        **{k: getattr(images, k) for k in ("name", "pixels", "index", "groups", "ids")}, parts=parts
    )


def test_groups_that_are_in_training_and_test_are_caught_by_their_signature():
    rng = np.random.default_rng(0)
    images = image_set(groups=30, tiles=8)
    signature = rng.integers(0, 255, (30, SIDE, SIDE, 1)).repeat(8, axis=0)
    images.pixels[:] = (images.pixels // 4 + signature // 2).astype(np.uint8)
    found = detect(leaking(images), generator(20), detectors=[here(Nearest)], n=60)
    failed = [control for control in found["controls"] if not control["passed"]]
    assert {"real_vs_real", "shuffled_labels"} <= {control["control"] for control in failed}
    assert not found["valid"]
    assert any("groups are in more than one" in reason for reason in found["reasons"])
    honest = detect(images, generator(20), detectors=[here(Nearest)], n=60)
    assert all(control["passed"] for control in honest["controls"][::2])


def planted(seed, *, groups=12, tiles=10, shared=False):
    """Tiles that show little but their group; `shared` puts every group on both sides."""
    rng = np.random.default_rng(seed)

    def part(names, signatures):
        code = np.repeat(np.arange(groups), tiles)
        noise = rng.integers(0, 8, (groups * tiles, 1, 1, 6))
        images = (signatures[code] + noise).astype(np.uint8)
        return Examples(images, np.zeros(len(code), np.int64), np.array(names)[code])

    def signatures():
        return rng.integers(0, 240, (groups, 1, 1, 6))

    names = [[f"{side}{g}" for g in range(groups)] for side in "abc"]
    known = signatures()
    test = (names[0], known) if shared else (names[2], signatures())
    return Trial(part(names[0], known), part(names[1], signatures()), part(*test))


def test_strongly_correlated_tiles_fail_no_more_often_than_alpha():
    alpha, repeats = 0.1, 80
    honest = [
        chance("nearest", "real_vs_real", Nearest, planted(seed), alpha=alpha)
        for seed in range(repeats)
    ]
    failures = sum(not control.passed for control in honest)
    assert failures <= 15  # 8 expected; more than 15 has a probability of 0.5 %
    accuracies = np.array([control.accuracy for control in honest])
    assert abs(accuracies.mean() - 0.5) < 4 * accuracies.std() / np.sqrt(repeats)
    tiles = 5 * honest[0].n
    taken_as_independent = np.abs(accuracies - 0.5) > 1.645 * 0.5 / np.sqrt(tiles)
    assert taken_as_independent.sum() > 30


def test_a_leak_fails_at_the_strictest_level():
    for seed in range(3):
        control = chance(
            "nearest", "real_vs_real", Nearest, planted(seed, shared=True), alpha=0.0025
        )
        assert control.accuracy > 0.9
        assert not control.passed


def test_answers_that_are_wrong_too_often_fail_as_well():
    class Contrary(Nearest):
        def predict_proba(self, images):
            return 1 - super().predict_proba(images)

    control = chance("contrary", "real_vs_real", Contrary, planted(0, shared=True), alpha=0.0025)
    assert control.accuracy < 0.1
    assert not control.passed


def test_arbitrary_labels_are_those_of_groups_half_and_half():
    trial = with_arbitrary_labels(planted(3), seed=1)
    for part in (trial.train, trial.validation, trial.test):
        of_group = {g: set(part.labels[part.groups == g]) for g in np.unique(part.groups)}
        assert all(len(labels) == 1 for labels in of_group.values())
        assert part.labels.mean() == 0.5


def test_the_power_control_wants_99_per_cent():
    trial = noise_trial(Material(image_set(), generator(20), seed=0), 40)
    assert power("logistic", LOGISTIC.load(), trial).passed
    assert not power("constant", Constant, trial).passed


def test_the_relabelling_distribution_is_that_of_the_labels():
    groups = np.repeat([f"g{i}" for i in range(4)], 3)
    answers = np.repeat([[1, 1, 0, 0]], 3, axis=1)
    drawn = relabelled_accuracies(answers, groups)
    values, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_allclose(values, [0, 0.5, 1])
    np.testing.assert_allclose(counts / counts.sum(), [1 / 6, 4 / 6, 1 / 6], atol=0.03)
    assert acceptance(1.0, drawn, alpha=0.1) == (0.0, 1.0)
    assert acceptance(0.5, drawn, alpha=0.5) == (0.5, 0.5)


def test_the_interval_is_wider_where_tiles_of_a_group_go_together():
    rng = np.random.default_rng(0)
    strata = np.zeros(400, np.int64)
    groups = np.repeat([f"g{i}" for i in range(20)], 20)
    apart = rng.integers(0, 2, 400).astype(float)
    together = np.repeat(rng.integers(0, 2, 20), 20).astype(float)
    narrow, wide = (np.ptp(group_interval(right, groups, strata)) for right in (apart, together))
    assert wide > 3 * narrow


def test_no_error_in_few_groups_is_no_certainty():
    groups = np.array([f"g{i}" for i in range(20)])
    low, high = group_interval(np.ones(20), groups, np.zeros(20, np.int64))
    assert high == 1
    assert low == pytest.approx(0.025 ** (1 / 20))


def test_pairs_are_one_to_one_with_each_fake_its_own_group():
    real = Examples(textured(4, contrast=20, seed=0), np.zeros(4, np.int64), np.array(["a"] * 4))
    both = pair(real, textured(4, contrast=20, seed=1), np.array([f"fake-{i}" for i in range(4)]))
    assert both.labels.tolist() == [0] * 4 + [1] * 4
    assert len(np.unique(both.groups)) == 5
