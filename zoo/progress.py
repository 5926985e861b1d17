"""Progress with time left, on stderr: a bar on a terminal, a line now and then elsewhere.

The bar is all that zoo colours.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

SECONDS_BETWEEN_LINES = 15.0
_shown = False


@contextlib.contextmanager
def progress(label: str, total: float, unit: str) -> Iterator[Callable[[float], None]]:
    """Show how far a task is; one that is part of another that is shown says nothing.

    Args:
        label: What is being done, such as `"Extracting features"`.
        total: Amount of work, in `unit`; 0 if it is not known.
        unit: What is counted, such as `"images"`.

    Yields:
        `advance(amount)`, to call as work is done.
    """
    global _shown
    if _shown:
        yield lambda amount: None
        return
    show = _bar if moves() else _lines
    _shown = True
    try:
        with show(label, total, unit) as advance:
            yield advance
    finally:
        _shown = False


def moves() -> bool:
    """Whether what is on stderr can be written over: on a terminal, unless `TERM` is `dumb`."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def _bar(label: str, total: float, unit: str) -> Iterator[Callable[[float], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{unit}, {task.speed or 0:.0f}/s")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeRemainingColumn(),
    )
    # Older versions of rich take an empty NO_COLOR for one that is set.
    console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=total or None)
        yield lambda amount: bar.advance(task, amount)


@contextlib.contextmanager
def _lines(label: str, total: float, unit: str) -> Iterator[Callable[[float], None]]:
    start = shown = time.monotonic()
    done = 0.0

    def advance(amount: float) -> None:
        nonlocal done, shown
        done += amount
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_LINES and (done < total or not total):
            shown = now
            rate = done / (now - start)
            so_far, left = f"{done:.0f}", f"{rate:.3g}/s"
            if total:
                so_far += f"/{total:.0f}"
                left += f", {(total - done) / rate:.0f} s left"
            print(f"{label}: {so_far} {unit}, {left}", file=sys.stderr)

    yield advance
