"""The first-party detectors keep their contract, each of them."""

import io
import json
import shutil
import sys
import zipfile
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.tree._tree import Tree
from zoo_detectors import classical, cnn
from zoo_detectors.classical.features import ImageFeatures

from zoo.errors import NotComputed, UsageError, ZooError
from zoo.trees import check_tree

PLUGINS = (classical, cnn)
RECORDS = {record.name: record for plugin in PLUGINS for record in plugin.zoo_detectors()}
QUICK = {"small-cnn": {"epochs": 2, "min_steps": 40}}

every_detector = pytest.mark.parametrize("name", RECORDS)


def build(name, seed=0):
    return RECORDS[name].load()(seed=seed, **QUICK.get(name, {}))


def load(name, path):
    return import_module(RECORDS[name].target.partition(":")[0]).load(path)


def saved_name(name):
    return {"sklearn": "detector.skops", "keras": "detector.npz"}[RECORDS[name].framework]


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


def test_the_plugins_offer_nine_classical_detectors_and_a_small_network():
    classifiers = ["decision-tree", "gradient-boosting", "knn", "linear-svm", "logistic", "mlp"]
    classifiers += ["naive-bayes", "random-forest", "small-cnn", "svm"]
    assert sorted(RECORDS) == classifiers


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


def arrays(path, change):
    held = dict(np.load(path.with_suffix(".npz")))
    change(held)
    np.savez(path.with_suffix(".npz"), **held)


def facts(path, **changed):
    held = json.loads(path.with_suffix(".json").read_text())
    options = held["options"] | changed.pop("options", {})
    path.with_suffix(".json").write_text(json.dumps({**held, "options": options, **changed}))


def compressed(path):
    np.savez_compressed(path.with_suffix(".npz"), **np.load(path.with_suffix(".npz")))


def cut_short(path):
    whole = path.with_suffix(".npz").read_bytes()
    path.with_suffix(".npz").write_bytes(whole[: len(whole) // 2])


CRAFTED = {
    "truncated": (cut_short, "not a zip file"),
    "compressed": (compressed, "is compressed"),
    "pickled": (lambda p: arrays(p, lambda h: h.update({"0": np.array([{}])})), "is object"),
    "huge": (lambda p: arrays(p, lambda h: h.update({"0": np.zeros(10**6)})), "expected float32"),
    "member missing": (lambda p: arrays(p, lambda h: h.pop("0")), "arrays, expected"),
    "no weights": (lambda p: p.with_suffix(".npz").unlink(), "No such file"),
    "wide": (lambda p: facts(p, options={"width": 10**6}), "width=1000000: expected 1 to 256"),
    "wrong type": (lambda p: facts(p, options={"epochs": "x"}), "epochs=x: expected"),
    "unknown option": (lambda p: facts(p, options={"run": "rm"}), "run"),
    "unknown kind": (lambda p: facts(p, kind="Model"), "Model"),
    "endless shape": (lambda p: facts(p, shape=[10**9, 36, 1]), "shape of its images"),
    "many classes": (lambda p: facts(p, classes=list(range(10**4))), "its classes are damaged"),
    "nested": (lambda p: p.with_suffix(".json").write_text("[" * 10**5), "cannot read"),
    "long": (lambda p: p.with_suffix(".json").write_text(" " * 2 * 10**6), "is too large"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    build("small-cnn").fit(*two_kinds(12, 0)).save(folder / "detector.npz")
    return folder


@pytest.mark.parametrize("damage", CRAFTED)
def test_a_crafted_network_is_one_line_and_runs_nothing(damage, small, tmp_path):
    change, message = CRAFTED[damage]
    path = shutil.copytree(small, tmp_path / "kept") / "detector.npz"
    change(path)
    with pytest.raises(ZooError, match="cannot read the detector") as error:
        load("small-cnn", path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_with_foreign_types_is_refused(tmp_path):
    import skops.io

    path = tmp_path / "detector.skops"
    path.write_bytes(skops.io.dumps(zipfile.ZipFile(io.BytesIO(), "w").__class__))
    with pytest.raises(ZooError, match=r"not trusted: zipfile\.ZipFile"):
        load("svm", path)


def outside(detector):
    detector.trees(detector.pipeline_[-1])[0].children_left[0] = 10_000


def backwards(detector):
    detector.trees(detector.pipeline_[-1])[0].children_left[0] = 0


def unknown_feature(detector):
    detector.trees(detector.pipeline_[-1])[0].feature[0] = 10_000_000


def another_width(detector):
    """A tree that says of itself that it has the features by which it splits."""
    fitted = detector.pipeline_[-1]
    holder = fitted
    if hasattr(fitted, "estimators_"):
        holder = np.ravel(fitted.estimators_)[0]
    old, values = holder.tree_, holder.tree_.value.shape[2]
    old.feature[0] = 10_000_000
    holder.tree_ = Tree(20_000_000, np.array([values]), 1)
    holder.tree_.__setstate__(old.__getstate__())


@pytest.mark.parametrize("name", ["decision-tree", "gradient-boosting", "random-forest"])
@pytest.mark.parametrize("craft", [outside, backwards, unknown_feature, another_width])
def test_a_tree_that_points_outside_its_images_is_refused(name, craft, tmp_path):
    detector = build(name).fit(*two_kinds(12, 0))
    craft(detector)
    detector.save(tmp_path / "detector.skops")
    with pytest.raises(ZooError, match="a tree is damaged"):
        load(name, tmp_path / "detector.skops")


def boosting():
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    seen = np.column_stack([rng.normal(size=300), rng.integers(0, 5, 300)])
    labels = seen.sum(axis=1) > 2
    return HistGradientBoostingClassifier(categorical_features=[1], max_iter=5).fit(seen, labels)


def test_sound_trees_of_histogram_boosting_pass():
    for (tree,) in boosting()._predictors:
        check_tree(tree, 2)


@pytest.mark.parametrize(
    ("field", "value"), [("left", 0), ("right", 10_000), ("feature_idx", 2), ("bitset_idx", 10_000)]
)
def test_a_tree_of_histogram_boosting_that_points_outside_is_refused(field, value):
    trees = [tree for (tree,) in boosting()._predictors]
    tree = next(t for t in trees if t.nodes["is_categorical"].any())
    tree.nodes[field][tree.nodes["is_categorical"].argmax()] = value
    with pytest.raises(ValueError, match="a tree is damaged"):
        check_tree(tree, 2)


def test_what_is_no_tree_is_refused():
    with pytest.raises(ValueError, match="a dict is no tree"):
        check_tree({}, 2)


def wide_scaler(detector):
    detector.pipeline_[1].mean_ = np.zeros(7)


def many_support_vectors(detector):
    machine = detector.pipeline_[-1].calibrated_classifiers_[0].estimator
    machine._n_support = machine._n_support * 1000


def wide_stages(detector):
    fitted = detector.pipeline_[-1]
    fitted.estimators_ = np.tile(fitted.estimators_, (1, 2))


def other_classes(detector):
    detector.classes_ = np.arange(9)


@pytest.mark.parametrize(
    ("name", "craft"),
    [
        ("logistic", wide_scaler),
        ("logistic", other_classes),
        ("svm", many_support_vectors),
        ("linear-svm", many_support_vectors),
        ("gradient-boosting", wide_stages),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(name, craft, tmp_path):
    detector = build(name).fit(*two_kinds(12, 0))
    craft(detector)
    detector.save(tmp_path / "detector.skops")
    with pytest.raises(ZooError, match="cannot read the detector"):
        load(name, tmp_path / "detector.skops")


@pytest.mark.parametrize("block", ["pixels", "histogram", "lbp", "hog", "spectrum"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_block_of_features_is_a_table_and_tells_discs_from_noise(block, channels):
    shape = (28, 36, channels)
    detector = RECORDS["logistic"].load()(features=(block,)).fit(*two_kinds(20, 0, shape))
    images, labels = two_kinds(20, 1, shape)
    described = detector.pipeline_[0].transform(images)
    assert described.dtype == np.float32
    assert described.shape[0] == 40
    assert np.isfinite(described).all()
    assert (detector.predict(images) == labels).mean() > 0.9


def test_blocks_stand_side_by_side_in_the_order_asked_for():
    images = two_kinds(2, 0)[0]
    apart = [ImageFeatures((block,)).transform(images) for block in ("hog", "lbp")]
    np.testing.assert_array_equal(
        ImageFeatures(("hog", "lbp")).transform(images), np.concatenate(apart, axis=1)
    )


def test_local_binary_patterns_do_not_see_a_change_of_brightness():
    images = discs(3, radius=5, seed=0)
    np.testing.assert_array_equal(
        ImageFeatures(("lbp",)).transform(images), ImageFeatures(("lbp",)).transform(images + 9)
    )


def test_an_unknown_block_of_features_is_told_with_the_choices():
    with pytest.raises(UsageError, match=r"lbq.*did you mean lbp"):
        RECORDS["logistic"].load()(features=("lbq",)).fit(*two_kinds(12, 0))


def test_inception_features_without_weights_are_not_computed():
    with pytest.raises(NotComputed, match="no InceptionV3 weights"):
        RECORDS["logistic"].load()(features=("inception",)).fit(*two_kinds(12, 0))


def test_a_heatmap_is_high_where_the_evidence_lies():
    bright, dark = discs(30, radius=5, seed=0), discs(30, radius=0.01, seed=1)
    labels = np.repeat([1, 0], 30)
    detector = build("small-cnn").fit(np.concatenate([bright, dark]), labels)
    maps = detector.heatmaps(bright, 1)
    assert maps.shape == bright.shape[:3]
    assert maps.max() == pytest.approx(1, abs=1e-6)
    inside = bright[..., 0] > 90
    assert maps[inside].mean() > maps[~inside].mean()


def test_the_heatmap_is_what_grad_cam_derives():
    import tensorflow as tf
    from zoo_detectors.cnn.network import pooled_features

    detector = build("small-cnn").fit(*two_kinds(12, 0))
    images = two_kinds(2, 1)[0]
    features, kernel = pooled_features(detector.fitted_network())
    maps = tf.Variable(features(images))
    with tf.GradientTape() as tape:
        odds = tf.reduce_mean(maps, axis=(1, 2)) @ (kernel[:, 1:] - kernel[:, :1])
    slopes = tf.reduce_mean(tape.gradient(odds, maps), axis=(1, 2), keepdims=True)
    evidence = tf.nn.relu(tf.reduce_sum(slopes * maps, axis=3, keepdims=True))
    derived = tf.image.resize(evidence, images.shape[1:3]).numpy()[..., 0]
    derived /= np.maximum(derived.max(axis=(1, 2), keepdims=True), 1e-12)
    np.testing.assert_allclose(detector.heatmaps(images, 1), derived, atol=1e-4)


def test_without_keras_cv_nothing_is_learnt_from_images_that_are_not_augmented(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    with pytest.raises(NotComputed, match=r"keras-cv does not import.*: pip install "):
        build("small-cnn").fit(*two_kinds(12, 0))


def test_augmentation_changes_images_and_repeats_by_seed():
    from zoo_detectors.cnn.augmentation import augmentation

    images = discs(8, radius=5, seed=0)
    once, again, other = (np.asarray(augmentation(seed)(images)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert np.any(once != images)
    assert np.any(once != other)
    assert set(np.unique(once)) <= set(np.unique(images))
