"""Whole files or none: temporary file, fsync, rename."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

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
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
