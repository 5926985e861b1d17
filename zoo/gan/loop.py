"""The training loop: the only one, for every generator."""

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import tensorflow as tf

from zoo.data import ImageSet
from zoo.errors import Diverged, Interrupted, UsageError, ZooError
from zoo.gan.checkpoint import restore_checkpoint, roll_back
from zoo.gan.journal import Journal, Logger, Values
from zoo.gan.model import GAN
from zoo.gan.pipeline import batches, compiled_step
from zoo.gan.replicas import among_workers, leads, take_state_of_first
from zoo.gan.schedule import NOTHING, Schedule
from zoo.runs import Run
from zoo.runs.signals import stop_requests
from zoo.settings import BUDGETS, one_budget

HINT = "; try a smaller -o learning_rate"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long to train: exactly one of these.

    Attributes:
        steps: Training steps.
        kimg: Thousands of real images shown to the discriminator.
        epochs: Passes through the training images.
        minutes: Wall time of training.
    """

    steps: int | None = None
    kimg: float | None = None
    epochs: float | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        given = one_budget(asdict(self), "training")
        if not given:
            raise UsageError(f"training: give one of {', '.join(BUDGETS)}")
        ((name, value),) = given.items()
        if not 0 < value < math.inf:
            raise UsageError(f"{name} must be above 0; got {value}")

    def total_steps(self, n: int, images_per_step: int) -> int | None:
        """Steps for `n` training images, or `None` when time decides."""
        if self.minutes is not None:
            return None
        if self.steps is not None:
            return self.steps
        shown = 1000 * self.kimg if self.kimg is not None else n * (self.epochs or 0)
        return max(1, math.ceil(shown / images_per_step))


def train(
    gan: GAN,
    images: ImageSet,
    budget: Budget,
    *,
    run: Run | None = None,
    held_out: ImageSet | None = None,
    loggers: Sequence[Logger] = (),
    keep: int = 2,
    on_collapse: Literal["warn", "stop", "rollback"] = "warn",
    steps_per_call: int = 1,
) -> list[tuple[int, Values]]:
    """Train a compiled GAN, continuing from the run's last checkpoint if there is one.

    Args:
        gan: The GAN; its weights, step and optimisers are changed.
        images: The training images; the caller has split them.
        budget: When to stop.
        run: Where samples, snapshots, checkpoints and metrics go; without one nothing is written.
        held_out: Images that are not trained on, by which over-fitting of the discriminator is
            recognised.
        loggers: Called with the step and the values logged at it.
        keep: How many checkpoints to keep.
        on_collapse: What to do when the monitors see a collapse: go on and say so, stop, or go
            back to the last good checkpoint and end the training there. A divergence always ends
            it.
        steps_per_call: Steps that run without returning to Python.

    Returns:
        (step, values) of each logged step of this call.

    Raises:
        zoo.errors.Interrupted: After a checkpoint, on Ctrl-C or SIGTERM; without one, when
            another of several workers is lost.
        zoo.errors.ZooError: If the memory does not suffice for a step.
        zoo.errors.Diverged: If a loss or a weight is not finite or far too large, or on a collapse
            with `stop`; the GAN is then as its last good checkpoint.
    """
    _check(gan, images, steps_per_call)
    if gan.classes and images.labels is not None:
        gan.class_shares = np.bincount(images.labels, minlength=gan.classes) / len(images)
    found = restore_checkpoint(gan, run.checkpoints) if run else None
    take_state_of_first(gan)
    if run:
        run.forget_after(int(gan.step.numpy()))
    journal = Journal(gan, images, held_out, run=run, loggers=loggers, keep=keep)
    if found:
        journal.resume(found)
    total = budget.total_steps(len(images), gan.images_per_step)
    seconds = None if budget.minutes is None else 60.0 * budget.minutes
    schedule = Schedule(gan, total, seconds, elapsed=found["elapsed"] if found else 0.0)
    if not found:
        journal.picture()
    step = compiled_step(gan, steps_per_call)

    try:
        with stop_requests() as stop, schedule.progress() as advance:
            for batch, steps in batches(gan, images, schedule.total, steps_per_call):
                if schedule.finished():
                    break
                values = step(batch, steps)
                due = schedule.advance(steps, stop.is_set())
                if not leads(gan):
                    due = NOTHING
                if due.log:
                    journal.log(values, schedule.images_per_second(), probe=due.snapshot)
                if due.snapshot:
                    journal.snapshot()
                stopping = stop.is_set()  # a stop that comes later waits for the next step
                if due.checkpoint or stopping:
                    journal.checkpoint(schedule.elapsed())
                if stopping:
                    raise Interrupted(f"interrupted at step {schedule.step}")
                if journal.collapse and on_collapse != "warn":
                    raise Diverged(journal.collapse)
                advance(schedule.unit_done())
        if leads(gan):
            journal.conclude()
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise _out_of_memory(gan, schedule.step) from error
    except tf.errors.OpError as error:
        if not among_workers(gan):
            raise
        raise Interrupted(f"another worker was lost at step {schedule.step}") from error
    except Diverged as error:
        _go_back(gan, run, error, collapse=journal.collapse, on_collapse=on_collapse)
    return journal.rows


def _out_of_memory(gan: GAN, step: int) -> ZooError:
    return ZooError(
        f"out of memory after step {step} with batch_size={gan.batch_size}: begin anew with a "
        "smaller -o batch_size, or with -o micro_batch=N or -o max_memory=GB, which compute a "
        "batch in pieces"
    )


def _go_back(
    gan: GAN, run: Run | None, error: Diverged, *, collapse: str, on_collapse: str
) -> None:
    """Load the last good checkpoint, and end the training with it or with the error."""
    good = roll_back(gan, run.checkpoints) if run else None
    if not good or good["collapsed"] or on_collapse != "rollback":
        kept = f"; the checkpoint of step {good['step']} is kept" if good else ""
        hint = "" if str(error) == collapse else HINT
        raise Diverged(f"{error}{kept}{hint}") from None
    assert run is not None
    run.forget_after(good["step"])
    run.update_manifest(rolled_back={"to": good["step"], "because": str(error)})
    print(f"warning: {error}; back to step {good['step']}, training ends", file=sys.stderr)


def _check(gan: GAN, images: ImageSet, steps_per_call: int) -> None:
    if not gan.compiled:
        raise UsageError("compile the GAN before training it: gan.compile()")
    if len(images) == 0:
        raise UsageError(f"{images.name} has no training images")
    if images.shape[1:] != gan.image_shape:
        raise UsageError(f"images are {images.shape[1:]}, the GAN was built for {gan.image_shape}")
    if gan.classes and images.labels is None:
        raise UsageError(f"{images.name} has no labels, and {type(gan).__name__} needs them")
    if steps_per_call < 1:
        raise UsageError(f"steps_per_call must be at least 1; got {steps_per_call}")
