"""Experiment trackers: told of a run that was asked to tell them, never able to stop it."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from zoo.errors import Interrupted
from zoo.plugins import find
from zoo.runs import Run
from zoo.specs import Tracker

LONGEST = 300  # characters of what a tracker's exception says


def requested(track: str | None) -> dict[str, Tracker]:
    """The records that the setting `track` names, each by its name as it was typed.

    Args:
        track: Names between commas; nothing names none.

    Raises:
        zoo.errors.UsageError: If a name is unknown; the message lists the choices.
    """
    names = [name.strip() for name in (track or "").split(",")]
    return {name: find("trackers", name) for name in names if name}


class Trackers:
    """What a run tells its trackers. One that raises is named once and told nothing more.

    Args:
        run: The run.
        records: Of the trackers, by name.
    """

    def __init__(self, run: Run, records: Mapping[str, Tracker]) -> None:
        self.run, self.records = run, records
        self.live: dict[str, Any] = {}

    def run_started(self) -> None:
        """The run is described, and its training begins or goes on."""
        for name, record in self.records.items():
            self._attempt(name, self._start, name, record)

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """A step's numbers."""
        for name, tracker in list(self.live.items()):
            # A copy for each: none can change what the next is told.
            self._attempt(name, tracker.logged, step, dict(values))

    def run_ended(self, status: str) -> None:
        """The run is `finished`, `interrupted` or `failed`."""
        for name, tracker in list(self.live.items()):
            self._attempt(name, tracker.run_ended, self.run, status)

    def _start(self, name: str, record: Tracker) -> None:
        self.live[name] = tracker = record.load()()
        tracker.run_started(self.run)

    def _attempt(self, name: str, act: Callable[..., Any], *arguments: Any) -> None:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout is for the answer
                act(*arguments)
        except (Exception, SystemExit) as error:  # someone else's tracker may raise anything
            self.live.pop(name, None)
            said = " ".join(f"{type(error).__name__}: {error}".split())
            said = said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
            print(f"warning: tracker {name}: {said}; the run goes on without it", file=sys.stderr)


@contextlib.contextmanager
def tracking(run: Run, track: str | None) -> Iterator[Trackers]:
    """Tell the trackers of the setting `track` how the run inside ends, if they were told of it.

    Yields:
        What to tell them with: `run_started()`, `logged(step, values)`.
    """
    trackers, status = Trackers(run, requested(track)), "failed"
    try:
        yield trackers
        # A study pauses runs between their stages.
        status = "interrupted" if run.status == "interrupted" else "finished"
    except Interrupted:
        status = "interrupted"
        raise
    finally:
        trackers.run_ended(status)
