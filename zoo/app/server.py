"""The web server of `zoo app`: a child process that only this machine reaches."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from zoo.app.settings import HOST
from zoo.errors import UsageError, ZooError
from zoo.requirements import missing, pip_line

NEEDED = "streamlit>=1.67"
SECONDS_TO_START = 120.0
SECONDS_TO_END = 5.0


@contextlib.contextmanager
def serving(
    parent: Path, *, port: int, run: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Serve the app until the block ends; entered when it answers.

    Args:
        parent: The folder that holds the runs.
        port: Of this machine's own address.
        run: The run to begin with.

    Yields:
        The server's process.

    Raises:
        zoo.errors.ZooError: If Streamlit is not installed, or the server does not start.
        zoo.errors.UsageError: If the port is taken.
    """
    if missing([NEEDED]):
        raise ZooError(f"zoo app needs {NEEDED}: {pip_line(['zoo[app]'])}")
    _check_free(port)
    command = [
        sys.executable,
        "-m",
        "zoo.app",
        str(port),
        str(parent),
        *([str(run)] if run else []),
    ]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        _wait_for(child, port)
        yield child
    finally:
        _end(child)


def _check_free(port: int) -> None:
    if not _is_free(port):
        other = next((p for p in range(port + 1, 65536) if _is_free(p)), 8501)
        raise UsageError(f"port {port} is taken; type `zoo app --port {other}`")


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        # What was used a moment ago may be used again, as the server itself does.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
        return True


def _wait_for(child: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        if child.poll() is not None:
            raise ZooError(f"the app's server ended with status {child.returncode}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.1)
    raise ZooError(f"the app's server did not start within {SECONDS_TO_START:.0f} s")


def _end(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin is not None
    child.stdin.close()  # it ends when it is left alone
    try:
        child.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
