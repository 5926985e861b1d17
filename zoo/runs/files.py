"""Whole files or none: temporary file, fsync, rename."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import filelock
import yaml

from zoo.errors import ZooError
from zoo.plain import parse_json

REMOVED = ".removed"


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


def remove_folder(folder: Path) -> None:
    """Delete a folder: its name goes at once, and what a killed deletion has left goes too.

    Raises:
        OSError: If it cannot be deleted.
    """
    for left in folder.parent.glob(f".*{REMOVED}"):
        shutil.rmtree(left, ignore_errors=True)
    hidden = folder.with_name(f".{folder.name}{REMOVED}")
    folder.rename(hidden)
    shutil.rmtree(hidden)


def read_text(path: Path) -> str:
    """The content of a UTF-8 file.

    Raises:
        zoo.errors.ZooError: If it cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ZooError(f"{path} is damaged: no UTF-8 text") from error


def json_mapping(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds; empty if there is no file.

    Raises:
        zoo.errors.ZooError: If it is damaged, or holds something else.
    """
    return mapping(parse_json(read_text(path), str(path)), path) if path.is_file() else {}


def mapping(value: Any, path: Path) -> dict[str, Any]:
    """What a file holds, if it is a mapping.

    Raises:
        zoo.errors.ZooError: Naming the file, if it is none.
    """
    if not isinstance(value, dict):
        raise ZooError(f"{path} is damaged: not a mapping")
    return value


@contextlib.contextmanager
def locked(place: Path, busy: str, *, seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock file, which the operating system releases when this process dies.

    Args:
        place: The lock file; its folder is there.
        busy: What is said when another process holds it.
        seconds: How long to wait for it.

    Raises:
        zoo.errors.ZooError: If another one holds it, or the file cannot be written.
    """
    handle = filelock.FileLock(place)
    try:
        handle.acquire(timeout=seconds)
    except filelock.Timeout:
        raise ZooError(busy) from None
    except OSError as error:
        raise ZooError(f"cannot write {place}: {error.strerror}") from error
    try:
        yield
    finally:
        handle.release()


@contextlib.contextmanager
def held(path: Path, *, seconds: float = 20.0) -> Iterator[None]:
    """Hold a file that several processes or threads write, waiting for the others.

    Args:
        path: The file; the lock is a hidden file beside it.
        seconds: How long to wait.

    Raises:
        zoo.errors.ZooError: If another one holds it for longer, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}") from error
    busy = f"{path} is in use by another process for {seconds:g} seconds"
    with locked(path.with_name(f".{path.name}.lock"), busy, seconds=seconds):
        yield


def append_json(path: Path, value: Any) -> None:
    """Append JSON as one line, which is on the disk when this returns.

    Raises:
        zoo.errors.ZooError: If it cannot be written.
    """
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    with held(path):
        append_line(path, line, durable=True)


def append_line(path: Path, line: str, *, durable: bool = False) -> None:
    """Append a line, never to one that a kill has cut short.

    Args:
        path: The file; made if it is missing.
        line: Without its end.
        durable: Whether it is on the disk when this returns.

    Raises:
        zoo.errors.ZooError: If it cannot be written.
    """
    content = line.encode() + b"\n"
    try:
        with path.open("ab+") as file:
            file.write(b"\n" + content if _is_cut(file) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror}") from error


def _is_cut(file: IO[bytes]) -> bool:
    """Whether the last line has no end, as a kill or a full disk leaves it."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
