"""The loop: budgets, resume, divergence, what it leaves behind."""

import gc
import math
import os
import signal
import threading
import weakref

import numpy as np
import pytest
import tensorflow as tf
from zoo_generators.dcgan.model import DCGAN

from zoo.data import ImageSet
from zoo.errors import Interrupted, UsageError, ZooError
from zoo.gan.checkpoint import restore_checkpoint
from zoo.gan.loop import Budget, train
from zoo.runs import Run

IMAGES = ImageSet.from_array(
    np.random.default_rng(0).integers(0, 120, (50, 32, 32, 1), dtype=np.uint8)
)


def compiled(jit=False, **options):
    gan = DCGAN((32, 32, 1), width=8, latent_dim=16)
    gan.compile(batch_size=8, jit_compile=jit, **options)
    return gan


def weights(gan):
    return [np.asarray(v.value) for v in gan.state]


def equal(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


class StopAt:
    """Asks for a stop when a step is logged, as a person's Ctrl-C does."""

    def __init__(self, step, number=signal.SIGINT):
        self.step, self.number = step, number

    def __call__(self, step, values):
        if step == self.step:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        pytest.param(Budget(steps=7), 7, marks=pytest.mark.slow),
        (Budget(kimg=0.05), 7),
        pytest.param(Budget(epochs=2), 13, marks=pytest.mark.slow),
    ],
)
def test_a_budget_is_counted_in_steps(budget, steps):
    gan = compiled()
    train(gan, IMAGES, budget)
    assert int(gan.step.numpy()) == steps


@pytest.mark.slow
def test_a_budget_in_minutes_stops_by_the_clock():
    gan = compiled()
    train(gan, IMAGES, Budget(minutes=0.02))
    assert int(gan.step.numpy()) > 0


@pytest.mark.parametrize("wrong", [{}, {"steps": 0}, {"kimg": -1}, {"steps": 5, "kimg": 1}])
def test_a_budget_is_one_positive_number(wrong):
    with pytest.raises(UsageError):
        Budget(**wrong)


def test_every_image_is_shown_once_before_any_is_shown_again():
    shown = [image.tobytes() for batch, _ in IMAGES.batches(0, 25, batch_size=4) for image in batch]
    everything = {image.tobytes() for image in IMAGES[:]}
    assert set(shown[:50]) == everything
    assert set(shown[50:100]) == everything
    assert shown[:50] != shown[50:100]


def test_a_batch_is_a_function_of_the_step():
    whole = [batch for batch, _ in IMAGES.batches(0, 20, batch_size=8, seed=3)]
    later = [batch for batch, _ in IMAGES.batches(11, 20, batch_size=8, seed=3)]
    assert all(np.array_equal(a, b) for a, b in zip(whole[11:], later, strict=True))


@pytest.mark.parametrize(
    ("jit", "number"),
    [(False, signal.SIGINT), pytest.param(True, signal.SIGTERM, marks=pytest.mark.slow)],
)
def test_a_stopped_training_continues_bit_for_bit(tmp_path, jit, number):
    whole = compiled(jit)
    train(whole, IMAGES, Budget(steps=12))

    run = Run.create(tmp_path, "dcgan", "made")
    with pytest.raises(Interrupted):
        train(compiled(jit), IMAGES, Budget(steps=12), run=run, loggers=[StopAt(5, number)])
    resumed = compiled(jit)
    train(resumed, IMAGES, Budget(steps=12), run=run)

    assert equal(weights(whole), weights(resumed))
    assert [row["step"] for row in run.metrics()] == list(range(1, 13))


def test_a_truncated_checkpoint_gives_way_to_the_one_before(tmp_path):
    run = Run.create(tmp_path, "dcgan", "made")
    train(compiled(), IMAGES, Budget(steps=8), run=run)
    before, last = sorted(run.checkpoints.glob("*.npz"))
    last.write_bytes(last.read_bytes()[:1000])
    gan = compiled()
    assert restore_checkpoint(gan, run.checkpoints)["step"] == int(before.stem)


def test_without_a_readable_checkpoint_the_run_says_so(tmp_path):
    (tmp_path / "00000005.npz").write_bytes(b"not a checkpoint")
    with pytest.raises(ZooError, match="no checkpoint"):
        restore_checkpoint(compiled(), tmp_path)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    run = Run.create(tmp_path, "dcgan", "made")
    train(compiled(), IMAGES, Budget(steps=4), run=run)
    wider = DCGAN((32, 32, 1), width=16, latent_dim=16)
    wider.compile(batch_size=8)
    with pytest.raises(ZooError, match="another network"):
        restore_checkpoint(wider, run.checkpoints)


def test_a_training_that_diverges_stops_and_keeps_its_last_good_checkpoint(tmp_path):
    run = Run.create(tmp_path, "dcgan", "made")

    class Diverging(DCGAN):
        def train_step(self, batch):
            logs = super().train_step(batch)
            broken = tf.where(self.step < 6, 0.0, math.nan)
            return {**logs, "d_loss": logs["d_loss"] + broken}

    gan = Diverging((32, 32, 1), width=8, latent_dim=16)
    gan.compile(batch_size=8)
    with pytest.raises(ZooError, match=r"d_loss not finite at step 6; the checkpoint of step 4"):
        train(gan, IMAGES, Budget(steps=8), run=run)
    assert sorted(path.stem for path in run.checkpoints.glob("*.npz")) == ["00000002", "00000004"]


def test_a_run_leaves_ten_snapshots_and_their_pictures(tmp_path):
    run = Run.create(tmp_path, "dcgan", "made")
    train(compiled(), IMAGES, Budget(steps=20), run=run)
    steps = [f"{step:08d}" for step in range(2, 21, 2)]
    assert sorted(p.name.split(".")[0] for p in run.snapshots.iterdir()) == steps
    assert sorted(p.stem for p in run.samples.iterdir()) == ["00000000", *steps]
    assert len(list(run.checkpoints.iterdir())) == 2


def test_images_of_another_size_are_refused():
    other = ImageSet.from_array(np.zeros((8, 40, 32, 1), np.uint8))
    with pytest.raises(UsageError, match="built for"):
        train(compiled(), other, Budget(steps=1))


def test_an_uncompiled_gan_is_refused():
    with pytest.raises(UsageError, match="compile"):
        train(DCGAN((32, 32, 1), width=4), IMAGES, Budget(steps=1))


def test_training_works_in_a_thread_that_cannot_set_signal_handlers():
    gan = compiled()
    thread = threading.Thread(target=train, args=(gan, IMAGES, Budget(steps=2)))
    thread.start()
    thread.join()
    assert int(gan.step.numpy()) == 2


@pytest.mark.slow
def test_what_a_training_made_is_let_go_with_its_gan():
    def graphs():
        gc.collect()
        return sum(isinstance(held, tf.Graph) for held in gc.get_objects())

    images = ImageSet.from_array(np.zeros((40, 32, 32, 1), np.uint8))
    gan = compiled()
    before = graphs()
    train(gan, images, Budget(steps=2))
    kept = [weakref.ref(gan), weakref.ref(images)]
    assert graphs() > before
    del gan, images
    assert graphs() <= before
    assert [ref() for ref in kept] == [None, None]
