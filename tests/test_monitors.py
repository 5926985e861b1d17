"""What the monitors call a failure, while it happens, and what the loop does about it."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from zoo_generators.dcgan.model import DCGAN
from zoo_generators.wgan_gp.model import WGANGP

from zoo.data import ImageSet
from zoo.errors import Diverged, UsageError, ZooError
from zoo.gan import GAN
from zoo.gan.journal import Journal
from zoo.gan.loop import Budget, train
from zoo.gan.monitors import verdicts
from zoo.gan.probe import Probe
from zoo.metrics.ssim import ms_ssim, ms_ssim_setting
from zoo.runs import Run

SIDE = 16


def spots(n=96, side=SIDE, seed=0):
    """Two bright spots of random place, size and brightness on black."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    images = np.zeros((n, side, side))
    for image in images:
        for _ in range(2):
            centre, width = rng.uniform(0.2 * side, 0.8 * side, 2), rng.uniform(0.08, 0.16) * side
            distance = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
            image += rng.uniform(80, 240) * np.exp(-distance / (2 * width**2))
    return np.clip(images + rng.normal(0, 4, images.shape), 0, 255)[..., None].astype(np.uint8)


PIXELS = spots()
IMAGES, HELD_OUT = ImageSet.from_array(PIXELS), ImageSet.from_array(spots(48, seed=1))


class Dense(GAN):
    """Dense networks, which vary as they are drawn."""

    def build_generator(self):
        z = keras.Input((self.latent_dim,), name="latents")
        return keras.Model(z, layers.Reshape(self.image_shape)(self.paint(z)))

    def build_discriminator(self):
        x = keras.Input(self.image_shape, name="images")
        return keras.Model(x, layers.Dense(1)(layers.Flatten()(x)))

    def paint(self, z, **options):
        options = {"kernel_initializer": keras.initializers.RandomNormal(stddev=1.0), **options}
        return layers.Dense(int(np.prod(self.image_shape)), activation="tanh", **options)(z)


class Constant(Dense):
    def paint(self, z):
        return super().paint(layers.Rescaling(0.0)(z))


class OneTrainingImage(Dense):
    def paint(self, z):
        image = np.arctanh(np.clip(PIXELS[7].ravel() / 127.5 - 1, -0.999, 0.999))

        def bias(shape, dtype=None):
            return tf.cast(image, dtype)

        return super().paint(layers.Rescaling(0.0)(z), bias_initializer=bias)


class TwoModes(Dense):
    def paint(self, z):
        side = layers.Activation("tanh")(layers.Rescaling(1e4)(z))
        return super().paint(side, kernel_initializer="random_normal")


class Breaks(Dense):
    """Sound until a step at which `broken` becomes every weight of its generator."""

    at, broken = 25, 0.0

    def train_step(self, batch):
        logs = super().train_step(batch)
        for network in (self.generator, self.ema_generator):
            for v in network.weights:
                v.assign(tf.where(self.step < self.at, v.value, tf.fill(v.shape, self.broken)))
        return logs


class TurnsNaN(Breaks):
    at, broken = 28, np.nan


class NaNLoss(Dense):
    def train_step(self, batch):
        logs = super().train_step(batch)
        return {**logs, "g_loss": tf.where(self.step < 5, logs["g_loss"], np.nan)}


def compiled(kind, *, latent_dim=4, **options):
    gan = kind((SIDE, SIDE, 1), latent_dim=latent_dim)
    gan.compile(**{"batch_size": 8, "augment": "none", **options})
    return gan


def titles(run):
    return [finding["title"] for finding in run.manifest.get("findings", [])]


@pytest.mark.parametrize(
    ("kind", "latent_dim", "expected"),
    [
        (Constant, 4, ["Constant output"]),
        (OneTrainingImage, 4, ["One-mode output", "Copies of training images"]),
        (TwoModes, 1, ["Mode collapse"]),
    ],
)
def test_a_collapse_is_named_while_it_happens(
    tmp_path, capsys, monkeypatch, kind, latent_dim, expected
):
    monkeypatch.setattr("zoo.gan.journal.UNTRAINED", 5)
    run = Run.create(tmp_path, "dense", "spots")
    gan = compiled(kind, latent_dim=latent_dim, ema_kimg=0)
    train(gan, IMAGES, Budget(steps=10), run=run)
    said = capsys.readouterr().err
    for title in expected:
        assert said.count(f"{title}: ") == 1
        assert title in titles(run)
    steps = {finding["title"]: finding["step"] for finding in run.manifest["findings"]}
    assert steps[expected[0]] == 5


def test_a_network_that_may_be_untrained_is_called_so_when_its_training_is_over(tmp_path, capsys):
    run = Run.create(tmp_path, "dense", "spots")
    train(compiled(Constant), IMAGES, Budget(steps=10), run=run, on_collapse="stop")
    (finding,) = [f for f in run.manifest["findings"] if f["title"] == "Constant output"]
    assert finding["step"] == 10
    assert "After 10 steps it may only be untrained." in finding["text"]
    assert capsys.readouterr().err.count("Constant output: ") == 1


def test_what_varies_is_not_called_collapsed(tmp_path):
    run = Run.create(tmp_path, "dense", "spots")
    train(compiled(Dense), IMAGES, Budget(steps=10), run=run)
    assert not {"Constant output", "One-mode output", "Mode collapse"} & set(titles(run))


def test_a_collapse_ends_the_training_where_that_is_asked_for(tmp_path):
    run = Run.create(tmp_path, "dense", "spots")
    gan = compiled(Breaks)
    with pytest.raises(Diverged, match=r"constant output: .*; the checkpoint of step 20 is kept"):
        train(gan, IMAGES, Budget(steps=40), run=run, on_collapse="stop")
    assert int(gan.step.numpy()) == 20


def test_a_rollback_goes_behind_the_first_sign_of_a_collapse(tmp_path, capsys):
    run = Run.create(tmp_path, "dense", "spots")
    gan = compiled(Breaks)
    train(gan, IMAGES, Budget(steps=40), run=run, on_collapse="rollback")
    # Step 28 shows it, the checkpoint of step 30 holds it, step 32 confirms it.
    expected = compiled(Dense)
    train(expected, IMAGES, Budget(steps=20))
    pairs = zip(expected.state, gan.state, strict=True)
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)
    assert max(path.stem for path in run.checkpoints.iterdir()) == "00000020"
    assert run.snapshot_steps()[-1] == 20
    assert run.metrics()[-1]["step"] == 20
    assert run.manifest["rolled_back"]["to"] == 20
    assert "constant output" in run.manifest["rolled_back"]["because"]
    assert "Constant output" in titles(run)
    assert "back to step 20" in capsys.readouterr().err


def test_a_resumed_training_remembers_that_it_was_failing(tmp_path):
    run = Run.create(tmp_path, "dense", "spots")
    train(compiled(Constant), IMAGES, Budget(steps=4), run=run)
    gan = compiled(Constant)
    train(gan, IMAGES, Budget(steps=5), run=run)
    facts = [json.loads(np.load(path)["facts"].tobytes()) for path in run.checkpoints.glob("*.npz")]
    assert {fact["collapsed"] for fact in facts} == {True}


def test_a_training_killed_after_its_last_checkpoint_still_says_what_was_wrong(
    tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    def kill(journal):
        raise Killed

    run = Run.create(tmp_path, "dense", "spots")
    with monkeypatch.context() as context:
        context.setattr("zoo.gan.journal.Journal.conclude", kill)
        with pytest.raises(Killed):
            train(compiled(Constant), IMAGES, Budget(steps=10), run=run)
    assert titles(run) == []
    train(compiled(Constant), IMAGES, Budget(steps=10), run=run)
    assert "Constant output" in titles(run)


@pytest.mark.parametrize(
    "monitors", [7, {"sound": 1, "seen": {"a": "b"}}, {"sound": 1, "bad": [{"code": "run"}]}]
)
def test_what_no_monitor_can_have_seen_is_refused(monitors):
    journal = Journal(compiled(Constant), IMAGES, None)
    with pytest.raises(ZooError, match="the checkpoint holds what no run writes"):
        journal.resume({"collapsed": False, "monitors": monitors})


def test_a_generator_that_gives_no_numbers_is_a_divergence(tmp_path):
    run = Run.create(tmp_path, "dense", "spots")
    gan = compiled(TurnsNaN)
    with pytest.raises(Diverged, match=r"output is not finite.*checkpoint of step 20 is kept"):
        train(gan, IMAGES, Budget(steps=40), run=run)
    assert int(gan.step.numpy()) == 20


def test_a_loss_that_is_not_finite_is_never_written(tmp_path):
    run = Run.create(tmp_path, "dense", "spots")
    with pytest.raises(Diverged, match="g_loss not finite at step 5"):
        train(compiled(NaNLoss), IMAGES, Budget(steps=8), run=run)
    assert "NaN" not in run.metrics_path.read_text()
    assert run.metrics()[-1]["step"] == 4


@pytest.mark.parametrize(
    "loss",
    [
        "bce",
        pytest.param("least-squares", marks=pytest.mark.slow),
        pytest.param("hinge", marks=pytest.mark.slow),
        "wasserstein",
    ],
)
def test_an_absurd_learning_rate_is_named_a_divergence(tmp_path, loss):
    kind = WGANGP if loss == "wasserstein" else DCGAN
    gan = kind((32, 32, 1), width=4, latent_dim=8)
    critic = {"n_critic": 2} if kind is WGANGP else {}
    gan.compile(loss=loss, batch_size=8, learning_rate=10.0, **critic)
    run = Run.create(tmp_path, "dcgan", "spots")
    with pytest.raises(Diverged, match=r"training diverged: .*try a smaller -o learning_rate"):
        train(gan, ImageSet.from_array(spots(32, 32)), Budget(steps=60), run=run)


def test_a_discriminator_that_knows_its_training_images_by_heart_is_named():
    gan = compiled(Dense)
    known = {image.tobytes(): 3.0 for image in PIXELS}
    known |= {image.tobytes(): -2.0 for image in HELD_OUT[:]}
    gan.score = lambda images, labels=None: np.array([known.get(i.tobytes(), -3.0) for i in images])
    values, _ = Probe(gan, IMAGES, HELD_OUT)()
    assert values["overfit"] == pytest.approx(5 / 6)
    found = verdicts([{"step": 1, "d_loss": 1.0, **values}], gan.equilibrium)
    assert "Discriminator over-fit" in [verdict.title for verdict in found]


def test_a_discriminator_that_treats_held_out_images_alike_is_not_over_fitted():
    gan = compiled(Dense)
    values, _ = Probe(gan, IMAGES, HELD_OUT)()
    assert abs(values["overfit"]) < 0.5


def test_real_images_are_neither_alike_nor_repeated():
    gan = compiled(Dense)
    gan.sample = lambda n, **options: HELD_OUT[:]
    values, fakes = Probe(gan, IMAGES)()
    rgb = np.repeat(fakes, 3, axis=-1)
    found = verdicts([{"step": 1, **values}], {}, fakes=rgb, reals=np.repeat(PIXELS, 3, axis=-1))
    assert [verdict.level for verdict in found] == ["note"]
    assert values["coverage"] > 0.3
    assert values["copies"] == 0


@pytest.mark.parametrize(
    ("side", "setting"), [(161, (5, 11)), (160, (4, 7)), (64, (4, 7)), (28, (3, 7)), (7, (1, 7))]
)
def test_ms_ssim_has_as_many_scales_as_fit(side, setting):
    assert ms_ssim_setting(side) == setting


def test_ms_ssim_of_an_image_with_itself_is_1():
    assert ms_ssim(PIXELS[:4], PIXELS[:4]) == pytest.approx(1.0)
    assert (ms_ssim(PIXELS[:4], PIXELS[4:8]) < 0.9).all()
    with pytest.raises(UsageError, match="at least 7 px"):
        ms_ssim_setting(6)


@pytest.mark.slow
def test_a_sound_training_is_called_sound(tmp_path):
    run = Run.create(tmp_path, "dcgan", "spots")
    gan = DCGAN((32, 32, 1), width=16, latent_dim=32)
    gan.compile(batch_size=32)
    images, unseen = (ImageSet.from_array(spots(n, 32, n)) for n in (1000, 200))
    train(gan, images, Budget(steps=400), run=run, held_out=unseen)
    assert titles(run) == []
