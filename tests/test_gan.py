"""The losses, the augmentation, the networks and the step."""

import keras
import numpy as np
import pytest
from zoo_generators.dcgan.model import DCGAN, stage_grids

from zoo.errors import UsageError, ZooError
from zoo.gan.pixels import quantise, to_unit_range


def small(shape=(32, 32, 1), seed=0, **training):
    gan = DCGAN(shape, width=8, latent_dim=16, seed=seed)
    gan.compile(**{"batch_size": 8, **training})
    return gan


def blobs(n=64, shape=(32, 32, 1), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 120, (n, *shape), dtype=np.uint8)


def test_an_unknown_loss_or_augmentation_is_refused_with_the_choices():
    with pytest.raises(UsageError, match="hinge"):
        small(loss="hing")
    with pytest.raises(UsageError, match="diffaugment, ada"):
        small(augment="adda")
    with pytest.raises(UsageError, match="dihedral"):
        small(flips="vertical")


@pytest.mark.parametrize("shape", [(32, 32, 1), (40, 64, 3), (64, 48, 4), (32, 256, 2)])
def test_dcgan_makes_and_judges_images_of_any_rectangle(shape):
    gan = DCGAN(shape, width=4, latent_dim=8)
    assert gan.generator.output_shape == (None, *shape)
    assert gan.discriminator.output_shape == (None, 1)
    images = gan.sample(3)
    assert images.shape == (3, *shape)
    assert images.dtype == np.uint8


def test_dcgan_follows_the_rules_of_its_paper():
    gan = DCGAN((64, 64, 1))
    for network in (gan.generator, gan.discriminator):
        kinds = [type(layer).__name__ for layer in network.layers]
        assert not any("Pool" in kind or "UpSampling" in kind for kind in kinds)
        assert kinds.count("BatchNormalization") >= 3
    assert [type(layer).__name__ for layer in gan.discriminator.layers[1:3]] == [
        "Conv2D",
        "LeakyReLU",
    ]
    assert gan.generator.layers[-1].activation is keras.activations.tanh
    assert gan.channels == [32, 64, 128, 256]


@pytest.mark.parametrize("shape", [(28, 28, 3), (33, 57, 4), (65, 87, 2)])
def test_dcgan_makes_rectangles_that_cannot_be_halved(shape):
    gan = DCGAN(shape, width=4)
    assert gan.sample(2).shape == (2, *shape)
    assert gan.discriminator(np.zeros((2, *shape), np.float32)).shape == (2, 1)
    assert stage_grids(shape)[-1] in ((4, 4), (5, 8), (5, 6))


def test_one_step_changes_both_networks_and_the_average():
    gan = small()
    before = [v.numpy().copy() for v in gan.trainable_variables + gan.ema_generator.weights]
    gan.train_step(blobs(8))
    after = [v.numpy() for v in gan.trainable_variables + gan.ema_generator.weights]
    moved = [not np.array_equal(b, a) for b, a in zip(before, after, strict=True)]
    trained = len(gan.trainable_variables)
    assert all(moved[:trained])
    assert any(moved[trained:])


def test_the_same_seed_gives_the_same_weights():
    results = []
    for seed in (0, 0, 1):
        gan = small(seed=seed)
        gan.fit(blobs(), steps=3)
        results.append(gan.sample(4))
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_building_a_gan_leaves_the_callers_random_numbers_alone():
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    DCGAN((32, 32, 1), width=4)
    assert random.random() == expected


def test_an_image_of_a_seed_does_not_depend_on_how_many_are_asked_for():
    gan = small()
    assert np.array_equal(gan.sample(70, seed=3)[:5], gan.sample(5, seed=3))
    assert not np.array_equal(gan.sample(5, seed=3), gan.sample(5, seed=4))


def test_truncation_lowers_the_spread():
    gan = small()
    gan.fit(blobs(), steps=5)
    full, half = (
        gan.sample(64, truncation=t, dtype="uint16").astype(float).std(axis=0).mean()
        for t in (1.0, 0.3)
    )
    assert half < full


def test_pixels_are_rounded_half_up_and_clamped():
    values = np.array([-1.0, -2.0, 0.0, 1.0, 3.0, (100 - 128) / 127.5, (100.5 - 128) / 127.5])
    assert quantise(values).tolist() == [0, 0, 128, 255, 255, 100, 100]
    assert quantise(np.array([-1.0, 1.0]), "uint16").tolist() == [0, 65535]


def test_an_output_that_is_not_finite_is_refused():
    with pytest.raises(ZooError, match="diverged"):
        quantise(np.array([np.nan]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_integer_type_fills_the_unit_range(dtype):
    top = np.iinfo(dtype).max
    assert to_unit_range(np.array([0, top], dtype)).numpy().tolist() == [-1.0, 1.0]


def test_labels_are_refused_by_an_unconditional_generator():
    with pytest.raises(UsageError, match="not conditional"):
        small().sample(2, labels=[0, 1])


def test_the_averaged_generator_loads_in_plain_keras(tmp_path):
    gan = small()
    gan.ema_generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    z = np.random.default_rng(0).standard_normal((2, 16)).astype("float32")
    assert np.allclose(loaded(z), gan.ema_generator(z), atol=1e-6)
