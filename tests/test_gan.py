"""The losses, the augmentation, the networks and the step."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from zoo_generators.dcgan.model import DCGAN, stage_grids

from zoo.errors import UsageError, ZooError
from zoo.gan.augment import find_augmentation, flip
from zoo.gan.losses import LOSSES, find_loss
from zoo.gan.pixels import quantise, to_unit_range


def augmented(policy, images, seed=0, probability=1.0):
    augmentation = find_augmentation(policy)
    draws = np.random.default_rng(seed).random((len(images), augmentation.draws), np.float32)
    return augmentation(images, tf.constant(draws), probability)


def small(shape=(32, 32, 1), seed=0, **training):
    gan = DCGAN(shape, width=8, latent_dim=16, seed=seed)
    gan.compile(**{"batch_size": 8, **training})
    return gan


def blobs(n=64, shape=(32, 32, 1), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 120, (n, *shape), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "real", "fake", "d_loss", "g_loss"),
    [
        ("bce", 0.0, 0.0, 2 * math.log(2), math.log(2)),
        ("bce", 2.0, -1.0, math.log1p(math.exp(-2)) + math.log1p(math.exp(-1)), math.log1p(math.e)),
        ("least-squares", 0.5, 0.5, 0.25, 0.125),
        ("least-squares", 1.0, 0.0, 0.0, 0.5),
        ("hinge", 0.0, 0.0, 2.0, 0.0),
        ("hinge", 2.0, -3.0, 0.0, 3.0),
        ("wasserstein", 2.0, -3.0, -5.0, 3.0),
    ],
)
def test_a_loss_has_its_closed_form(name, real, fake, d_loss, g_loss):
    loss = find_loss(name)
    real_logits, fake_logits = (np.full((5, 1), value, "float32") for value in (real, fake))
    assert float(loss.discriminator(real_logits, fake_logits)) == pytest.approx(d_loss, rel=1e-5)
    assert float(loss.generator(fake_logits)) == pytest.approx(g_loss, rel=1e-5)


def test_the_equilibrium_of_a_loss_is_what_it_gives_when_nothing_can_be_told_apart():
    for name in LOSSES:
        loss = find_loss(name)
        logits = np.full((3, 1), loss.undecided or 0.0, "float32")
        assert float(loss.discriminator(logits, logits)) == pytest.approx(
            loss.equilibrium["d_loss"], rel=1e-5
        )
        expected = loss.equilibrium.get("g_loss", 0.0)
        assert float(loss.generator(logits)) == pytest.approx(expected, abs=1e-6)


def test_an_unknown_loss_or_augmentation_is_refused_with_the_choices():
    with pytest.raises(UsageError, match="hinge"):
        small(loss="hing")
    with pytest.raises(UsageError, match="diffaugment, ada"):
        small(augment="adda")
    with pytest.raises(UsageError, match="dihedral"):
        small(flips="vertical")


@pytest.mark.parametrize("policy", ["diffaugment", "ada"])
def test_an_augmentation_is_a_function_of_its_draws(policy):
    images = to_unit_range(blobs(8, (32, 32, 3)))
    first, again, other = (augmented(policy, images, seed).numpy() for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_parts_of_diffaugment_can_be_chosen():
    images = to_unit_range(blobs(8))
    assert np.array_equal(augmented("none", images), images)
    moved = augmented("translation", images).numpy()
    assert np.isin(moved, [*np.unique(images), -1.0]).mean() > 0.99
    both = augmented("translation, cutout", images).numpy()
    assert (both == -1.0).mean() > (moved == -1.0).mean()


@pytest.mark.parametrize("policy", ["diffaugment", "ada"])
@pytest.mark.parametrize("jit", [False, True])
def test_an_augmentation_lets_the_gradient_through_twice(policy, jit):
    @tf.function(jit_compile=jit)
    def curvature(images):
        with tf.GradientTape() as outer:
            outer.watch(images)
            with tf.GradientTape() as inner:
                inner.watch(images)
                value = tf.reduce_sum(tf.square(augmented(policy, images)))
            steepness = tf.reduce_sum(tf.square(inner.gradient(value, images)))
        return outer.gradient(steepness, images)

    assert np.abs(curvature(to_unit_range(blobs(8)))).max() > 0


def test_ada_with_probability_0_shows_the_images_themselves():
    images = to_unit_range(blobs(8, (32, 48, 3)))
    assert np.abs(augmented("ada", images, probability=0.0) - images).max() < 1e-5
    assert np.abs(augmented("ada", images, probability=1.0) - images).max() > 0.5


def test_a_mask_channel_moves_with_its_image_and_keeps_its_values():
    images = np.zeros((64, 32, 32, 2), np.float32) - 1.0
    images[:, 12:20, 8:24] = 1.0
    augmentation = find_augmentation("colour,translation", masked=True)
    draws = np.random.default_rng(0).random((64, augmentation.draws), np.float32)
    image, mask = np.moveaxis(augmentation(images, tf.constant(draws), 1.0).numpy(), -1, 0)
    assert set(np.unique(mask)) == {-1.0, 1.0}
    inside = [image[i][mask[i] == 1.0].min() for i in range(64)]
    outside = [np.median(image[i][mask[i] == -1.0]) for i in range(64)]
    assert all(i > o for i, o in zip(inside, outside, strict=True))


def test_flips_make_all_eight_forms_of_a_square_and_four_of_a_rectangle():
    for shape, expected in (((8, 8, 1), 8), ((8, 12, 1), 4)):
        image = np.random.default_rng(0).random((1, *shape), np.float32)
        draws = tf.constant(np.random.default_rng(1).random((200, 3), np.float32))
        found = flip(np.repeat(image, 200, 0), "dihedral", draws).numpy()
        assert len({form.tobytes() for form in found}) == expected


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


def test_xla_and_graph_train_alike_from_the_same_latents():
    values = {}
    for jit in (False, True):
        gan = small(jit_compile=jit, augment="none")
        rows = gan.fit(blobs(), steps=3)
        values[jit] = [row["d_loss"] for _, row in rows]
    assert values[True] == pytest.approx(values[False], rel=1e-3)


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


def test_r1_penalises_the_discriminators_slope_at_real_images():
    gradients = {}
    for gamma in (0.0, 10.0):
        gan = small(r1_gamma=gamma)
        gradients[gamma] = float(gan.train_step(blobs(8))["d_grad_norm"])
    assert gradients[10.0] != pytest.approx(gradients[0.0], rel=1e-3)


def test_the_averaged_generator_loads_in_plain_keras(tmp_path):
    gan = small()
    gan.ema_generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    z = np.random.default_rng(0).standard_normal((2, 16)).astype("float32")
    assert np.allclose(loaded(z), gan.ema_generator(z), atol=1e-6)
