"""Work that is done once, however many processes start it and wherever one is killed."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import filelock

from zoo.errors import ZooError


@contextlib.contextmanager
def lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of an asset, saying so when another process has it.

    The operating system releases the lock of a process that dies.

    Args:
        path: The asset; the lock is a hidden file beside it.
        what: Named while waiting.

    Raises:
        zoo.errors.ZooError: If the folder cannot be written.
    """
    place = path.parent / f".{path.name}.lock"
    with cannot_write(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = filelock.FileLock(place)
        try:
            handle.acquire(timeout=0)
        except filelock.Timeout:
            print(f"waiting for another process to prepare {what}", file=sys.stderr)
            handle.acquire()
    try:
        yield
    finally:
        handle.release()


@contextlib.contextmanager
def staged(path: Path) -> Iterator[Path]:
    """An empty folder that becomes `path` when the work in it is done, and vanishes otherwise.

    Hold the lock of `path`: what a killed process left behind is removed first.
    """
    staging = path.parent / f".{path.name}.incomplete"
    with cannot_write(path.parent):
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            yield staging
            staging.rename(path)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def cannot_write(folder: Path) -> Iterator[None]:
    """Turn a full disk or a read-only folder into one line."""
    try:
        yield
    except OSError as error:
        raise ZooError(f"cannot write into {folder}: {error.strerror or error}") from error
