"""The training loop: the only one, for every generator."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import tensorflow as tf

from zoo.data import ImageSet
from zoo.errors import Interrupted, UsageError, ZooError
from zoo.gan.checkpoint import restore_checkpoint, save_checkpoint, save_snapshot
from zoo.gan.model import GAN
from zoo.progress import progress
from zoo.runs import Run, write_bytes
from zoo.runs.pictures import grid_png
from zoo.runs.signals import stop_requests
from zoo.settings import BUDGETS, one_budget

SNAPSHOTS = 10
CHECKPOINTS = 4
CHECKPOINT_SECONDS = 600.0
LOGGED_ROWS = 200
GRID = 64

Values = dict[str, float]
Logger = Callable[[int, Values], None]


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

    def total_steps(self, n: int, batch_size: int) -> int | None:
        """Steps for `n` training images, or `None` when time decides."""
        if self.minutes is not None:
            return None
        if self.steps is not None:
            return self.steps
        shown = 1000 * self.kimg if self.kimg is not None else n * (self.epochs or 0)
        return max(1, math.ceil(shown / batch_size))


def train(
    gan: GAN,
    images: ImageSet,
    budget: Budget,
    *,
    run: Run | None = None,
    loggers: Sequence[Logger] = (),
    keep: int = 2,
) -> list[tuple[int, Values]]:
    """Train a compiled GAN, continuing from the run's last checkpoint if there is one.

    Args:
        gan: The GAN; its weights, step and optimisers are changed.
        images: The training images; the caller has split them.
        budget: When to stop.
        run: Where samples, snapshots, checkpoints and metrics go; without one nothing is written.
        loggers: Called with the step and the values logged at it.
        keep: How many checkpoints to keep.

    Returns:
        (step, values) of each logged step of this call.

    Raises:
        zoo.errors.Interrupted: After a checkpoint, on Ctrl-C or SIGTERM.
        zoo.errors.ZooError: If a loss is no longer finite; the last good checkpoint stays.
    """
    _check(gan, images)
    found = restore_checkpoint(gan, run.checkpoints) if run else None
    journal = Journal(gan, run, loggers, keep)
    schedule = Schedule(gan, budget, len(images), elapsed=found["elapsed"] if found else 0.0)
    if not found:
        journal.picture()
    step_function = tf.function(gan.train_step, reduce_retracing=True)

    with stop_requests() as stop, schedule.progress() as advance:
        for batch in _pipeline(images, gan, schedule.total):
            if schedule.finished():
                break
            values = step_function(batch)
            due = schedule.advance(stop.is_set())
            if due.log:
                journal.log(values, schedule.images_per_second())
            if due.snapshot:
                journal.snapshot()
            if due.checkpoint:
                journal.checkpoint(schedule.elapsed())
            if stop.is_set():
                raise Interrupted(f"interrupted at step {schedule.step}")
            advance(schedule.unit_done())
    return journal.rows


@dataclass(frozen=True)
class Due:
    """What has to be done after a step."""

    log: bool
    snapshot: bool
    checkpoint: bool


class Schedule:
    """When to log, snapshot, checkpoint and stop: fixed steps, or fixed moments of `minutes`."""

    def __init__(self, gan: GAN, budget: Budget, n: int, *, elapsed: float) -> None:
        self.step = self.first = int(gan.step.numpy())
        self.total = budget.total_steps(n, gan.batch_size)
        self.seconds = None if budget.minutes is None else 60.0 * budget.minutes
        self.batch_size = gan.batch_size
        self.before = self.shown = elapsed
        self.start = self.last_checkpoint = self.last_log = time.monotonic()
        self.logged_step = self.step
        self.fraction = self._fraction()

    def elapsed(self) -> float:
        """Seconds of training, earlier sessions included."""
        return self.before + time.monotonic() - self.start

    def _fraction(self) -> float:
        if self.total is not None:
            return min(1.0, self.step / self.total)
        return min(1.0, self.elapsed() / (self.seconds or 1.0))

    def finished(self) -> bool:
        """Whether the budget is spent."""
        return self.fraction >= 1.0

    def advance(self, stopping: bool) -> Due:
        """Count a step and say what is due after it."""
        before, self.step = self.fraction, self.step + 1
        self.fraction = self._fraction()
        now = time.monotonic()
        checkpoint = stopping or now - self.last_checkpoint > CHECKPOINT_SECONDS
        checkpoint = checkpoint or _passed(before, self.fraction, CHECKPOINTS)
        if checkpoint:
            self.last_checkpoint = now
        log = checkpoint or _passed(before, self.fraction, LOGGED_ROWS)
        return Due(log, _passed(before, self.fraction, SNAPSHOTS), checkpoint)

    def images_per_second(self) -> float:
        """Real images shown a second since this was last asked."""
        now = time.monotonic()
        shown, seconds = (self.step - self.logged_step) * self.batch_size, now - self.last_log
        self.last_log, self.logged_step = now, self.step
        return shown / max(seconds, 1e-9)

    def progress(self) -> "contextlib.AbstractContextManager[Callable[[float], None]]":
        """The progress display in images, or in seconds when time decides."""
        if self.total is None:
            return progress("Training", round((self.seconds or 0.0) - self.before), "seconds")
        return progress("Training", (self.total - self.first) * self.batch_size, "images")

    def unit_done(self) -> float:
        """How far the last step brought the progress display."""
        if self.total is not None:
            return self.batch_size
        before, self.shown = self.shown, self.elapsed()
        return self.shown - before


class Journal:
    """What a training leaves in its run folder."""

    def __init__(self, gan: GAN, run: Run | None, loggers: Sequence[Logger], keep: int) -> None:
        self.gan, self.run, self.loggers, self.keep = gan, run, loggers, keep
        self.rows: list[tuple[int, Values]] = []

    def log(self, values: dict[str, Any], images_per_second: float) -> None:
        """Record scalars; a value that is not finite ends the training."""
        step = int(self.gan.step.numpy())
        row = {name: float(value) for name, value in values.items()}
        if broken := [name for name, value in row.items() if not math.isfinite(value)]:
            raise ZooError(self._divergence(step, broken))
        row["kimg"] = step * self.gan.batch_size / 1000
        row["images_per_second"] = round(images_per_second, 2)
        self.rows.append((step, row))
        if self.run:
            self.run.log_metrics(step, row)
        for logger in self.loggers:
            logger(step, row)

    def _divergence(self, step: int, names: list[str]) -> str:
        text = f"training diverged: {', '.join(names)} not finite at step {step}"
        good = sorted(self.run.checkpoints.glob("*.npz")) if self.run else []
        if good:
            text += f"; the checkpoint of step {int(good[-1].stem)} is kept"
        return text + "; try a smaller -o learning_rate"

    def picture(self) -> None:
        """The grid of fixed latents."""
        if self.run:
            path = self.run.sample_path(int(self.gan.step.numpy()))
            write_bytes(path, grid_png(self.gan.sample(GRID, seed=0), 8))

    def snapshot(self) -> None:
        """The averaged generator, and its picture."""
        if self.run:
            save_snapshot(self.gan, self.run.snapshot_path(int(self.gan.step.numpy())))
            self.picture()

    def checkpoint(self, elapsed: float) -> None:
        """The whole training state."""
        if self.run:
            save_checkpoint(self.gan, self.run.checkpoints, elapsed=elapsed, keep=self.keep)


def _passed(before: float, after: float, marks: int) -> bool:
    return math.floor(after * marks + 1e-9) > math.floor(before * marks + 1e-9)


def _check(gan: GAN, images: ImageSet) -> None:
    if not gan.compiled:
        raise UsageError("compile the GAN before training it: gan.compile()")
    if len(images) == 0:
        raise UsageError(f"{images.name} has no training images")
    if images.shape[1:] != gan.image_shape:
        raise UsageError(f"images are {images.shape[1:]}, the GAN was built for {gan.image_shape}")


def _pipeline(images: ImageSet, gan: GAN, total: int | None) -> Iterator[Any]:
    """Images, or (images, labels), from the GAN's step on; without end if time decides."""
    first = int(gan.step.numpy())
    last = total if total is not None else 2**62
    for batch, labels in images.batches(first, last, batch_size=gan.batch_size, seed=gan.seed):
        yield batch if labels is None else (batch, labels)
