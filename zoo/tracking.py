"""Experiment trackers: told of a run, never able to stop it."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from zoo.errors import Interrupted
from zoo.plugins import records
from zoo.runs import Run


@contextlib.contextmanager
def tracking(run: Run) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Tell every installed tracker when training starts, what it logs and how it ends.

    A tracker that raises is named once and told nothing more.

    Yields:
        `logged(step, values)`.
    """
    trackers = {record.name: record.load for record in records("trackers")}
    live: dict[str, Any] = {}

    def tell(name: str, method: str, *arguments: Any) -> None:
        try:
            getattr(live[name], method)(*arguments)
        except Exception as error:  # someone else's tracker may raise anything
            del live[name]
            print(f"warning: tracker {name}: {type(error).__name__}: {error}", file=sys.stderr)

    for name, load in trackers.items():
        try:
            live[name] = load()()
        except Exception as error:
            print(f"warning: tracker {name}: {type(error).__name__}: {error}", file=sys.stderr)
    for name in list(live):
        tell(name, "run_started", run)

    def logged(step: int, values: dict[str, float]) -> None:
        for name in list(live):
            tell(name, "logged", step, values)

    status = "failed"
    try:
        yield logged
        status = "finished"
    except Interrupted:
        status = "interrupted"
        raise
    finally:
        for name in list(live):
            tell(name, "run_ended", run, status)
