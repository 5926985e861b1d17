"""Checks of a generator's record and of its networks, before any training."""

from typing import Any

import keras
import numpy as np

from zoo.errors import UsageError, ZooError
from zoo.gan import GAN
from zoo.gan.checkpoint import load_snapshot, save_generator, save_snapshot
from zoo.gan.inputs import LABELS, draw, feed, random_shapes
from zoo.settings import SETTINGS
from zoo.signatures import NOT_OPTIONS, convert_options, undeclared_options
from zoo.signatures import options as stated_options
from zoo.testing.case import CLASSES, Case, keywords, pixels, scatter
from zoo.testing.suite import Skipped

FAR = 20.0  # beyond what any first image is, and below grey levels
TRIES = 16
NEEDED = {"__init__": ("seed", "classes"), "compile": ("batch_size", "augment", "jit_compile")}


def check_record(case: Case) -> None:
    """What is read without importing the generator is what it takes."""
    for method, needed in NEEDED.items():
        missing = [name for name in needed if name not in keywords(case.kind, method)]
        assert not missing, (
            f"{case.name}.{method} takes no {', '.join(missing)}: end its signature with "
            f"**options and pass them to super().{method}"
        )
    if not case.importable:
        raise Skipped("its source cannot be read")
    stated = set(stated_options(case.record))
    if strange := (set(case.network) | set(case.training)) - stated - {"classes", "jit_compile"}:
        raise AssertionError(
            f"{case.name}: -o cannot set {', '.join(strange)}, for it is no keyword in its source"
        )
    for preset, given in case.record.presets.items():
        try:
            convert_options(case.record, {k: v for k, v in given.items() if k not in SETTINGS})
        except ZooError as error:
            raise AssertionError(f"{case.record.name}, preset {preset}: {error}") from None


def check_options(case: Case) -> None:
    """What `-o` sets is a named keyword with a type, a default and a description."""
    if not case.importable:
        raise Skipped("its source cannot be read")
    try:
        stated = stated_options(case.record)
    except ZooError as error:
        raise AssertionError(f"{error}; write the class in the module that target names") from error
    for name, option in stated.items():
        for what, value in (("type", option.annotation), ("default", option.default_text)):
            assert value, (
                f"{case.name}: option {name} has no {what}; write {name}: int = 32 or such"
            )
        assert option.description, (
            f"{case.name}: option {name} has no description; add it to Args: in the docstring"
        )
    for name in undeclared_options(case.record.target):
        assert name in stated or name in NOT_OPTIONS, (
            f"{case.name} takes {name!r} out of **options, where -o and `zoo info` do not see it; "
            f"make {name} a keyword with a type and a default"
        )


def check_range(case: Case) -> None:
    """Generated images use both signs, and start about where real ones are."""
    gan = case.build()
    images = np.asarray(gan.generator(feed(gan.generator, inputs_of(gan, 16))), np.float32)
    most = float(np.abs(images).max())
    assert most <= FAR, (
        f"{case.name}: the generator's first images reach {most:.3g}, and real ones are from −1 to "
        "1; end the network in tanh, without scaling to grey levels"
    )
    low = high = float(images.flat[0])
    for seed in range(TRIES):  # what weights can make, and these may happen to make one sign only
        scatter(gan.generator, seed=seed)
        images = np.asarray(gan.generator(feed(gan.generator, inputs_of(gan, 4))), np.float32)
        low, high = min(low, float(images.min())), max(high, float(images.max()))
        if low < 0 < high:
            return
    raise AssertionError(
        f"{case.name}: the generator's images go from {low:.3g} to {high:.3g}, and real ones from "
        "−1 to 1; end the network in tanh, not in sigmoid or relu"
    )


def check_networks(case: Case) -> None:
    """Both networks have the right shapes at each size, and samples are what `sample` says."""
    for shape in case.shapes:
        gan = case.build(shape)
        where = f"{case.name} at {shape}"
        named = inputs_of(gan, 2)
        images = np.asarray(gan.generator(feed(gan.generator, named)))
        assert images.shape == (2, *shape), (
            f"{where}: build_generator's network makes images of {images.shape[1:]}"
        )
        assert np.isfinite(images).all(), f"{where}: generated images are not finite"
        logits = np.asarray(gan.discriminator(feed(gan.discriminator, {"images": images, **named})))
        assert logits.shape == (2, 1), (
            f"{where}: build_discriminator's network gives {logits.shape} for 2 images, not one "
            "logit for each, (2, 1)"
        )
        assert np.isfinite(logits).all(), f"{where}: the discriminator's answers are not finite"
    gan = case.build()
    _check_types(case, gan)
    _check_numbers(case, gan)


def inputs_of(gan: GAN, n: int) -> dict[str, Any]:
    """What the generator's network takes, by name, drawn from a fixed seed."""
    named: dict[str, Any] = draw(random_shapes(gan.generator, gan.latent_dim), n, 0)
    if gan.classes:
        named[LABELS] = np.arange(n, dtype=np.int32) % gan.classes
    return named


def _check_types(case: Case, gan: GAN) -> None:
    dtypes: tuple[Any, ...] = ("uint8", "uint16")
    for dtype in dtypes:
        images = gan.sample(2, dtype=dtype)
        assert (images.shape, images.dtype.name) == ((2, *gan.image_shape), dtype), (
            f"{case.name}.sample(2, dtype={dtype!r}) gives {images.dtype} {images.shape}"
        )


def _check_numbers(case: Case, gan: GAN) -> None:
    scatter(gan.generator, gan.ema_generator)
    many = gan.sample(66, seed=1, dtype="uint16")
    assert np.array_equal(gan.sample(2, seed=1, dtype="uint16"), many[:2]), (
        f"{case.name}.sample: image i of a seed depends on how many are asked for. In inference "
        "no layer may look at the batch or draw numbers; further inputs are for that"
    )
    assert not np.array_equal(gan.sample(66, seed=2, dtype="uint16"), many), (
        f"{case.name}.sample(seed=2) gives the images of seed 1: the latents change nothing"
    )


def check_labels(case: Case) -> None:
    """A conditional generator is refused images without labels, and makes what labels ask for."""
    classes = case.network.get("classes", CLASSES)
    if case.record.conditional == "no" and "classes" not in case.network:
        raise Skipped("it takes no labels")
    if case.record.conditional == "required":
        _check_refusal(case)
    gan = case.build(classes=classes)
    assert gan.classes == classes, (
        f"{case.name}(classes={classes}) has {gan.classes} classes: pass them to super().__init__"
    )
    scatter(gan.generator, gan.ema_generator)
    first, second = (gan.sample(8, labels=np.full(8, label), seed=1) for label in (0, 1))
    assert not np.array_equal(first, second), (
        f"{case.name}: classes 0 and 1 look the same; build the generator on the mapping "
        '{"latents": …, "labels": …} and use the labels'
    )
    if type(gan).train_step is not GAN.train_step:
        return
    scatter(gan.discriminator)
    images, _ = pixels(gan, 8, 0)
    logits, others = (gan.score(images, np.full(8, label)) for label in (0, 1))
    assert not np.array_equal(logits, others), (
        f"{case.name}: the discriminator does not look at the labels; build it on the mapping "
        '{"images": …, "labels": …}'
    )


def _check_refusal(case: Case) -> None:
    options = {k: v for k, v in case.network.items() if k != "classes"}
    try:
        case.kind(case.shape, **options)
    except UsageError:
        return
    raise AssertionError(
        f'{case.name} states conditional="required" and is built without classes; raise '
        'zoo.errors.UsageError in __init__, or state "optional"'
    )


def check_save(case: Case) -> None:
    """A snapshot and a `.keras` file give the same images again."""
    gan, other = case.build(), case.build(seed=1)
    scatter(gan.generator, gan.ema_generator)
    path = case.folder / "snapshot.weights.npz"
    save_snapshot(gan, path)
    load_snapshot(other, path)
    assert np.array_equal(gan.sample(4), other.sample(4)), (
        f"{case.name}: a snapshot loaded into a new GAN gives other images; keep what makes an "
        "image in the generator's variables"
    )
    named = draw(gan.random_shapes, 4, 0)
    if (labels := gan.sampled_labels(4, 0)) is not None:
        named[LABELS] = labels
    loaded = _loaded(case, gan.exported())
    images, again = np.asarray(gan.render(named)), np.asarray(loaded(feed(loaded, named)))
    assert np.allclose(images, again, atol=1e-4), (
        f"{case.name}: generator.keras gives images that differ from those of the GAN by up to "
        f"{np.abs(images - again).max():.2g}; check get_config of its layers, and exported()"
    )


def _loaded(case: Case, network: Any) -> Any:
    path = case.folder / "generator.keras"
    save_generator(network, path)
    try:
        return keras.models.load_model(path)
    except Exception as error:
        raise AssertionError(
            f"{case.name}: generator.keras does not load; give own layers get_config and register "
            f"them with keras.saving.register_keras_serializable: {error}"
        ) from error
