"""When a training logs, takes a snapshot, writes a checkpoint and ends."""

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.progress import progress

if TYPE_CHECKING:
    from zoo.gan.model import GAN

SNAPSHOTS = 10
CHECKPOINTS = 4
CHECKPOINT_SECONDS = 600.0
LOGGED_ROWS = 200


@dataclass(frozen=True)
class Due:
    """What has to be done after a step."""

    log: bool
    snapshot: bool
    checkpoint: bool


NOTHING = Due(log=False, snapshot=False, checkpoint=False)


class Schedule:
    """When to do what: at fixed steps, or at fixed moments where time decides.

    Args:
        gan: At the step from which it goes on.
        total: Steps of the whole training, or `None` when time decides.
        seconds: Of the whole training, or `None`.
        elapsed: Seconds of training so far.
    """

    def __init__(
        self, gan: "GAN", total: int | None, seconds: float | None, *, elapsed: float
    ) -> None:
        self.step = self.first = int(gan.step.numpy())
        self.total, self.seconds = total, seconds
        self.images_per_step = gan.images_per_step
        self.before = self.shown = elapsed
        self.start = self.last_checkpoint = self.last_log = time.monotonic()
        self.logged_step = self.counted = self.step
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

    def advance(self, steps: int, stopping: bool) -> Due:
        """Count steps and say what is due after them."""
        before, self.step = self.fraction, self.step + steps
        self.fraction = self._fraction()
        now = time.monotonic()
        checkpoint = stopping or now - self.last_checkpoint > CHECKPOINT_SECONDS
        checkpoint = checkpoint or _passed(before, self.fraction, CHECKPOINTS)
        if checkpoint:
            self.last_checkpoint = now
        snapshot = _passed(before, self.fraction, SNAPSHOTS)
        log = checkpoint or snapshot or _passed(before, self.fraction, LOGGED_ROWS)
        return Due(log, snapshot, checkpoint)

    def images_per_second(self) -> float:
        """Real images shown a second since this was last asked."""
        now = time.monotonic()
        shown = (self.step - self.logged_step) * self.images_per_step
        seconds = now - self.last_log
        self.last_log, self.logged_step = now, self.step
        return shown / max(seconds, 1e-9)

    def progress(self) -> "contextlib.AbstractContextManager[Callable[[float], None]]":
        """The progress display in images, or in seconds when time decides."""
        if self.total is None:
            return progress("Training", round((self.seconds or 0.0) - self.before), "seconds")
        return progress("Training", (self.total - self.first) * self.images_per_step, "images")

    def unit_done(self) -> float:
        """How far the last steps brought the progress display."""
        if self.total is not None:
            steps, self.counted = self.step - self.counted, self.step
            return steps * self.images_per_step
        before, self.shown = self.shown, self.elapsed()
        return self.shown - before


def _passed(before: float, after: float, marks: int) -> bool:
    return math.floor(after * marks + 1e-9) > math.floor(before * marks + 1e-9)
