"""A study from its file to its leaderboard; killed at any moment, the same call goes on."""

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.data.locking import cannot_write
from zoo.errors import Interrupted, ZooError
from zoo.progress import progress
from zoo.runs import write_text
from zoo.runs.files import locked
from zoo.runs.signals import stop_requests, unhurried
from zoo.runs.stages import now
from zoo.studies.cells import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    WAITING,
    Cell,
    check_paths,
    folder_of,
    gpus_of,
    plan,
)
from zoo.studies.cluster import Session, session
from zoo.studies.design import Design, find_design, read_design
from zoo.studies.leaderboard import Leaderboard, write_leaderboard
from zoo.studies.tasks import carry_out, reason_of

SECONDS_UNTIL_TOLD_AGAIN = 10.0
SECONDS_TO_STOP = 60.0


def study(
    design: str | Path,
    *,
    out: str | Path | None = None,
    ray_address: str | None = None,
    cpus: int | None = None,
    **sources: Any,
) -> Leaderboard:
    """Carry out what a study lacks; `zoo.study` is this function and documents it."""
    path = find_design(str(design))
    read = read_design(path)
    folder = folder_of(read, out)
    cells = plan(read, folder, **sources)
    with _held(folder):
        return _carry_out(read, path, cells, ray_address, cpus)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    with cannot_write(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock", f"{folder} is in use by another zoo study"):
        yield


def _carry_out(
    design: Design, path: Path, cells: Sequence[Cell], address: str | None, cpus: int | None
) -> Leaderboard:
    folder = cells[0].folder
    check_paths(cells)
    write_text(folder / "study.yaml", path.read_text(encoding="utf-8"))
    left = [cell for cell in cells if _left(cell)]
    for cell in cells:
        cell.set_state(status=WAITING if cell in left else FINISHED, reason=None)
    done = len(cells) - len(left)
    say(f"{len(cells)} cells in {folder}, {done} finished{'' if left else '; nothing to do'}")
    if left:
        placed = replace(design.resources, gpus=gpus_of(design))
        with session(
            folder, placed, address=address, cpus=cpus, retries=design.retries
        ) as connected:
            _drive(connected, left)
    return write_leaderboard(design, cells)


def _left(cell: Cell) -> bool:
    try:
        return cell.next_stage() is not None
    except ZooError:
        return True  # its worker says what is damaged


def say(text: str) -> None:
    """One line on stderr."""
    print(text, file=sys.stderr)


def _drive(connected: Session, cells: Sequence[Cell]) -> None:
    ray, told = connected.ray, Told()
    task = connected.remote(carry_out)
    pending: dict[Any, Cell] = {}
    waiting = deque(cells)

    def submit(cell: Cell) -> bool:
        if stage := _next(cell):
            pending[task.remote(str(cell.path), stage)] = cell
        return stage is not None

    shown = progress("Study", len(cells), "cells")
    with unhurried(), stop_requests() as stop, shown as advance:
        while (pending or waiting) and not stop.is_set():
            # No more than fit, so that a cell is measured before the next one is trained.
            while waiting and len(pending) < connected.slots():
                if not submit(waiting.popleft()):
                    advance(1)
            refs = list(pending)
            ended, _ = ray.wait(refs, num_returns=len(refs), timeout=1.0) if refs else ([], [])
            told.changes(pending.values())
            for ref in ended:
                cell = pending.pop(ref)
                _settle(ray, ref, cell)
                told.changes([cell])
                if not submit(cell):
                    advance(1)
        if stop.is_set():
            stop.clear()
            _stop(connected, pending, stop.is_set, told)
            raise Interrupted("interrupted; the same command continues")


def _next(cell: Cell) -> str | None:
    """The stage to do next; `None` where the cell is finished, or has failed."""
    if cell.state["status"] in (FAILED, INTERRUPTED):
        return None
    try:
        return cell.next_stage()
    except ZooError as error:
        cell.set_state(status=FAILED, reason=str(error), ended=now())
        return None


def _settle(ray: Any, ref: Any, cell: Cell) -> None:
    """Say in the cell's file what became of a worker that could not."""
    try:
        ray.get(ref)
    except ray.exceptions.TaskCancelledError:
        if cell.begun:
            cell.set_state(status=INTERRUPTED, reason="interrupted")
    except ray.exceptions.OutOfMemoryError:
        cell.set_state(status=FAILED, reason="out of memory: Ray ended its process", ended=now())
    except ray.exceptions.RayTaskError as error:
        cell.set_state(status=FAILED, reason=reason_of(error.cause), ended=now())
    except ray.exceptions.RayError as error:
        state = cell.state
        tries = state.get("attempts", {}).get(state["status"], 0)
        reason = f"its process died, in {tries} attempts ({type(error).__name__}); {cell.log_path}"
        cell.set_state(status=FAILED, reason=reason, ended=now())


def _stop(
    connected: Session, pending: dict[Any, Cell], again: Callable[[], bool], told: "Told"
) -> None:
    """Let the workers write their checkpoints; a second Ctrl-C does not wait for them."""
    say("stopping; every training writes a checkpoint first")
    ray, start = connected.ray, time.monotonic()
    for ref in pending:
        ray.cancel(ref, force=False)
    told_to_stop = start
    while pending and not again() and time.monotonic() - start < SECONDS_TO_STOP:
        ended, _ = ray.wait(list(pending), num_returns=len(pending), timeout=1.0)
        for ref in ended:
            cell = pending.pop(ref)
            _settle(ray, ref, cell)
            told.changes([cell])
        if time.monotonic() - told_to_stop > SECONDS_UNTIL_TOLD_AGAIN:
            told_to_stop = time.monotonic()
            connected.interrupt(cell.state.get("pid") for cell in pending.values())


class Told:
    """A line on stderr for each change of a cell's state."""

    def __init__(self) -> None:
        self.last: dict[int, Any] = {}

    def changes(self, cells: Any) -> None:
        """Say what changed since the last call."""
        for cell in list(cells):
            with contextlib.suppress(ZooError):
                self._change(cell)

    def _change(self, cell: Cell) -> None:
        state = cell.state
        status = str(state["status"])
        attempt = state.get("attempts", {}).get(status, 1)
        if self.last.get(cell.number) == (status, attempt) or status == WAITING:
            return
        self.last[cell.number] = (status, attempt)
        again = f", attempt {attempt}" if attempt > 1 else ""
        because = f": {state['reason']}" if state.get("reason") else ""
        say(f"[{cell.number}] {cell}: {status}{again}{because}")
