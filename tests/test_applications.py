"""The networks of `keras.applications` as detectors: their own preprocessing, their own minimum."""

from pathlib import Path

import keras
import numpy as np
import pytest
from zoo_detectors import applications
from zoo_detectors.applications import model
from zoo_detectors.cnn.network import pooled_features

from zoo.errors import NotComputed, UsageError, ZooError

RECORDS = {record.name: record for record in applications.zoo_detectors()}
WEIGHTS = Path(__file__).parents[2] / "shared" / "weights"
MIXED8 = WEIGHTS / "inception_v3_imagenet_to_mixed8.weights.h5"

QUICK = ("vgg16",)  # the others take up to a minute each to build
every_network = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in RECORDS]
)


def two_kinds(n, seed, shape=(32, 32, 3)):
    """Dark images and bright ones, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(["dark", "bright"], n)
    level = np.where(labels == "dark", 60, 190)[:, None, None, None]
    return (level + rng.integers(-40, 40, (2 * n, *shape))).astype(np.uint8), labels


def build(name, **options):
    quick = {"epochs": 1, "min_steps": 3, "batch_size": 4, "augment": False}
    return RECORDS[name].load()(**quick | options)


@every_network
def test_learns_answers_and_is_the_same_after_saving(name, tmp_path):
    images, labels = two_kinds(4, 0)
    detector = build(name, seed=1).fit(images, labels)
    answers = detector.predict_proba(images)
    assert answers.shape == (8, 2)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    detector.save(tmp_path / "detector.npz")
    loaded = model.load(tmp_path / "detector.npz")
    assert type(loaded) is type(detector)
    assert loaded.get_params() == detector.get_params()
    assert loaded.classes_.tolist() == ["bright", "dark"]
    np.testing.assert_allclose(loaded.predict_proba(images), answers, atol=1e-6)


@every_network
def test_images_pass_the_networks_own_preprocessing(name):
    detector = build(name)
    side = detector.smallest
    images = two_kinds(1, 0, (side, side, 3))[0]
    network = detector.build(images.shape[1:], 2).network
    backbone = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    prepared = detector.preprocess(images.astype(np.float32))
    maps = pooled_features(network)[0].predict_on_batch(images)
    np.testing.assert_allclose(maps, backbone.predict_on_batch(prepared), rtol=1e-4, atol=1e-5)


def test_small_images_are_enlarged_and_grey_ones_repeated():
    network = build("inceptionv3").build((32, 40, 1), 2).network
    backbone = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    assert backbone.input_shape == (None, 75, 75, 3)


def test_learns_from_two_channels():
    images, labels = two_kinds(4, 0, (32, 32, 2))
    assert build("vgg16").fit(images, labels).predict_proba(images).shape == (8, 2)


@pytest.mark.slow
def test_a_restart_draws_every_kernel_anew_and_repeats_by_seed():
    images, labels = two_kinds(4, 0)

    def weights(seed):
        return build("efficientnetb0", seed=seed).fit(images, labels).weights_

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    kernels = [i for i, w in enumerate(first) if w.ndim == 4]
    assert kernels
    assert not any(np.array_equal(first[i], other[i]) for i in kernels)


def test_weights_come_from_a_file_and_no_two_fits_share_what_they_learn(tmp_path):
    given = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    given.save_weights(tmp_path / "vgg16.weights.h5")
    detector = build("vgg16", weights=str(tmp_path / "vgg16.weights.h5"), learning_rate=1e-9)
    for _ in range(2):
        detector.fit(*two_kinds(4, 0))
        np.testing.assert_allclose(detector.weights_[0], given.get_weights()[0], atol=1e-6)
    assert build("vgg16", weights="x").initial_rate == build("vgg16").initial_rate / 10


def test_absent_imagenet_weights_are_not_computed_and_nothing_is_downloaded():
    with pytest.raises(NotComputed, match="no ImageNet weights of ResNet50"):
        build("resnet50", weights="imagenet").fit(*two_kinds(4, 0))


def test_a_wrong_weights_file_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        build("vgg16", weights=str(tmp_path / "absent.h5")).fit(*two_kinds(4, 0))
    (tmp_path / "bad.weights.h5").write_bytes(b"nothing")
    with pytest.raises(ZooError, match=r"bad\.weights\.h5 does not fit vgg16"):
        build("vgg16", weights=str(tmp_path / "bad.weights.h5")).fit(*two_kinds(4, 0))


@pytest.mark.slow
def test_an_inception_that_ends_earlier_is_read_without_its_weights_file(tmp_path):
    whole = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(75, 75, 3))
    path = tmp_path / "mixed8.weights.h5"
    keras.Model(whole.input, whole.get_layer("mixed8").output).save_weights(path)
    images, labels = two_kinds(4, 0)
    detector = build("inceptionv3", weights=str(path), min_steps=1).fit(images, labels)
    detector.save(tmp_path / "detector.npz")
    path.unlink()
    loaded = model.load(tmp_path / "detector.npz")
    assert len(loaded.weights_[-2]) == 1280
    assert loaded.get_params() == detector.get_params()
    np.testing.assert_allclose(
        loaded.predict_proba(images), detector.predict_proba(images), atol=1e-6
    )


@pytest.mark.skipif(not MIXED8.is_file(), reason="needs InceptionV3's ImageNet weights")
def test_inception_ends_where_its_weights_file_ends():
    detector = build("inceptionv3", weights=str(MIXED8), min_steps=1)
    network = detector.build((75, 75, 3), 2).network
    assert pooled_features(network)[1].shape == (1280, 2)
