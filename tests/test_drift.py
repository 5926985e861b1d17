"""A shifted batch raises the alarm, another batch of the same kind does not."""

import json
from dataclasses import replace

import numpy as np
import pytest

from zoo.data.imageset import PARTS, ImageSet
from zoo.data.intensity import Intensity
from zoo.errors import ZooError
from zoo.evaluation.drift import NO_DRIFT, drift, sharpness

SIDE = 16


def image_set(groups=60, tiles=4, seed=0, shift=0.0, blur=False):
    """Images of coarse random fields in groups that share their brightness."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), tiles)
    coarse = rng.normal(120 + shift, 25, (len(group), SIDE // 2, SIDE // 2, 1))
    coarse += rng.normal(0, 8, groups)[group][:, None, None, None]
    pixels = coarse.repeat(2, axis=1).repeat(2, axis=2)
    if blur:
        pixels = (pixels + np.roll(pixels, 1, 1) + np.roll(pixels, 1, 2)) / 3
    return ImageSet(
        name="test/fields",
        pixels=pixels.clip(0, 255).astype(np.uint8),
        index=np.arange(len(group)),
        groups=np.array([f"slide {g}" for g in group]),
        ids=np.array([f"image {i}" for i in range(len(group))]),
        parts=np.array(PARTS)[group % len(PARTS)],
        fingerprint="f" * 64,
    )


@pytest.fixture(scope="module")
def reference():
    return image_set()


def batch(**changes):
    return image_set(groups=10, seed=99, **changes)


def test_a_batch_of_the_same_kind_has_not_drifted(reference):
    found = drift(reference, batch(), extractor="no weights")
    assert found["verdict"] == NO_DRIFT
    assert [test["name"] for test in found["tests"]] == [
        "intensity", "contrast", "sharpness", "swd"
    ]  # fmt: skip
    assert all(0 <= test["typical"] <= test["threshold"] for test in found["tests"])


@pytest.mark.slow
def test_batches_of_the_same_kind_are_seldom_called_drift(reference):
    found = [
        drift(reference, image_set(groups=10, seed=200 + s), extractor="none")["drifted"]
        for s in range(12)
    ]
    assert sum(map(bool, found)) <= 3


@pytest.mark.parametrize(
    ("changes", "name"), [({"shift": 40.0}, "intensity"), ({"blur": True}, "sharpness")]
)
def test_a_shifted_batch_has_drifted_and_the_statistic_is_named(reference, changes, name):
    found = drift(reference, batch(**changes), extractor="no weights")
    assert name in found["drifted"]
    assert found["verdict"] == f"drift: {', '.join(found['drifted'])}"
    (test,) = [test for test in found["tests"] if test["name"] == name]
    assert test["value"] > test["threshold"]
    assert "99 draws of 6 groups of held-out images" in test["reason"]


def test_features_are_compared_where_there_is_a_network(reference):
    class Means:
        suffix, dimension = "means", 4
        facts = {"extractor": "means of rows"}  # noqa: RUF012

        def __call__(self, images):
            return images.mean(axis=(2, 3)).reshape(len(images), 4, -1).mean(axis=2) / 100

    found = drift(reference, batch(shift=40.0), extractor=Means())
    assert "kid_means" in found["drifted"]
    assert found["not_computed"] == []


def test_everything_is_json_with_a_card(reference):
    found = drift(reference, batch(), extractor="no weights")
    card = json.loads(json.dumps(found, allow_nan=False))["protocol"]
    assert card["comparable"]["threshold"] == "largest of 99 draws of held-out groups"
    assert card["provenance"]["batch"] == "test/fields"
    assert found["not_computed"] == [{"name": "kid", "reason": "no weights"}]


def test_without_held_out_groups_there_is_no_verdict(reference):
    alone = replace(reference, parts=np.full(len(reference), "train"))
    found = drift(alone, batch(), extractor="none")
    assert found["tests"] == []
    assert found["verdict"].startswith("not computed, because 0 groups are held out")


def test_too_few_images_are_refused(reference):
    with pytest.raises(ZooError, match="test/fields has 4 images; at least 8"):
        drift(reference, image_set(groups=1), extractor="none")


def test_sharpness_falls_with_blur_and_does_not_depend_on_contrast():
    sharp, blurred = image_set().pixels, image_set(blur=True).pixels
    assert sharpness(blurred).mean() < 0.8 * sharpness(sharp).mean()
    half = (sharp // 2).astype(np.uint8)
    assert sharpness(half).mean() == pytest.approx(sharpness(sharp).mean(), rel=0.02)


def test_new_images_take_the_mapping_of_the_training_images(monkeypatch, reference):
    from zoo.evaluation import drift as module

    fixed = Intensity("window", "uint8", low=np.array([0.0]), high=np.array([128.0]))
    training = replace(reference, intensity=fixed)
    opened = type("Opened", (), {"images": batch()})
    monkeypatch.setattr(module, "open_dataset", lambda name, **settings: opened)
    new = module.batch_of("test/fields", training, {})
    assert new[:].mean() > 1.5 * batch()[:].mean()
    small = replace(batch(), pixels=batch().pixels[:, :8])
    opened.images = small
    with pytest.raises(ZooError, match=r"has uint8 images \(8, 16, 1\)"):
        module.batch_of("test/fields", training, {})
