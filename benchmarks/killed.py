"""`zoo` started in a process group of its own, and killed with all that it has started."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TOKEN = "ZOO_KILLED_TRIAL"
LONGEST = 420.0
ORPHANS_LIVE = 40.0
EMPTY = {"HOME": "user", "XDG_CONFIG_HOME": "user", "ZOO_HOME": "home", "KERAS_HOME": "keras"}


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        status: Of its exit; negative for the signal that killed it.
        seconds: From its start.
        out: Standard output.
        err: Standard error.
    """

    status: int
    seconds: float
    out: str
    err: str


class Started:
    """`zoo` at work in a folder, as a copy of this process or as a process from the start.

    Args:
        arguments: Of the command line, or a function to call in its place.
        place: Folder that it works in, which also stands for the user's home.
        token: By which all of its processes are known.
        anew: Whether Python starts anew, and all is imported again.
    """

    def __init__(
        self,
        arguments: Sequence[str] | Callable[[], None],
        place: Path,
        *,
        token: str,
        anew: bool = False,
    ) -> None:
        self.token, self.began = token, time.monotonic()
        self.streams = [place.with_name(f"{place.name}.{name}") for name in ("out", "err")]
        environment = {name: str(place / folder) for name, folder in EMPTY.items()}
        environment |= {TOKEN: token, "ZOO_THREADS": "1", "COLUMNS": "100"}
        if anew:
            assert not callable(arguments)
            self.number = self._process(arguments, place, environment)
        else:
            self.number = self._copy(arguments, place, environment)

    def _process(self, arguments: Sequence[str], place: Path, environment: dict[str, str]) -> int:
        path = os.pathsep.join(part for part in sys.path if part)
        with self.streams[0].open("w") as out, self.streams[1].open("w") as err:
            return subprocess.Popen(
                [sys.executable, "-m", "zoo_cli.main", *arguments],
                cwd=place,
                env=os.environ | environment | {"PYTHONPATH": path},
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            ).pid

    def _copy(
        self,
        arguments: Sequence[str] | Callable[[], None],
        place: Path,
        environment: dict[str, str],
    ) -> int:
        if number := os.fork():
            return number
        status = 1
        try:
            os.setsid()
            os.chdir(place)
            os.environ.update(environment)
            for number, stream in enumerate(self.streams, 1):
                os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            status = _carried_out(arguments)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def wait(self, seconds: float = LONGEST) -> Ended | None:
        """How it ended within so many seconds, if it did."""
        end = self.began + seconds
        while True:
            number, status = os.waitpid(self.number, os.WNOHANG)
            if number:
                spent = time.monotonic() - self.began
                out, err = (stream.read_text(errors="replace") for stream in self.streams)
                return Ended(os.waitstatus_to_exitcode(status), spent, out, err)
            if time.monotonic() > end:
                return None
            time.sleep(0.002)

    def kill(self) -> int:
        """Kill the group; return how many processes outside of it had to be killed, too."""
        with contextlib.suppress(ProcessLookupError):  # a copy that is no leader yet
            os.killpg(self.number, signal.SIGKILL)
        os.kill(self.number, signal.SIGKILL)
        os.waitpid(self.number, 0)
        return self.swept()

    def swept(self) -> int:
        """Wait for what it has started to end, and kill what does not."""
        end = time.monotonic() + ORPHANS_LIVE
        while (left := _of(self.token)) and time.monotonic() < end:
            time.sleep(0.02)
        for number in left:
            os.kill(number, signal.SIGKILL)
        return len(left)


def _carried_out(arguments: Sequence[str] | Callable[[], None]) -> int:
    import traceback

    from zoo_cli.main import main

    try:
        if callable(arguments):
            arguments()
        else:
            sys.argv = ["zoo", *arguments]
            main()
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _of(token: str) -> list[int]:
    """Processes that live and have a token in the environment that they were started with."""
    wanted, found = f"{TOKEN}={token}\0".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes() and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
