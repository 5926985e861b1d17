"""Ctrl-C and SIGTERM, answered where the work can be saved, and in time."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from zoo.errors import Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM)
SECONDS_TO_END = 8.0  # who sends SIGTERM often kills ten seconds later
AGAIN = "the same command goes on with what was finished and kept, or begins again"
_ways_on = [AGAIN]
_unhurried = threading.Event()


@contextlib.contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event that the loop inside asks for; outside, as before."""
    requested = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        requested.set()

    with _handlers(request):
        yield requested


@contextlib.contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM raise `KeyboardInterrupt`, as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handlers(interrupt):
        yield


@contextlib.contextmanager
def continued_by(way: str) -> Iterator[None]:
    """Say how to go on with what is interrupted inside, such as ``continue with `zoo …` ``."""
    _ways_on.append(way)
    try:
        yield
    finally:
        _ways_on.pop()


def interruption() -> str:
    """What to tell whose command was interrupted."""
    return f"interrupted; {_ways_on[-1]}"


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """Let what is inside take longer after SIGTERM than `ended_in_time` allows."""
    _unhurried.set()
    try:
        yield
    finally:
        _unhurried.clear()


@contextlib.contextmanager
def ended_in_time(seconds: float = SECONDS_TO_END) -> Iterator[None]:
    """End the process, with status 75, if SIGTERM has not ended it after some seconds.

    Python answers a signal between two of its instructions, and one that compiles a network can
    take a minute. As any process may be killed at any moment, what is on disk is whole.

    Args:
        seconds: From the signal on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # as of `_handlers`
        return
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(told, over, seconds), daemon=True)
    watch.start()
    previous = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        over.set()
        os.close(tell)
        watch.join()
        os.close(told)


def _watch(told: int, over: threading.Event, seconds: float) -> None:
    while number := os.read(told, 1):
        if number[0] == signal.SIGTERM and not over.wait(seconds) and not _unhurried.is_set():
            os.write(2, f"Error: {interruption()}\n".encode())
            os._exit(Interrupted.exit_status)


@contextlib.contextmanager
def _handlers(handler: "signal._HANDLER") -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers; elsewhere the caller's stay in force
        return
    previous = {number: signal.signal(number, handler) for number in STOPPING}
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)
