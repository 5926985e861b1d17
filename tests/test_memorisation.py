"""Copies are found, an honest generator is not accused, and no text claims more than that."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from zoo import claims
from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.errors import ZooError
from zoo.evaluation.attacks import auc, true_positives
from zoo.evaluation.copying import KINDS, worst
from zoo.evaluation.distances import find_nearest, offline_spaces, orientations
from zoo.evaluation.memorisation import memorisation
from zoo.thresholds import failures, parse

SIDE = 16
PARTS = ("train", "train", "train", *HELD_OUT)
REAL_DATA = Path.home() / ".cache" / "zoo"


class Projection:
    """A cheap stand-in for a feature network, in whose kernel equal images stand out."""

    suffix = "projection"
    dimension = 64
    facts = {"extractor": "random projection"}  # noqa: RUF012

    def __call__(self, images):
        flat = (images.reshape(len(images), -1) - 120.0) / 34 / 4
        weights = np.random.default_rng(0).standard_normal((flat.shape[1], self.dimension))
        return (flat @ weights / 2).astype(np.float32)


def smooth(n, seed, brightness=None):
    """Images of coarse random fields, each with a brightness."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 12, n) if brightness is None else brightness
    coarse = rng.normal(120, 30, (n, SIDE // 4, SIDE // 4, 1)) + level[:, None, None, None]
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2) + rng.normal(0, 4, (n, SIDE, SIDE, 1))
    return fine.clip(0, 255).astype(np.uint8)


def image_set(groups=120, tiles=4, seed=0):
    """Images in groups that share their brightness; half of the groups train."""
    group = np.repeat(np.arange(groups), tiles)
    level = np.random.default_rng(seed).normal(0, 12, groups)[group]
    return ImageSet(
        name="test/smooth",
        pixels=smooth(len(group), [seed, 1], level),
        index=np.arange(len(group)),
        groups=np.array([f"patient {g}" for g in group]),
        ids=np.array([f"image {i}" for i in range(len(group))]),
        parts=np.array(PARTS)[group % len(PARTS)],
        fingerprint="f" * 64,
    )


def noisy(images, seed, spread=4):
    rng = np.random.default_rng([seed, 5])
    return (images + rng.normal(0, spread, images.shape)).round().clip(0, 255).astype(np.uint8)


def honest(n, seed):
    return smooth(n, [seed, 2])


def copycat(images):
    """A generator that gives back training images with noise."""
    train = images.split("train")

    def sample(n, seed):
        return noisy(train[np.random.default_rng(seed).integers(0, len(train), n)], seed)

    return sample


def overfit(images):
    """A discriminator that has learnt its training images by heart."""
    known = images.split("train")[:].reshape(-1, SIDE * SIDE).astype(float)

    def score(some):
        flat = some[:].reshape(len(some), -1).astype(float)
        return -np.array([np.abs(known - one).mean(axis=1).min() for one in flat])

    return score


def unsure(some):
    return np.random.default_rng(3).normal(size=len(some))


@pytest.fixture(scope="module")
def images():
    return image_set()


@pytest.fixture(scope="module")
def flagrant(images):
    return memorisation(
        images, copycat(images), extractor=Projection(), score=overfit(images), n=300
    )


@pytest.fixture(scope="module")
def innocent(images):
    return memorisation(images, honest, extractor=Projection(), score=unsure, n=300)


def test_a_copycat_is_flagged_by_every_test(flagrant):
    tests = flagrant.found["tests"]
    assert {test["kind"] for test in tests} == set(KINDS)
    assert {test["name"] for test in tests if not test["flagged"]} == set()
    assert flagrant.found["verdict"].startswith("copying suspected: near_share_pixels")
    assert len(flagrant.found["suspects"]) == 300


def test_an_honest_generator_is_not_flagged(innocent):
    assert innocent.found["flagged"] == []
    assert innocent.found["verdict"] == "no copying detected at these thresholds"
    assert len(innocent.found["suspects"]) < 30


@pytest.mark.slow
def test_other_honest_generators_are_seldom_flagged():
    flagged = [
        memorisation(image_set(seed=s), honest, extractor="none", score=unsure, n=200, seed=s)
        for s in range(1, 9)
    ]
    assert sum(bool(each.found["flagged"]) for each in flagged) <= 1


def planted(images, share=0.05, spread=4):
    """An honest generator but for a share of copies; they are the first ones."""
    train = images.split("train")

    def sample(n, seed):
        fakes, copies = honest(n, seed), round(share * n)
        rows = np.random.default_rng(seed).choice(len(train), copies, replace=False)
        fakes[:copies] = noisy(train[rows], seed, spread)
        return fakes

    return sample


def test_five_per_cent_of_planted_copies_are_found(images):
    found = memorisation(images, planted(images), extractor="none", n=400).found
    assert set(range(20)) <= set(found["suspects"])
    assert {pair["fake"] for pair in found["pairs"]} == set(range(20))
    assert any(name.startswith("near_share") for name in found["flagged"])


def test_the_pairs_show_each_copy_beside_its_source(images, flagrant):
    train = images.split("train")
    assert flagrant.fakes.shape == flagrant.reals.shape == (20, SIDE, SIDE, 1)
    apart = np.abs(flagrant.fakes.astype(int) - flagrant.reals)
    assert apart.mean() < 5
    first = flagrant.found["pairs"][0]
    assert np.array_equal(train[first["position"]], flagrant.reals[0])
    assert train.ids[first["position"]] == first["id"]


def test_brighter_copies_are_found_by_their_structure(images):
    def brighter(n, seed):
        train = images.split("train")[:n].astype(float)
        return (train * 0.6 + 90).clip(0, 255).astype(np.uint8)

    flagged = memorisation(images, brighter, extractor="none", n=200).found["flagged"]
    assert "near_share_structure" in flagged
    assert "near_share_pixels" not in flagged


def test_mirrored_copies_are_found_where_training_images_were_mirrored(images):
    def mirrored(n, seed):
        return np.rot90(copycat(images)(n, seed)[:, :, ::-1], axes=(1, 2))

    seen, unseen = (
        memorisation(images, mirrored, extractor="none", n=100, flips=flips).found["flagged"]
        for flips in ("dihedral", "horizontal")
    )
    assert "near_share_pixels" in seen
    assert unseen == []


def test_a_dihedral_turns_an_image_in_eight_ways():
    image = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1)
    assert len({turn(image).tobytes() for turn in orientations("dihedral")}) == 8
    assert [len(orientations(flips)) for flips in ("none", "horizontal")] == [1, 2]
    assert len(orientations("dihedral", square=False)) == 4


def test_everything_is_json_and_says_how_it_was_measured(flagrant):
    found = json.loads(json.dumps(flagrant.found, allow_nan=False))
    card = found["protocol"]["comparable"]
    assert (card["n_train"], card["n_fake"], card["n_held_out"]) == (240, 300, 240)
    assert card["groups_held_out"] == 60
    assert "bootstrap samples of groups" in card["interval"]
    assert card["spaces"]["projection"]["extractor"] == "random projection"
    assert found["limits"] == claims.DISTANCES_PROVE_NOTHING


def test_intervals_are_wider_where_images_of_a_group_go_together():
    together = image_set(groups=24, tiles=20)
    alone = ImageSet(**{**vars(together), "groups": together.ids})
    wide, narrow = (
        {
            test["name"]: np.ptp(test["interval"])
            for test in memorisation(each, honest, extractor="none", n=100, score=level).found[
                "tests"
            ]
        }["logan_auc"]
        for each in (together, alone)
    )
    assert wide > 1.5 * narrow


def level(some):
    return some[:].mean(axis=(1, 2, 3))


def test_what_is_missing_is_named_with_the_reason(images):
    found = memorisation(images, honest, extractor="no weights", n=50).found
    reasons = {item["name"]: item["reason"] for item in found["not_computed"]}
    assert reasons["distances of features, FID and KID gap"] == "no weights"
    assert reasons["membership by discriminator score"] == "no discriminator was given"
    assert {test["kind"] for test in found["tests"]} == set(KINDS) - {
        "fid_gap", "kid_gap", "logan_auc", "logan_tpr"
    }  # fmt: skip


def test_without_held_out_groups_nothing_is_claimed():
    few = image_set(groups=4)
    found = memorisation(few, honest, extractor="none", n=10).found
    assert found["tests"] == []
    assert found["verdict"].startswith("not computed, because ")
    assert "groups" in found["not_computed"][0]["reason"]


def test_images_of_another_size_are_refused(images):
    with pytest.raises(ZooError, match="generated images are uint8"):
        memorisation(images, lambda n, seed: honest(n, seed)[:, :8], extractor="none", n=10)


def test_the_second_nearest_is_of_another_group():
    rows = [np.array([[0.0]], np.float32)]
    references = np.array([[1.0], [2.0], [5.0]], np.float32)
    found = find_nearest(rows, references, np.array(["a", "a", "b"]))
    assert (found.distance[0], found.position[0], found.second[0]) == (1, 0, 5)
    own = find_nearest(rows, references, np.array(["a", "a", "b"]), own=np.array(["a"]))
    assert own.distance[0] == 5


def test_structure_is_blind_to_brightness_and_contrast():
    space = offline_spaces((SIDE, SIDE, 1))[1]
    first = np.full((1, SIDE, SIDE, 1), 50, np.uint8)
    first[:, :8] = 90
    second = (first // 2 + 100).astype(np.uint8)
    assert np.allclose(space.describe(first, None), space.describe(second, None), atol=1e-6)


def test_an_attack_s_measures_are_those_of_a_curve():
    members, others = np.array([1.0, 2, 3]), np.array([0.0, 1, 2])
    assert auc(members, others) == pytest.approx((1.5 + 2.5 + 3) / 9)
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 1, 300).round(1), rng.normal(0, 1, 200).round(1)
    labels = np.repeat([1, 0], [300, 200])
    assert auc(a, b) == pytest.approx(roc_auc_score(labels, np.concatenate([a, b])))
    assert true_positives(np.array([5.0, 3, 1]), np.arange(200) / 50) == 1 / 3


def test_a_threshold_fails_by_name_in_any_space_and_where_nothing_was_computed(flagrant):
    values = worst(flagrant.found["tests"])
    names = [*KINDS, *values]
    (said,) = failures(parse(["near_share>0.05", "near_share_pixels<0.5"], names), values)
    assert said == "near_share>0.05: it is 1"
    assert failures(parse(["fid_gap>1"], names), {}) == ["fid_gap>1: not computed"]


needs_real = pytest.mark.skipif(
    not (REAL_DATA / "datasets" / "bbbc" / "bbbc038").is_dir(),
    reason="bbbc/bbbc038 is not prepared",
)


@needs_real
def test_planted_copies_are_found_among_real_crops(monkeypatch):
    import zoo

    monkeypatch.setenv("ZOO_HOME", str(REAL_DATA))
    assert os.environ["ZOO_HOME"]
    images = zoo.load("dataset", "bbbc/bbbc038-fluorescence", image_size=64)
    train, other = images.split("train"), images.split("detect_train")
    keep = images.take(np.flatnonzero(images.parts != "detect_train"))

    def sample(n, seed):
        fakes = other[np.linspace(0, len(other) - 1, n).astype(int)]
        rows = np.random.default_rng(seed).choice(len(train), n // 20, replace=False)
        fakes[: n // 20] = noisy(train[rows], seed, spread=2)
        return fakes

    found = memorisation(keep, sample, extractor="none", n=400).found
    recall = np.mean(np.isin(np.arange(20), found["suspects"]))
    assert recall >= 0.95
