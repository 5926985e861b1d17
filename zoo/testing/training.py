"""Checks of a generator's training: what one step does, and what several give."""

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.errors import UsageError
from zoo.gan import GAN, Budget, train
from zoo.gan.checkpoint import restore_checkpoint, save_checkpoint
from zoo.gan.pipeline import compiled_step
from zoo.testing.case import Arrays, Case, assign, differing, scatter, values
from zoo.testing.suite import Skipped

STEPS = 6
DRAW = "draw random numbers with self.training_inputs, self.uniform or self.noise_seed"
KEEP = "keep what changes in Keras variables of the GAN or of its optimizers"


def check_step(case: Case) -> None:
    """One step counts itself, logs finite losses, and changes both networks and the average."""
    gan = case.compiled()
    networks = {
        "the generator": gan.generator,
        "the discriminator": gan.discriminator,
        "the averaged generator; call self.update_average()": gan.ema_generator,
    }
    before = {name: values(network.weights) for name, network in networks.items()}
    batches = tf.nest.map_structure(lambda part: part[None], case.batch(gan))
    check_logs(case, compiled_step(gan, 1)(batches, 1))
    assert int(gan.step.numpy()) == 1, (
        f"{case.name}.train_step takes self.step from 0 to {int(gan.step.numpy())}; end it with "
        "self.step.assign_add(1)"
    )
    for name, network in networks.items():
        assert differing(before[name], values(network.weights)), (
            f"{case.name}.train_step does not change {name}"
        )


def check_logs(case: Case, logs: Mapping[str, Any]) -> None:
    """What a step returns can be logged."""
    for name in ("d_loss", "g_loss"):
        assert name in logs, f"{case.name}.train_step returns no {name}, which monitors read"
    for name, value in logs.items():
        assert np.size(value) == 1, f"{case.name}.train_step: {name} is no scalar"
        assert math.isfinite(float(value)), f"{case.name}.train_step: {name} is {float(value)}"


def check_seed(case: Case) -> None:
    """Equal seeds give equal weights, before and after a step, and other seeds others."""
    gan, again = case.compiled(), case.compiled()
    start = values(gan.state)
    _check_initial_weights(case, start, again)
    trained = _after_step(case, gan, start)
    changed = differing(trained, _after_step(case, again, start))
    assert not changed, f"{case.name}: equal seeds train to other {listed(changed)}; {DRAW}"
    moved = _weights(gan, trained)
    assert differing(moved, _weights(gan, _after_step(case, gan, start, step=1))), (
        f"{case.name}: steps 0 and 1 draw the same random numbers; {DRAW}"
    )
    again.seed = 1  # without building and tracing a third one, unless it may have been too late
    if not differing(moved, _weights(gan, _after_step(case, again, start))):
        other = case.compiled(seed=1)
        assert differing(moved, _weights(gan, _after_step(case, other, start))), (
            f"{case.name}: from equal weights, seeds 0 and 1 train alike; {DRAW}"
        )


def _check_initial_weights(case: Case, start: Arrays, again: GAN) -> None:
    changed = differing(start, values(again.state))
    assert not changed, (
        f"{case.name}: equal seeds build other {listed(changed)}; leave initialisers without a "
        "seed, which `random` then gives them"
    )
    other = case.build(seed=1)
    for name in ("generator", "discriminator"):
        one, two = (values(getattr(gan, name).weights) for gan in (again, other))
        assert differing(one, two), (
            f"{case.name}: seeds 0 and 1 build the same {name}; pass seed to super().__init__, and "
            "leave initialisers without a seed"
        )


def _after_step(case: Case, gan: GAN, start: Arrays, *, step: int = 0) -> Arrays:
    assign(gan.state, start)
    gan.step.assign(step)
    gan.train_step(case.batch(gan))
    return values(gan.state)


def _weights(gan: GAN, state: Arrays) -> Arrays:
    """Of the state, the networks' weights alone: the step always differs."""
    networks = {id(v) for v in (*gan.generator.weights, *gan.discriminator.weights)}
    pairs = zip(gan.state, state.items(), strict=True)
    return {name: value for variable, (name, value) in pairs if id(variable) in networks}


def check_resume(case: Case) -> None:
    """An interrupted training that goes on from its checkpoint gives the weights of a whole one."""
    augment = "diffaugment" if case.kind.augmentable else "none"
    whole, half, resumed = (case.compiled(augment=augment) for _ in range(3))
    images = case.image_set(whole)
    folder = case.folder / "checkpoints"
    folder.mkdir(exist_ok=True)
    # Its progress, and what monitors think of a few steps, is of no interest here.
    with contextlib.redirect_stderr(io.StringIO()):
        train(whole, images, Budget(steps=STEPS))
        train(half, images, Budget(steps=STEPS // 2))
        save_checkpoint(half, folder, elapsed=0.0)
        restore_checkpoint(resumed, folder)
        train(resumed, images, Budget(steps=STEPS))
    changed = differing(values(whole.state), values(resumed.state))
    assert not changed, (
        f"{case.name}: {STEPS} steps, and {STEPS // 2} resumed for {STEPS // 2} more, give other "
        f"{listed(changed)}; {DRAW}, and {KEEP}"
    )


def check_xla(case: Case) -> None:
    """A step that XLA compiles has the losses of the graph."""
    losses = {}
    for jit in (False, True):
        gan = case.compiled(jit_compile=jit)
        logs = gan.train_step(case.batch(gan))
        losses[jit] = {name: float(logs[name]) for name in ("d_loss", "g_loss")}
    for name, value in losses[False].items():
        assert math.isclose(value, losses[True][name], rel_tol=1e-3, abs_tol=1e-5), (
            f"{case.name}: {name} is {value:g}, and {losses[True][name]:g} under XLA, which draws "
            "other random numbers; draw them outside of the networks and the losses"
        )


def check_augment(case: Case) -> None:
    """All that the discriminator sees passes `augment`, or the GAN says that it does not."""
    if not case.kind.augmentable:
        _check_refusal(case)
        return
    gan = case.compiled(augment="diffaugment")
    check_logs(case, gan.train_step(case.batch(gan)))
    gan = case.compiled()
    gan.augment = lambda images, draws: 0.0 * images  # type: ignore[method-assign]
    start = values(gan.state)
    first = float(gan.train_step(case.batch(gan))["d_loss"])
    assign(gan.state, start)
    scatter(gan.generator)
    second = float(gan.train_step(case.batch(gan, seed=1))["d_loss"])
    assert math.isclose(first, second, rel_tol=1e-5, abs_tol=1e-6), (
        f"{case.name}: with every image blanked by self.augment, d_loss still follows the images; "
        "pass real and generated ones through self.augment, or set augmentable = False"
    )


def _check_refusal(case: Case) -> None:
    case.build().compile()
    try:
        case.compiled(augment="diffaugment")
    except UsageError:
        return
    raise AssertionError(
        f"{case.name} states augmentable = False and takes augment=diffaugment; pass augment to "
        "super().compile"
    )


def check_mask(case: Case) -> None:
    """A mask can be one more channel."""
    depths = [c for c in case.record.channels if c < 4 and c + 1 in case.record.channels]
    if not depths:
        raise Skipped(f"it makes {' or '.join(map(str, case.record.channels))} channels only")
    gan = case.build((*case.shape[:2], depths[0] + 1))
    gan.masked = True
    gan.compile(**case.settings(augment="diffaugment" if gan.augmentable else "none"))
    check_logs(case, gan.train_step(case.batch(gan)))
    assert gan.sample(2).shape == (2, *gan.image_shape)


def listed(paths: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"{', '.join(paths[:3])}{more}"
