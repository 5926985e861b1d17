"""The step: who is updated how often, in what pieces, on what, and what a resumed one repeats."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from zoo_generators.cgan.model import CGAN

from zoo.data import ImageSet
from zoo.errors import Interrupted, UsageError
from zoo.gan import GAN
from zoo.gan.checkpoint import restore_checkpoint, save_checkpoint
from zoo.gan.loop import Budget, train
from zoo.gan.memory import step_memory
from zoo.runs import Run

SHAPE = (16, 16, 1)
PIXELS = np.random.default_rng(0).integers(0, 255, (40, *SHAPE), dtype=np.uint8)
IMAGES = ImageSet.from_array(PIXELS)


class Plain(GAN):
    """Dense networks that judge each image by itself."""

    def build_generator(self):
        z = keras.Input((self.latent_dim,), name="latents")
        x = layers.Dense(32, activation="relu")(z)
        n = int(np.prod(self.image_shape))
        x = layers.Dense(n, activation="tanh", dtype=self.weight_dtype)(x)
        return keras.Model(z, layers.Reshape(self.image_shape, dtype=self.weight_dtype)(x))

    def build_discriminator(self):
        x = keras.Input(self.image_shape, name="images")
        hidden = layers.Dense(32, activation="leaky_relu")(layers.Flatten()(x))
        return keras.Model(x, layers.Dense(1, dtype=self.weight_dtype)(hidden))


def plain(*, precision="float32", seed=0, **options):
    gan = Plain(SHAPE, latent_dim=8, precision=precision, seed=seed)
    gan.compile(**{"batch_size": 8, "augment": "none", **options})
    return gan


def arrays(gan):
    return [np.asarray(v.value) for v in gan.state]


def largest_difference(left, right):
    return max(np.abs(a - b).max() for a, b in zip(arrays(left), arrays(right), strict=True))


def set_bias(gan, value):
    kernel, _ = gan.discriminator.layers[-1].get_weights()
    gan.discriminator.layers[-1].set_weights([kernel, np.array([value], "float32")])


# Who is updated, and how far


def test_the_generator_is_updated_once_for_n_critic_updates_of_the_discriminator():
    gan = plain(n_critic=3)
    assert gan.images_per_step == 24
    order = []
    for name, optimizer in (("D", gan.d_optimizer), ("G", gan.g_optimizer)):
        apply = optimizer.apply
        optimizer.apply = lambda *args, name=name, apply=apply: (order.append(name), apply(*args))
    rows = train(gan, IMAGES, Budget(steps=2))
    assert order[:4] == ["D", "D", "D", "G"]
    assert int(gan.d_optimizer.iterations.numpy()) == 6
    assert int(gan.g_optimizer.iterations.numpy()) == 2
    assert [row["kimg"] for _, row in rows] == [0.024, 0.048]


def test_a_budget_in_kimg_counts_the_images_of_every_discriminator_update():
    gan = plain(n_critic=5)
    train(gan, IMAGES, Budget(kimg=0.1))
    assert int(gan.step.numpy()) == 3


def test_each_network_moves_at_its_own_learning_rate():
    gan = plain(learning_rate=1e-3, d_learning_rate=4e-3)
    networks = (gan.generator, gan.discriminator)
    before = [network.get_weights() for network in networks]
    gan.train_step(PIXELS[:8])
    # Adam's first update is the learning rate, whatever the gradient.
    for network, old, rate in zip(networks, before, (1e-3, 4e-3), strict=True):
        new = network.get_weights()
        moved = max(np.abs(a - b).max() for a, b in zip(old, new, strict=True))
        assert moved == pytest.approx(rate, rel=0.02)


# The average


@pytest.mark.parametrize(
    ("options", "steps", "left"),
    [
        ({"ema_kimg": 0.04}, 5, 0.5),
        ({"ema_kimg": 0.08, "n_critic": 2}, 5, 0.5),
        ({"ema_kimg": 0.04, "ema_decay": 0.9}, 3, 0.729),
        ({"ema_kimg": 0.0}, 1, 0.0),
    ],
)
def test_the_average_approaches_a_resting_generator_by_its_half_life(options, steps, left):
    gan = plain(learning_rate=1e-30, **options)
    gan.step.assign(10**6)  # long after the ramp
    for average in gan.ema_generator.weights:
        average.assign(average + 1.0)
    for _ in range(steps):
        gan.train_step(PIXELS[: gan.images_per_step])
    for average, value in zip(gan.ema_generator.weights, gan.generator.weights, strict=True):
        assert np.allclose(average.numpy() - value.numpy(), left, atol=1e-5)


def test_the_average_follows_closely_at_first():
    gan = plain(learning_rate=1e-30, ema_kimg=1000.0)
    for average in gan.ema_generator.weights:
        average.assign(average + 1.0)
    gan.train_step(PIXELS[:8])
    gaps = zip(gan.ema_generator.weights, gan.generator.weights, strict=True)
    assert all(np.allclose(a.numpy() - v.numpy(), 0.1, atol=1e-5) for a, v in gaps)


@pytest.mark.parametrize("wrong", [{"ema_decay": 1.0}, {"ema_decay": -0.1}, {"ema_kimg": -1.0}])
def test_an_average_that_never_moves_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        plain(**wrong)


# Pieces


@pytest.mark.parametrize("micro_batch", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_a_batch_in_pieces_trains_like_a_whole_one(micro_batch):
    options = {"augment": "diffaugment", "gp_weight": 1.0, "r1_gamma": 1.0}
    whole, pieces = plain(**options), plain(micro_batch=micro_batch, **options)
    for gan in (whole, pieces):
        rows = train(gan, IMAGES, Budget(steps=3))
        gan.logged = rows[-1][1]
    assert largest_difference(whole, pieces) < 1e-5
    for name in ("d_loss", "g_loss", "d_penalty", "d_grad_norm", "g_grad_norm", "real_sign"):
        assert pieces.logged[name] == pytest.approx(whole.logged[name], rel=1e-3)


@pytest.mark.parametrize("micro_batch", [0, 3, 16])
def test_a_piece_that_does_not_divide_the_batch_is_refused(micro_batch):
    with pytest.raises(UsageError, match="divisor of batch_size=8"):
        plain(micro_batch=micro_batch)


def test_a_memory_limit_picks_the_largest_piece_that_fits():
    gan = plain()
    needs = {n: step_memory(gan, n) / 1e9 for n in (1, 2, 4, 8)}
    assert sorted(needs.values()) == list(needs.values())
    for size, expected in ((8, None), (4, 4), (2, 2), (1, 1)):
        assert plain(max_memory=needs[size] * 1.001).micro_batch == expected
    with pytest.raises(UsageError, match="one image at a time takes about"):
        plain(max_memory=needs[1] * 0.999)
    with pytest.raises(UsageError, match="not both"):
        plain(micro_batch=2, max_memory=1.0)


def test_a_penalty_makes_a_step_larger():
    assert step_memory(plain(r1_gamma=1.0), 8) > step_memory(plain(), 8)


# Numbers


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_with_weights_in_float32(precision):
    gan = plain(precision=precision, r1_gamma=1.0)
    rows = train(gan, IMAGES, Budget(steps=3))
    assert {v.dtype for v in gan.trainable_variables} == {"float32"}
    assert all(np.isfinite(list(row.values())).all() for _, row in rows)
    assert gan.generator.layers[1].compute_dtype == precision.removeprefix("mixed_")
    exact = train(plain(r1_gamma=1.0), IMAGES, Budget(steps=3))
    for name in ("d_loss", "d_grad_norm", "g_grad_norm"):
        assert rows[0][1][name] == pytest.approx(exact[0][1][name], rel=0.05)


def test_double_precision_trains_as_single_does_from_the_same_weights():
    double, single = plain(precision="float64", augment="ada"), plain(augment="ada")
    assert {v.dtype for v in double.trainable_variables} == {"float64"}
    assert double.training_inputs(2)["latents"].dtype == "float64"
    assert keras.config.floatx() == "float32"
    assert step_memory(double, 8) == 2 * step_memory(single, 8)
    for mine, theirs in zip(double.state, single.state, strict=True):
        mine.assign(theirs.numpy())
    pixels = np.abs(double.sample(4).astype(int) - single.sample(4).astype(int))
    assert pixels.max() <= 1
    rows = [train(gan, IMAGES, Budget(steps=1))[0][1] for gan in (double, single)]
    for name in ("d_loss", "g_loss", "d_grad_norm", "g_grad_norm"):
        assert rows[0][name] == pytest.approx(rows[1][name], rel=1e-4)


def test_the_loss_scale_of_float16_is_part_of_the_checkpoint(tmp_path):
    gan = plain(precision="mixed_float16")
    train(gan, IMAGES, Budget(steps=2))
    gan.d_optimizer.dynamic_scale.assign(1024.0)
    save_checkpoint(gan, tmp_path, elapsed=0.0)
    restored = plain(precision="mixed_float16")
    restore_checkpoint(restored, tmp_path)
    assert float(restored.d_optimizer.dynamic_scale.numpy()) == 1024.0
    assert int(restored.d_optimizer.step_counter.numpy()) == 2
    assert largest_difference(gan, restored) == 0


@pytest.mark.parametrize(
    ("augment", "options"),
    [
        ("diffaugment", {"gp_weight": 1.0}),
        pytest.param("ada", {"r1_gamma": 1.0, "flips": "dihedral"}, marks=pytest.mark.slow),
    ],
)
def test_xla_graph_and_eager_train_alike(augment, options):
    def losses(jit=False):
        gan = plain(precision="float64", augment=augment, jit_compile=jit, ada_kimg=1e9, **options)
        gan.augment_probability.assign(1.0)
        rows = train(gan, IMAGES, Budget(steps=3))
        return [row[name] for _, row in rows for name in ("d_loss", "g_loss", "d_penalty")]

    graph, xla = losses(), losses(jit=True)
    tf.config.run_functions_eagerly(True)
    try:
        eager = losses()
    finally:
        tf.config.run_functions_eagerly(False)
    assert xla == pytest.approx(graph, rel=1e-9)
    assert eager == pytest.approx(graph, rel=1e-9)


def test_several_steps_in_a_call_give_the_same_weights():
    one, three = plain(augment="diffaugment"), plain(augment="diffaugment")
    expected = train(one, IMAGES, Budget(steps=7))
    found = train(three, IMAGES, Budget(steps=7), steps_per_call=3)
    assert largest_difference(one, three) == 0
    assert [step for step, _ in found] == [3, 6, 7]
    for step, row in found:
        assert row["d_loss"] == expected[step - 1][1]["d_loss"]


# ADA


@pytest.mark.parametrize(("bias", "start", "expected"), [(100.0, 0.0, 0.5), (-100.0, 0.9, 0.1)])
def test_ada_follows_the_discriminators_certainty_at_the_documented_speed(bias, start, expected):
    # A step has 8 images, so that the probability moves by 0.1.
    gan = plain(augment="ada", ada_kimg=0.08, learning_rate=1e-9)
    set_bias(gan, bias)
    gan.augment_probability.assign(start)
    for _ in range(8):
        gan.train_step(PIXELS[:8])
    # The mean of signs takes 4 steps from 0 to above the target of 0.6.
    assert float(gan.augment_probability.numpy()) == pytest.approx(expected, abs=1e-6)
    assert float(gan.real_sign.numpy()) == pytest.approx(np.sign(bias) * (1 - 0.75**8), abs=1e-5)


def test_a_critic_is_certain_of_what_lies_above_the_middle_whatever_its_bias():
    signs = []
    for bias in (0.0, 100.0):
        gan = plain(augment="ada", loss="wasserstein", gp_weight=1.0)
        set_bias(gan, bias)
        gan.train_step(PIXELS[:8])
        signs.append(float(gan.real_sign.numpy()))
    assert signs[0] == signs[1] != 0.25


# Resume


class StopAt:
    def __init__(self, step):
        self.step = step

    def __call__(self, step, values):
        if step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
def test_everything_at_once_continues_bit_for_bit(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 120, (50, *SHAPE), dtype=np.uint8)
    images = ImageSet.from_array(pixels, labels=np.arange(50) % 3)

    def built():
        gan = CGAN(SHAPE, classes=3, width=4, latent_dim=8)
        ada = {"augment": "ada", "ada_kimg": 0.1, "ada_target": -0.5}
        gan.compile(batch_size=4, n_critic=2, r1_gamma=1.0, lazy_every=2, flips="dihedral", **ada)
        return gan

    def logged(run):
        return [{k: v for k, v in row.items() if k != "images_per_second"} for row in run.metrics()]

    uninterrupted, run = Run.create(tmp_path, "cgan", "a"), Run.create(tmp_path, "cgan", "b")
    gan = built()
    start = arrays(gan)
    train(gan, images, Budget(steps=12), run=uninterrupted)
    expected = arrays(gan)
    for variable, value in zip(gan.state, start, strict=True):
        variable.assign(value)
    with pytest.raises(Interrupted, match="step 5"):
        train(gan, images, Budget(steps=12), run=run, loggers=[StopAt(5)])
    assert "00000005.npz" in [path.name for path in run.checkpoints.iterdir()]
    resumed = built()
    train(resumed, images, Budget(steps=12), run=run)
    assert all(np.array_equal(a, b) for a, b in zip(expected, arrays(resumed), strict=True))
    assert float(resumed.augment_probability.numpy()) > 0.3
    assert logged(uninterrupted) == logged(run)


def test_a_resumed_run_forgets_what_came_after_its_checkpoint(tmp_path, capsys):
    run = Run.create(tmp_path, "plain", "made")
    train(plain(), IMAGES, Budget(steps=4), run=run)
    run.log_metrics(50_000, {"d_loss": 1e9})
    run.snapshot_path(50_000).write_bytes(b"of a training that is repeated")
    train(plain(), IMAGES, Budget(minutes=0.02), run=run)
    assert 50_000 not in [row["step"] for row in run.metrics()]
    assert 50_000 not in run.snapshot_steps()
    assert "Diverged" not in capsys.readouterr().err


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(tmp_path):
    run = Run.create(tmp_path, "plain", "made")
    run.log_metrics(50, {"d_loss": 1e9})
    train(plain(), IMAGES, Budget(steps=2), run=run)
    assert [row["step"] for row in run.metrics()] == [1, 2]


def test_as_many_checkpoints_are_kept_as_asked_for_and_the_last_good_one(tmp_path):
    gan = plain()
    for step, collapsed in ((1, False), (2, False), (3, True), (4, True), (5, True)):
        gan.step.assign(step)
        save_checkpoint(gan, tmp_path, elapsed=0.0, keep=2, collapsed=collapsed)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["00000002", "00000004", "00000005"]


# Classes


def conditional(**options):
    gan = CGAN((32, 32, 1), classes=3, width=4, latent_dim=8)
    gan.compile(batch_size=8, **options)
    return gan


def test_a_conditional_gan_needs_labels_to_train_and_to_judge():
    pixels = np.zeros((8, 32, 32, 1), np.uint8)
    gan = conditional()
    with pytest.raises(UsageError, match="no labels"):
        train(gan, ImageSet.from_array(pixels), Budget(steps=1))
    with pytest.raises(UsageError, match="need labels"):
        gan.train_step(pixels)
    with pytest.raises(UsageError, match="need labels"):
        gan.score(pixels)
    with pytest.raises(UsageError, match="cgan"):
        CGAN((32, 32, 1))


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0], [0.0, 1.0], [[0, 1]]])
def test_labels_that_are_no_classes_are_refused(labels):
    with pytest.raises(UsageError, match="labels must be"):
        conditional().sample(2, labels=labels)


def test_samples_are_of_the_classes_asked_for_or_of_those_trained_on():
    gan = conditional()
    gan.class_shares = np.array([0.5, 0.0, 0.5])
    drawn = gan.sampled_labels(400, seed=1)
    assert set(drawn) == {0, 2}
    assert np.mean(drawn == 0) == pytest.approx(0.5, abs=0.1)
    assert np.array_equal(gan.sample(9, seed=1), gan.sample(9, labels=drawn[:9], seed=1))
    for layer in gan.ema_generator.layers:
        if isinstance(layer, layers.Embedding):  # so that classes differ before any training
            layer.embeddings.assign_add(tf.random.stateless_normal(layer.embeddings.shape, [1, 2]))
    first, other = (gan.sample(2, labels=[label] * 2, seed=1) for label in (0, 2))
    assert not np.array_equal(first, other)


def test_a_conditional_discriminator_judges_an_image_by_its_class():
    gan = conditional()
    pixels = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 1), dtype=np.uint8)
    scores = gan.score(pixels, np.array([0, 0, 0, 1, 2, 2]))
    assert scores.shape == (6,)
    assert not np.allclose(scores, gan.score(pixels, np.array([1, 1, 1, 2, 0, 0])), atol=1e-7)


def test_an_unconditional_discriminator_scores_images_alone():
    scores = plain().score(PIXELS)
    assert scores.shape == (40,)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


# Devices


@pytest.mark.slow
def test_two_devices_train_as_one():
    """In a process of its own, for devices are divided before TensorFlow computes."""
    script = Path(__file__).with_name("replicas_script.py")
    result = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
