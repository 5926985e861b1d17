"""What a Ray worker does: one stage of one cell, which may be repeated at any time."""

import os
import socket
import sys
import time
import traceback
from pathlib import Path

from zoo.errors import Interrupted, ZooError, no_room
from zoo.runs.signals import terminate_as_interrupt
from zoo.runs.stages import now
from zoo.studies.cells import FAILED, FINISHED, INTERRUPTED, Cell

SECONDS_FOR_LOCK = 60.0
LONGEST_REASON = 500


def carry_out(path: str, stage: str) -> None:
    """Bring a cell's run through a stage; what became of it is in the cell's file.

    Args:
        path: The cell's file.
        stage: One of `zoo.studies.cells.STAGES`.
    """
    cell = Cell.from_file(Path(path))
    _write_into(cell.log_path)
    attempts = {**cell.state.get("attempts", {})}
    attempts[stage] = attempts.get(stage, 0) + 1
    began = {"host": socket.gethostname(), "pid": os.getpid(), "began": now()}
    cell.set_state(status=stage, reason=None, attempts=attempts, **began)
    try:
        with terminate_as_interrupt():
            _advance(cell, stage)
        if cell.next_stage() == stage:
            raise ZooError(f"{stage} ended and left nothing behind")
    except (Interrupted, KeyboardInterrupt) as error:
        cell.set_state(status=INTERRUPTED, reason=str(error) or "interrupted")
    except Exception as error:  # whatever ends one cell must not end the others
        traceback.print_exc()
        cell.set_state(status=FAILED, reason=reason_of(error), ended=now())
    else:
        done = cell.next_stage() is None
        cell.set_state(status=FINISHED if done else f"{stage} done", ended=now())


def reason_of(error: BaseException) -> str:
    """Why a cell failed, in one line that is not too long for a table."""
    text = " ".join(str(error).split())
    if isinstance(error, ZooError) and text:
        return text
    return (no_room(error) or f"{type(error).__name__}: {text}")[:LONGEST_REASON]


def _advance(cell: Cell, stage: str) -> None:
    from zoo.workflow import resume, run_recipe

    until = None if stage == cell.stages[-1] else stage
    if not cell.begun:
        run_recipe(cell.recipe, folder=cell.run.path, until=until, detectors=cell.detectors)
        return
    _wait_for(cell)
    resume(cell.run.path, recipe=cell.recipe, until=until, detectors=cell.detectors)


def _wait_for(cell: Cell) -> None:
    """Give a worker of a study that was killed the time to die; its lock dies with it."""
    end = time.monotonic() + SECONDS_FOR_LOCK
    while cell.run.in_use and time.monotonic() < end:
        time.sleep(1)


def _write_into(path: Path) -> None:
    """Append all that this process prints, TensorFlow's C++ code included, to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    with path.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
