"""Folders on the user's disk: finding their files, and telling when these change."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.data.examples import Rejected
from zoo.data.formats.metaimage import pixels_beside
from zoo.errors import UsageError

CLEARLY_NO_IMAGE = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".html", ".pdf"),
    *(".bib", ".log", ".py", ".ipynb", ".xlsx", ".xls", ".doc", ".docx", ".ini", ".cfg", ".roi"),
)
PIXELS_OF_A_HEADER = (".raw", ".zraw")  # read through the .mhd beside them


def open_folder(path: str, *, scheme: str) -> Path:
    """The folder that the argument of a scheme names.

    Raises:
        zoo.errors.UsageError: If it is empty, or there is no such folder.
    """
    if not path:
        raise UsageError(f"{scheme}: needs a path, as in {scheme}:PATH")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.is_file() else "no such folder"
        raise UsageError(f"{scheme}:{path}: {what}")
    return folder


def image_files(folder: Path, *, without: Iterable[Path] = ()) -> Iterator[Path]:
    """What may be images under a folder, in no order; hidden files and documents are left out.

    Args:
        folder: Where to look.
        without: Folders that are not entered.
    """
    closed = {path.resolve() for path in without}
    for place, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not (closed and Path(place, name).resolve() in closed)
        ]
        headed = any(name.lower().endswith(".mhd") for name in names)
        ignored = CLEARLY_NO_IMAGE + (PIXELS_OF_A_HEADER if headed else ())
        for name in names:
            if name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini"):
                continue
            if not name.lower().endswith(ignored):
                yield Path(place, name)


def content_key(files: Iterable[Path], *facts: Any) -> str:
    """Hash of each file's name, size and time of change, and of other facts.

    Pixels that lie beside their header count, too.
    """
    digest = hashlib.sha256(repr(facts).encode())
    for file in _with_pixels(files):
        state = file.stat() if file.is_file() else None
        digest.update(os.fsencode(file.absolute()) + b"\0")
        digest.update(f"{state and (state.st_size, state.st_mtime_ns)}\n".encode())
    return digest.hexdigest()


def _with_pixels(files: Iterable[Path]) -> Iterator[Path]:
    for file in files:
        yield file
        if file.suffix.lower() == ".mhd" and (pixels := pixels_beside(file)):
            yield pixels


def name_of(file: Path, folder: Path) -> str:
    """A file's path in a folder, as text that can be written anywhere whatever bytes it holds."""
    relative = file.relative_to(folder).as_posix()
    return os.fsencode(relative).decode("utf-8", "backslashreplace")


def other_layout(folder: Path, *, scheme: str, expected: str) -> UsageError:
    """The error of a folder that does not hold what a scheme reads.

    Args:
        folder: The folder.
        scheme: Name of the scheme.
        expected: What must lie there, such as `training/images/21_training.tif`.
    """
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    found = ", ".join(names[:5]) + more or "nothing"
    return UsageError(f"{scheme}:{folder}: expected {expected}; found {found}")


def attempted(name: str, examples: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Examples up to a file that cannot be read, which is set aside with its reason.

    Args:
        name: What is set aside.
        examples: The examples of one file, or of the files of one patient.
    """
    try:
        yield from examples
    except Rejected as reason:
        yield {"id": name, "rejected": str(reason)}
    except OSError as error:
        yield {"id": name, "rejected": f"cannot be read: {error.strerror}"}
