"""Training on two devices, which `test_engine.py` runs in a process of its own."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from zoo.data import ImageSet
from zoo.errors import Interrupted, UsageError
from zoo.gan import GAN
from zoo.gan.loop import Budget, train
from zoo.runs import Run

SHAPE = (16, 16, 1)
IMAGES = ImageSet.from_array(
    np.random.default_rng(0).integers(0, 255, (40, *SHAPE), dtype=np.uint8)
)


class Dense(GAN):
    """With batch normalisation in both networks."""

    def build_generator(self):
        z = keras.Input((self.latent_dim,), name="latents")
        x = layers.BatchNormalization()(layers.Dense(16, use_bias=False)(z))
        x = layers.Dense(256, activation="tanh")(layers.ReLU()(x))
        return keras.Model(z, layers.Reshape(SHAPE)(x))

    def build_discriminator(self):
        x = keras.Input(SHAPE, name="images")
        hidden = layers.BatchNormalization()(layers.Dense(16, use_bias=False)(layers.Flatten()(x)))
        return keras.Model(x, layers.Dense(1)(layers.LeakyReLU()(hidden)))


def built(kind, strategy, **options):
    with strategy.scope():
        gan = kind(SHAPE, latent_dim=4, precision="float64")
        gan.compile(**{"batch_size": 8, **options})
    return gan


def copies(strategy, gan):
    """Each variable's value on each device."""
    local = [strategy.experimental_local_results(v.value) for v in gan.state]
    return [[np.asarray(value) for value in values] for values in local]


def check_noise_differs(strategy):
    gan = built(Dense, strategy)
    drawn = strategy.run(lambda: gan.training_inputs(4)["latents"])
    first, second = (np.asarray(z) for z in strategy.experimental_local_results(drawn))
    assert not np.array_equal(first, second)


def check_copies_agree(strategy):
    for options in ({}, {"augment": "ada", "r1_gamma": 1.0, "n_critic": 2, "micro_batch": 2}):
        gan = built(Dense, strategy, **options)
        rows = train(gan, IMAGES, Budget(steps=3))
        assert all(np.isfinite(list(row.values())).all() for _, row in rows)
        values = copies(strategy, gan)
        assert {len(value) for value in values} == {2}
        assert all(np.array_equal(*value) for value in values)
        assert gan.sample(3).shape == (3, *SHAPE)


def check_one_device_is_matched(strategy):
    one, two = (
        built(Dense, where, r1_gamma=1.0, flips="dihedral", n_critic=2)
        for where in (tf.distribute.get_strategy(), strategy)
    )
    logged = [train(gan, IMAGES, Budget(steps=3))[-1][1] for gan in (one, two)]
    pairs = zip(one.state, two.state, strict=True)
    gaps = [np.abs(np.asarray(a.value) - copy) for a, b in pairs for copy in [b.numpy()]]
    assert max(gap.max() for gap in gaps) < 1e-9
    for name in ("d_loss", "g_loss", "d_penalty"):
        assert np.isclose(logged[0][name], logged[1][name], rtol=1e-9)


def check_resume(strategy):
    whole = built(Dense, strategy)
    train(whole, IMAGES, Budget(steps=6))

    def stop(step, values):
        if step == 4:
            raise Interrupted("killed")

    run = Run.create(Path(tempfile.mkdtemp()), "dense", "made")
    with pytest.raises(Interrupted):
        train(built(Dense, strategy), IMAGES, Budget(steps=6), run=run, loggers=[stop])
    resumed = built(Dense, strategy)
    train(resumed, IMAGES, Budget(steps=6), run=run)
    for expected, found in zip(copies(strategy, whole), copies(strategy, resumed), strict=True):
        assert all(np.array_equal(expected[0], value) for value in (*expected, *found))


def check_refusals(strategy):
    for options in ({"batch_size": 9}, {"batch_size": 12, "micro_batch": 4}):
        with pytest.raises(UsageError, match="2 devices"):
            built(Dense, strategy, **options)


if __name__ == "__main__":
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    devices = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    check_noise_differs(devices)
    check_copies_agree(devices)
    check_one_device_is_matched(devices)
    check_resume(devices)
    check_refusals(devices)
