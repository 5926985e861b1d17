"""Penalties on the discriminator, by discriminators whose slope is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from zoo_generators.dcgan.model import DCGAN

from zoo.data import ImageSet
from zoo.errors import Interrupted, UsageError
from zoo.gan import GAN
from zoo.gan.loop import Budget, train
from zoo.gan.regularisers import (
    consistency_penalty,
    gradient_penalty,
    r1_penalty,
    squared_slopes,
)
from zoo.runs import Run

SHAPE = (16, 16, 1)
IMAGES = np.random.default_rng(0).integers(0, 255, (40, *SHAPE), dtype=np.uint8)
RNG = np.random.default_rng(1)
REAL, FAKE = (tf.constant(RNG.uniform(-1, 1, (6, *SHAPE)), tf.float32) for _ in range(2))
MIX = tf.constant(RNG.random((6, 1, 1, 1)), tf.float32)


class Linear(GAN):
    """A discriminator whose slope is its weights, and nothing that normalises."""

    def build_generator(self):
        z = keras.Input((self.latent_dim,), name="latents")
        x = layers.Dense(int(np.prod(self.image_shape)), activation="tanh")(z)
        return keras.Model(z, layers.Reshape(self.image_shape, dtype="float32")(x))

    def build_discriminator(self):
        x = keras.Input(self.image_shape, name="images")
        return keras.Model(x, layers.Dense(1, dtype="float32")(layers.Flatten()(x)))

    @property
    def slope(self):
        return float(np.linalg.norm(self.discriminator.get_weights()[0]))


class Silent(Linear):
    """Only the penalty moves its discriminator."""

    def discriminator_loss(self, real_logits, fake_logits):
        return 0.0 * (tf.reduce_mean(real_logits) + tf.reduce_mean(fake_logits))


def compiled(kind=Linear, **options):
    gan = kind(SHAPE, latent_dim=4)
    gan.compile(**{"batch_size": 8, "augment": "none", **options})
    return gan


def slope_of(norm):
    weights = np.random.default_rng(2).standard_normal((256, 1)).astype("float32")
    weights *= norm / np.linalg.norm(weights)
    return lambda images: tf.reshape(images, (-1, 256)) @ weights


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 3.0])
def test_the_slope_of_a_linear_discriminator_is_the_norm_of_its_weights(norm):
    _, squared = squared_slopes(slope_of(norm), REAL)
    assert squared.shape == (6,)
    assert np.allclose(squared, norm**2, rtol=1e-5)
    assert float(r1_penalty(squared)) == pytest.approx(norm**2 / 2, rel=1e-5)


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 3.0])
def test_the_gradient_penalty_is_the_squared_distance_of_the_slope_to_1(norm):
    found = float(gradient_penalty(slope_of(norm), REAL, FAKE, MIX))
    assert found == pytest.approx((norm - 1) ** 2, rel=1e-4, abs=1e-5)


def test_the_gradient_penalty_is_taken_between_the_real_and_the_generated_image():
    shown = []

    def discriminate(images):
        shown.append(images)
        return slope_of(1.0)(images)

    gradient_penalty(discriminate, REAL, FAKE, MIX)
    (between,) = shown
    assert np.allclose(between, MIX * REAL + (1 - MIX) * FAKE)


def test_the_gradient_penalty_of_a_flat_discriminator_has_a_finite_gradient():
    weights = tf.Variable(tf.zeros((256, 1)))
    with tf.GradientTape() as tape:
        value = gradient_penalty(lambda x: tf.reshape(x, (-1, 256)) @ weights, REAL, FAKE, MIX)
    assert np.isfinite(tape.gradient(value, weights)).all()


def test_consistency_is_the_mean_squared_change_of_the_answers():
    logits = tf.constant([[1.0], [2.0], [3.0]])
    assert float(consistency_penalty(logits, logits)) == 0.0
    assert float(
        consistency_penalty(logits, logits + np.array([[0.0], [1.0], [-2.0]]))
    ) == pytest.approx(5 / 3)


def test_a_gan_logs_its_penalty_times_its_weight():
    gan = compiled()
    slope = gan.slope
    for options, expected in (
        ({"r1_gamma": 3.0}, 3.0 * slope**2 / 2),
        ({"gp_weight": 10.0}, 10.0 * (slope - 1) ** 2),
        ({"r1_gamma": 3.0, "gp_weight": 10.0}, 1.5 * slope**2 + 10 * (slope - 1) ** 2),
    ):
        gan = compiled(**options)
        assert float(gan.train_step(IMAGES[:8])["d_penalty"]) == pytest.approx(expected, rel=1e-3)
    assert "d_penalty" not in compiled().train_step(IMAGES[:8])


def test_consistency_asks_for_equal_answers_to_mirrored_and_shifted_images():
    gan = compiled(consistency_weight=10.0)
    assert float(gan.train_step(IMAGES[:8])["d_penalty"]) > 0
    blank = np.zeros((8, *SHAPE), np.uint8)
    assert float(gan.train_step(blank)["d_penalty"]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("option", ["r1_gamma", "gp_weight", "consistency_weight"])
def test_a_negative_weight_is_refused(option):
    with pytest.raises(UsageError, match=option):
        compiled(**{option: -1.0})


def test_a_gradient_penalty_on_batch_statistics_is_refused():
    with pytest.raises(UsageError, match=r"gp_weight .* normalises over the batch: add -o norm"):
        DCGAN((32, 32, 1), width=4).compile(gp_weight=10.0)
    DCGAN((32, 32, 1), width=4, norm="layer").compile(gp_weight=10.0)


@pytest.mark.parametrize("micro_batch", [None, 4])
def test_a_lazy_penalty_comes_every_so_many_steps_and_so_many_times_as_strong(micro_batch):
    gan = compiled(Silent, r1_gamma=2.0, lazy_every=3, micro_batch=micro_batch)
    felt = []
    for step in range(7):
        slope = gan.slope
        norm = float(gan.train_step(IMAGES[:8])["d_grad_norm"])
        felt.append(norm / slope)
        assert int(gan.step.numpy()) == step + 1
    # The gradient of γ/2·|w|² is γ·w.
    assert felt == pytest.approx([6.0, 0, 0, 6.0, 0, 0, 6.0], rel=1e-4)


def test_a_lazily_penalised_training_continues_bit_for_bit(tmp_path):
    options = {"r1_gamma": 1.0, "lazy_every": 3, "augment": "diffaugment"}
    images = ImageSet.from_array(IMAGES)
    whole = compiled(**options)
    train(whole, images, Budget(steps=11))

    def stop(step, values):
        if step == 4:
            raise Interrupted("killed")

    run = Run.create(tmp_path, "linear", "made")
    with pytest.raises(Interrupted):
        train(compiled(**options), images, Budget(steps=11), run=run, loggers=[stop])
    resumed = compiled(**options)
    train(resumed, images, Budget(steps=11), run=run)
    for expected, found in zip(whole.state, resumed.state, strict=True):
        assert np.array_equal(expected.numpy(), found.numpy())
