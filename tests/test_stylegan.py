"""StyleGAN: styles, noise, mixing, truncation, penalties and the step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from zoo_generators.stylegan_lite.convolutions import ModulatedConv2D
from zoo_generators.stylegan_lite.layers import BatchDeviation, Doubled, UnitLength, stage_grids
from zoo_generators.stylegan_lite.model import StyleGANLite
from zoo_generators.stylegan_lite.styles import path_penalty

from zoo.errors import UsageError
from zoo.gan.inputs import draw


def tiny(shape=(32, 32, 1), width=4, seed=0, **options):
    sizes = {"latent_dim": 8, "style_dim": 8, "mapping_layers": 2}
    return StyleGANLite(shape, width=width, seed=seed, **sizes, **options)


def batch(n=4, shape=(32, 32, 1), seed=0):
    return np.random.default_rng(seed).integers(0, 120, (n, *shape), dtype=np.uint8)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


@pytest.fixture(scope="module")
def untrained():
    return tiny(width=8)


@pytest.fixture(scope="module")
def compiled():
    gan = tiny()
    gan.compile(batch_size=4, augment="none", lazy_every=1)
    return gan


@pytest.mark.parametrize(
    ("shape", "smallest"),
    [((32, 48, 1), (4, 6)), ((40, 32, 3), (5, 4)), ((56, 72, 4), (7, 9))],
)
def test_it_makes_and_judges_images_of_a_rectangle(shape, smallest):
    gan = tiny(shape)
    assert gan.grids[-1] == smallest
    assert gan.generator.output_shape == (None, *shape)
    assert gan.style_layers == 2 * len(gan.grids)
    assert gan.sample(2).shape == (2, *shape)
    for n in (1, 3):
        assert gan.discriminator(normal(n, *shape)).shape == (n, 1)


def test_synthesis_starts_from_a_grid_with_a_side_of_4_to_7():
    assert stage_grids((64, 96))[-1] == (4, 6)
    assert stage_grids((72, 104)) == [(72, 104), (36, 52), (18, 26), (9, 13), (5, 7)]
    sides = range(32, 257, 8)
    assert {min(stage_grids((a, b))[-1]) for a in sides for b in sides} <= {4, 5, 6, 7}


def test_a_demodulated_convolution_keeps_unit_variance_for_any_style():
    layer = ModulatedConv2D(32, bias=None)
    layer.build([(None, 32, 32, 64), (None, 1, 8)])
    styles = np.exp(2 * normal(16, 64, seed=1))
    inner = np.asarray(layer.modulate(normal(16, 32, 32, 64), styles))[:, 1:-1, 1:-1]
    # 28,800 values an image, neighbours correlated: a few per cent of scatter.
    assert inner.var(axis=(1, 2, 3)) == pytest.approx(1.0, rel=0.1)
    assert inner.var() == pytest.approx(1.0, rel=0.03)


def test_a_modulated_convolution_is_the_papers_convolution_with_a_kernel_for_each_image():
    layer = ModulatedConv2D(5, bias=None)
    layer.build([(None, 6, 7, 3), (None, 1, 8)])
    images, styles = normal(4, 6, 7, 3), normal(4, 3, seed=1)
    kernels = styles[:, None, None, :, None] * np.asarray(layer.kernel)[None]
    kernels /= np.sqrt((kernels**2).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)
    expected = [
        tf.nn.conv2d(image[None], kernel, 1, "SAME")[0]
        for image, kernel in zip(images, kernels, strict=True)
    ]
    assert np.allclose(layer.modulate(images, styles), expected, atol=1e-5)


def test_upsampling_is_bilinear_and_can_be_cut():
    images = normal(2, 5, 4, 3)
    expected = tf.image.resize(images, (10, 8))
    assert np.allclose(Doubled((10, 8))(images), expected, atol=1e-6)
    assert np.allclose(Doubled((9, 7))(images), expected[:, :9, :7], atol=1e-6)


def test_the_deviation_is_that_of_the_whole_batch():
    x = normal(6, 4, 4, 3)
    y = np.asarray(BatchDeviation()(x))
    assert np.array_equal(y[..., :3], x)
    assert np.allclose(y[..., 3], x.std(axis=0).mean(), atol=1e-5)
    assert np.allclose(BatchDeviation()(x[:1])[..., 3], 0, atol=1e-3)


def test_only_the_direction_of_a_latent_counts():
    z = normal(3, 8)
    assert np.allclose(UnitLength()(z), UnitLength()(5 * z), atol=1e-6)
    assert np.square(UnitLength()(z)).mean(axis=1) == pytest.approx(1.0, rel=1e-5)


def test_fine_layers_change_the_coarse_image_less_than_coarse_layers_do(untrained):
    a, b = normal(32, 8, seed=1), normal(32, 8, seed=2)
    half = untrained.style_layers // 2

    def averages(coarse, fine):
        images = untrained.mix(coarse, fine, half).astype(float)
        return images.reshape(32, 4, 8, 4, 8).mean(axis=(2, 4))

    kept = averages(a, a)
    by_fine = np.abs(averages(a, b) - kept).mean()
    by_coarse = np.abs(averages(b, a) - kept).mean()
    assert 0 < 1.5 * by_fine < by_coarse


def test_mixing_at_either_end_is_one_of_the_two(untrained):
    a, b = normal(4, 8, seed=1), normal(4, 8, seed=2)
    noise = normal(4, *untrained.random_shapes["noise"])

    def mix(*arguments):
        return untrained.mix(*arguments, noise=noise)

    assert np.array_equal(mix(a, b, 0), mix(b, b, 3))
    assert np.array_equal(mix(a, b, untrained.style_layers), mix(a, a, 3))
    assert not np.array_equal(mix(a, b, 3), mix(a, a, 3))
    with pytest.raises(UsageError, match="from 0 to 8; got 9"):
        mix(a, b, 9)


def test_truncation_lowers_the_spread_and_1_changes_nothing(untrained):
    named = draw(untrained.random_shapes, 64, 0)
    named["noise"][:] = named["noise"][:1]
    full, half, none = (np.asarray(untrained.render(named, t)) for t in (1.0, 0.5, 0.0))
    rows = np.repeat(named["latents"][:, None], untrained.style_layers, axis=1)
    given = untrained.ema_generator({"latents": rows, "noise": named["noise"]}, training=False)
    nearly = np.asarray(untrained.render(named, 1 - 1e-7))
    assert np.allclose(full, given, atol=1e-5)
    assert np.allclose(full, nearly, atol=1e-4)
    assert none.std(axis=0).max() < 1e-5
    assert 0.2 < half.std(axis=0).mean() / full.std(axis=0).mean() < 0.8


def test_truncation_follows_the_weights_that_the_average_has_now(untrained):
    gan = tiny()
    named = draw(gan.random_shapes, 2, 0)
    gan.render(named, 0.5)
    gan.ema_generator.set_weights(tiny(seed=1).ema_generator.get_weights())
    assert np.allclose(gan.render(named, 0.5), tiny(seed=1).render(named, 0.5), atol=1e-5)


def test_training_mixes_two_latents_as_often_as_asked(compiled):
    compiled.mixing = 0.0
    rows = compiled.training_inputs(256)["latents"].numpy()
    assert np.array_equal(rows, np.repeat(rows[:, :1], compiled.style_layers, axis=1))
    compiled.mixing = 0.9
    rows = compiled.training_inputs(256)["latents"].numpy()
    changes = (rows[:, 1:] != rows[:, :-1]).any(axis=2)
    assert set(changes.sum(axis=1)) == {0, 1}
    assert changes.any(axis=1).mean() == pytest.approx(0.9, abs=0.08)
    assert changes.any(axis=0).all()
    with pytest.raises(UsageError, match="mixing must be at most 1"):
        compiled.compile(mixing=2)


def test_the_path_penalty_has_its_closed_form_on_a_linear_toy():
    styles, directions = normal(6, 2, 3), normal(6, 4, 5, 1, seed=1)
    matrix = normal(2, 3, 20, seed=2)

    def synthesise(w):
        return tf.reshape(tf.einsum("nld,ldp->np", w, matrix), (-1, 4, 5, 1))

    slopes = np.einsum("np,ldp->nld", directions.reshape(6, 20), matrix) / np.sqrt(20)
    lengths = np.sqrt(np.square(slopes).sum(axis=2).mean(axis=1))
    got = path_penalty(synthesise, tf.constant(styles), tf.constant(directions))
    assert float(got) == pytest.approx(lengths.var(), rel=1e-4)


def test_one_step_changes_every_weight_and_the_noise_is_off_before_it(compiled):
    networks = (compiled.generator, compiled.discriminator)
    weights = [v for network in networks for v in network.trainable_variables]
    before = [v.numpy().copy() for v in weights]
    strengths = [b for v, b in zip(weights, before, strict=True) if v.name == "strength"]
    assert strengths == [0.0] * (compiled.style_layers - 1)
    compiled.train_step(batch())
    same = [v.path for v, b in zip(weights, before, strict=True) if np.array_equal(v.numpy(), b)]
    assert same == []


def test_a_step_is_a_function_of_the_state(compiled):
    results = []
    state = [v.numpy().copy() for v in compiled.state]
    for _ in range(2):
        for variable, value in zip(compiled.state, state, strict=True):
            variable.assign(value)
        for i in range(2):
            compiled.train_step(batch(seed=i))
        results.append(compiled.sample(4))
    assert np.array_equal(*results)


def test_xla_and_graph_steps_agree_with_every_penalty():
    logs = {}
    for jit in (False, True):
        gan = tiny((8, 12, 1), precision="float64")
        gan.compile(batch_size=4, augment="none", path_weight=2.0, lazy_every=1, jit_compile=jit)
        step = gan.train_step(batch(shape=(8, 12, 1)))
        logs[jit] = {name: float(value) for name, value in step.items()}
    assert logs[True] == pytest.approx(logs[False], rel=1e-9)
    assert gan.r1_gamma == pytest.approx(2e-4 * 8 * 12 / 4)


def test_what_is_exported_loads_in_safe_mode_and_takes_one_latent_an_image(tmp_path, untrained):
    untrained.exported().save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras", safe_mode=True)
    named = draw(untrained.random_shapes, 2, 0)
    assert np.allclose(loaded(named), untrained.render(named), atol=1e-5)


def test_half_precision_keeps_its_weights_and_images_in_full():
    gan = tiny(precision="mixed_bfloat16")
    named = {"latents": normal(2, 8, 8), "noise": normal(2, *gan.random_shapes["noise"])}
    assert gan.generator(named).dtype == gan.discriminator(normal(2, 32, 32, 1)).dtype == "float32"
    full = tiny().generator(named)
    assert np.abs(gan.generator(named) - full).max() < 0.1 * np.abs(full).max()
