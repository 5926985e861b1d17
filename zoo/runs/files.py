"""Whole files or none: temporary file, fsync, rename."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import filelock
import yaml

from zoo.errors import ZooError


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its final name only when it was written completely.

    Raises:
        zoo.errors.ZooError: If the folder cannot be written or the disk is full; nothing is
            left behind under either name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise ZooError(f"cannot write {path}: {error.strerror}") from error
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; a NaN or an infinity is an error, for JSON has neither."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """The content of the file that `write_json` writes."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_yaml(path: Path, value: Any) -> None:
    """Write YAML atomically, keys in the order given."""
    write_text(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes its name when all of it is on disk.

    Raises:
        zoo.errors.ZooError: If it cannot be written; nothing is left behind then.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
            writing = Path(temporary, folder.name)
            writing.mkdir()
            yield writing
            for path in filter(Path.is_file, writing.rglob("*")):
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
            writing.rename(folder)
    except OSError as error:
        raise ZooError(f"cannot write {folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def held(path: Path, *, seconds: float = 20.0) -> Iterator[None]:
    """Hold a file that several processes or threads write, waiting for the others.

    Args:
        path: The file; the lock is a hidden file beside it.
        seconds: How long to wait.

    Raises:
        zoo.errors.ZooError: If another one holds it for longer, or the folder cannot be written.
    """
    handle = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle.acquire(timeout=seconds)
    except filelock.Timeout:
        raise ZooError(f"{path} is in use by another process for {seconds:g} seconds") from None
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield
    finally:
        handle.release()


def append_json(path: Path, value: Any) -> None:
    """Append JSON as one line, which is on the disk when this returns.

    Raises:
        zoo.errors.ZooError: If it cannot be written.
    """
    line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with held(path):
        try:
            with path.open("ab+") as file:
                file.write(b"\n" + line if is_cut(file) else line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ZooError(f"cannot write {path}: {error.strerror}") from error


def is_cut(file: IO[bytes]) -> bool:
    """Whether the last line has no end, as a kill or a full disk leaves it."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
