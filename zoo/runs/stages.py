"""What a run is doing: its stages, their times, and how it ended."""

import contextlib
import datetime
import shlex
import sys
import time
import traceback
from collections.abc import Iterator

from zoo.errors import Interrupted, ZooError, no_room
from zoo.runs.folder import Run
from zoo.runs.signals import continued_by


class Stages:
    """Names what is being done on stderr and in run.log, and sums up how long each took."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.seconds: dict[str, float] = dict(run.manifest.get("timings", {}))

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one stage; what an interrupted one took counts too."""
        say(self.run, name)
        start = time.monotonic()
        try:
            yield
        finally:
            spent = self.seconds.get(name, 0.0) + time.monotonic() - start
            self.seconds[name] = round(spent, 2)
            with contextlib.suppress(ZooError):  # a full disk must not hide the first error
                self.run.update_manifest(timings=self.seconds)
        say(self.run, f"{name}: {self.seconds[name]:.0f} s")


def say(run: Run, text: str) -> None:
    """One line on stderr and in run.log."""
    print(text, file=sys.stderr)
    with contextlib.suppress(OSError), run.log_path.open("a", encoding="utf-8") as file:
        file.write(f"{now()} {text}\n")


@contextlib.contextmanager
def status_kept(run: Run) -> Iterator[None]:
    """Whatever ends the run, its manifest says so, and the error how it goes on."""
    resumed = f"`zoo run --resume {shlex.quote(str(run.path))}`"
    run.update_manifest(status="running", reason=None)
    try:
        with continued_by(f"continue with {resumed}"):
            yield
    except (Interrupted, KeyboardInterrupt) as error:
        reason = str(error) or "interrupted"
        _end(run, "interrupted", reason)
        raise Interrupted(f"{reason}; continue with {resumed}") from None
    except ZooError as error:
        _end(run, "failed", str(error))
        if no_room(error.__cause__):
            raise ZooError(f"{error}; when there is room, {resumed} goes on") from error
        raise
    except BaseException as error:
        with contextlib.suppress(OSError), run.log_path.open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        _end(run, "failed", no_room(error) or f"{type(error).__name__}: {error}")
        if said := no_room(error):
            raise ZooError(f"{said}; when there is room, {resumed} goes on") from error
        raise


def _end(run: Run, status: str, reason: str) -> None:
    with contextlib.suppress(ZooError):
        run.update_manifest(status=status, reason=reason, ended=now())


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
