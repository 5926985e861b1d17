"""The first-party detectors keep their contract, each of them."""

import io
import sys
import zipfile
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import clone
from zoo_detectors import classical, cnn

from zoo.errors import ZooError

PLUGINS = (classical, cnn)
RECORDS = {record.name: record for plugin in PLUGINS for record in plugin.zoo_detectors()}
QUICK = {"small-cnn": {"epochs": 2, "min_steps": 40}}

every_detector = pytest.mark.parametrize("name", RECORDS)


def build(name, seed=0):
    return RECORDS[name].load()(seed=seed, **QUICK.get(name, {}))


def load(name, path):
    return import_module(RECORDS[name].target.partition(":")[0]).load(path)


def saved_name(name):
    return {"sklearn": "detector.skops", "keras": "detector.keras"}[RECORDS[name].framework]


def discs(n, *, radius, seed, shape=(28, 36, 1)):
    """Bright discs of about one radius on a dark noisy ground."""
    rng = np.random.default_rng(seed)
    height, width = shape[:2]
    y, x = np.mgrid[:height, :width]
    images = rng.normal(20, 5, (n, *shape))
    for image in images:
        cy, cx = rng.uniform(8, height - 8), rng.uniform(8, width - 8)
        image[np.hypot(y - cy, x - cx) < radius * rng.uniform(0.9, 1.1)] += 120
    return images.clip(0, 255).astype(np.uint8)


def two_kinds(n, seed, shape=(28, 36, 1)):
    noise = np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)
    images = np.concatenate([discs(n, radius=5, seed=seed, shape=shape), noise])
    return images, np.repeat([0, 1], n)


def test_the_plugins_offer_the_four_detectors():
    assert sorted(RECORDS) == ["logistic", "random-forest", "small-cnn", "svm"]


@every_detector
def test_tells_discs_from_noise(name):
    detector = build(name).fit(*two_kinds(40, 0), validation=two_kinds(10, 1))
    images, labels = two_kinds(40, 2)
    assert (detector.predict(images) == labels).mean() > 0.9
    probabilities = detector.predict_proba(images)
    assert probabilities.shape == (80, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@every_detector
def test_same_seed_gives_same_answers_after_another_fit(name):
    images = two_kinds(10, 2)[0]
    first = build(name, seed=3).fit(*two_kinds(20, 0))
    before = first.predict_proba(images)
    build(name, seed=4).fit(*two_kinds(20, 5))
    again = build(name, seed=3).fit(*two_kinds(20, 0)).predict_proba(images)
    np.testing.assert_array_equal(before, again)
    np.testing.assert_array_equal(before, first.predict_proba(images))


@every_detector
def test_a_clone_has_the_same_settings_and_no_memory(name):
    detector = build(name, seed=7).fit(*two_kinds(12, 0))
    copy = clone(detector)
    assert copy.get_params() == detector.get_params()
    assert not hasattr(copy, "classes_")


@every_detector
def test_tells_three_named_classes_of_colour_images(name):
    shape = (32, 28, 3)
    kinds = {"large": 9, "middle": 6, "small": 3}

    def some(n, seed):
        images = [discs(n, radius=r, seed=seed + r, shape=shape) for r in kinds.values()]
        return np.concatenate(images), np.repeat(list(kinds), n)

    detector = build(name).fit(*some(40, 0), validation=some(10, 100))
    images, labels = some(20, 200)
    assert detector.classes_.tolist() == sorted(kinds)
    assert (detector.predict(images) == labels).mean() > 0.6


@every_detector
@pytest.mark.parametrize("channels", [2, 4])
def test_takes_two_and_four_channels(name, channels):
    shape = (28, 28, channels)
    detector = build(name).fit(*two_kinds(12, 0, shape))
    assert detector.predict_proba(two_kinds(3, 1, shape)[0]).shape == (6, 2)


@every_detector
def test_answers_are_the_same_after_saving_and_loading(name, tmp_path):
    images = two_kinds(10, 2)[0]
    detector = build(name, seed=5).fit(*two_kinds(20, 0))
    path = tmp_path / saved_name(name)
    detector.save(path)
    loaded = load(name, path)
    assert loaded.get_params() == detector.get_params()
    assert loaded.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(loaded.predict_proba(images), detector.predict_proba(images))


@every_detector
def test_a_damaged_file_is_one_line(name, tmp_path):
    path = tmp_path / saved_name(name)
    path.write_bytes(b"not a model")
    with pytest.raises(ZooError, match="cannot read the detector"):
        load(name, path)


def test_a_file_with_foreign_types_is_refused(tmp_path):
    import skops.io

    path = tmp_path / "detector.skops"
    path.write_bytes(skops.io.dumps(zipfile.ZipFile(io.BytesIO(), "w").__class__))
    with pytest.raises(ZooError, match=r"not trusted: zipfile\.ZipFile"):
        load("svm", path)


def test_a_tree_that_points_outside_itself_is_refused(tmp_path):
    forest = build("random-forest").fit(*two_kinds(12, 0))
    tree = forest.pipeline_[-1].estimators_[0].tree_
    tree.children_left[0] = 10_000
    forest.save(tmp_path / "detector.skops")
    with pytest.raises(ZooError, match="a tree is damaged"):
        load("random-forest", tmp_path / "detector.skops")


def test_without_keras_cv_it_trains_and_says_that_it_does_not_augment(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    build("small-cnn").fit(*two_kinds(12, 0))
    assert "warning: no augmentation, keras-cv does not import" in capsys.readouterr().err


def test_augmentation_changes_images_and_repeats_by_seed():
    from zoo_detectors.cnn.augmentation import augmentation

    images = discs(8, radius=5, seed=0)
    once, again, other = (np.asarray(augmentation(seed)(images)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert np.any(once != images)
    assert np.any(once != other)
    assert set(np.unique(once)) <= set(np.unique(images))
