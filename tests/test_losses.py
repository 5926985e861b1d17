"""Adversarial losses: closed forms, equilibria, smoothing, and what is refused."""

import math

import numpy as np
import pytest
import tensorflow as tf
from zoo_generators.dcgan.model import DCGAN

from zoo.errors import UsageError
from zoo.gan.losses import LOSSES, SMOOTHED, find_loss

SMOOTHINGS = [(name, smoothing) for name in SMOOTHED for smoothing in (0.0, 0.1, 0.3)]


def logits(value, n=5):
    return tf.fill((n, 1), tf.constant(value, tf.float32))


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
    assert float(loss.discriminator(logits(real), logits(fake))) == pytest.approx(d_loss, rel=1e-5)
    assert float(loss.generator(logits(fake))) == pytest.approx(g_loss, rel=1e-5)


def test_smoothing_lowers_the_target_of_real_images_alone():
    real, fake = 1.5, -0.7
    target = 0.9
    bce = -target * math.log(1 / (1 + math.exp(-real)))
    bce -= (1 - target) * math.log(1 - 1 / (1 + math.exp(-real)))
    bce += math.log1p(math.exp(fake))
    squares = 0.5 * ((real - target) ** 2 + fake**2)
    for name, expected in (("bce", bce), ("least-squares", squares)):
        found = find_loss(name, 0.1).discriminator(logits(real), logits(fake))
        assert float(found) == pytest.approx(expected, rel=1e-5)
        assert float(find_loss(name, 0.1).generator(logits(fake))) == float(
            find_loss(name).generator(logits(fake))
        )


@pytest.mark.parametrize(("name", "smoothing"), [*SMOOTHINGS, ("hinge", 0.0), ("wasserstein", 0.0)])
def test_the_equilibrium_is_what_a_loss_gives_when_nothing_can_be_told_apart(name, smoothing):
    loss = find_loss(name, smoothing)
    undecided = logits(loss.undecided or 0.0)
    assert float(loss.discriminator(undecided, undecided)) == pytest.approx(
        loss.equilibrium["d_loss"], rel=1e-5
    )
    g_loss = loss.equilibrium.get("g_loss", 0.0)
    assert float(loss.generator(undecided)) == pytest.approx(g_loss, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("name", "smoothing"), [*SMOOTHINGS, ("hinge", 0.0), ("wasserstein", 0.0)])
def test_no_answer_to_indistinguishable_images_lowers_the_loss_below_the_equilibrium(
    name, smoothing
):
    loss = find_loss(name, smoothing)
    at_rest = loss.undecided or 0.0
    answer = tf.Variable(at_rest)
    with tf.GradientTape() as tape:
        shown = tf.fill((4, 1), answer)
        value = loss.discriminator(shown, shown)
    assert float(tape.gradient(value, answer)) == pytest.approx(0.0, abs=1e-6)
    for other in np.linspace(-3, 3, 25):
        found = float(loss.discriminator(logits(at_rest + other), logits(at_rest + other)))
        assert found >= loss.equilibrium["d_loss"] - 1e-6


@pytest.mark.parametrize("name", ["hinge", "wasserstein"])
def test_a_loss_without_targets_refuses_to_smooth_them(name):
    with pytest.raises(UsageError, match="label_smoothing needs bce or least-squares"):
        find_loss(name, 0.1)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, math.nan])
def test_smoothing_is_a_share(smoothing):
    with pytest.raises(UsageError, match="from 0 to below 1"):
        find_loss("bce", smoothing)


def test_an_unknown_loss_is_refused_with_the_choices():
    with pytest.raises(UsageError, match=", ".join(LOSSES)):
        find_loss("hing")


def test_a_gan_logs_the_loss_that_was_chosen():
    images = np.random.default_rng(0).integers(0, 120, (8, 32, 32, 1), dtype=np.uint8)
    logged = set()
    for loss, smoothing in (("bce", 0.0), ("bce", 0.3), ("least-squares", 0.0), ("hinge", 0.0)):
        gan = DCGAN((32, 32, 1), width=4, latent_dim=8)
        gan.compile(loss=loss, label_smoothing=smoothing, batch_size=8)
        found = float(gan.train_step(images)["d_loss"])
        assert found == pytest.approx(gan.equilibrium["d_loss"], rel=1.5)
        logged.add(found)
    assert len(logged) == 4


def test_a_subclass_with_a_loss_of_its_own_has_no_known_equilibrium():
    class Own(DCGAN):
        def generator_loss(self, fake_logits):
            return -tf.reduce_mean(fake_logits)

    gan = Own((32, 32, 1), width=4)
    gan.compile()
    assert gan.equilibrium == {}
