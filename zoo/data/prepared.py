"""Prepared datasets on disk: where they are and what is known of them, read without TFDS."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.data.home import home
from zoo.data.locking import cannot_write, lock
from zoo.data.tfds_folders import parsed
from zoo.errors import ZooError
from zoo.filenames import distinct_file_name, file_name
from zoo.plugins import records
from zoo.specs import Dataset

FACTS = "zoo.json"
SUMS = "sums.json"  # of the other files of a prepared version
KEY = "[0-9a-f]" * 16  # ends the names of the folders of crops and features


def place_of(record: Dataset) -> Path:
    """The folder of a record's dataset; records with the same config share it."""
    family = record.name.partition("/")[0]
    name = f"{family}/{record.config}" if record.config else record.name
    return home().joinpath("datasets", *map(distinct_file_name, name.split("/")))


def version_of(record: Dataset) -> Path | None:
    """The folder of the prepared version, the newest if there are several, or `None`."""
    found = sorted(path.parent for path in place_of(record).glob(f"[0-9]*/{FACTS}"))
    return found[-1] if found else None


def is_ready(record: Dataset) -> bool:
    """Whether the dataset can be loaded at once: it is prepared, or needs no archive."""
    return not record.archives or version_of(record) is not None


def facts_of(record: Dataset) -> dict[str, Any]:
    """What was written down when it was prepared.

    Raises:
        zoo.errors.ZooError: If it is not prepared; the message names the commands that do it.
    """
    folder = version_of(record)
    if folder is None:
        raise ZooError(unprepared(record))
    return _read(folder / FACTS, record.name)


def unprepared(record: Dataset) -> str:
    """One line that says how to prepare a dataset."""
    first, *more = record.archives
    filename = "" if more else f"/{first.filename}"
    ways = f"`zoo data import {record.name} PATH{filename}` takes it from disk"
    if downloadable(record):
        needed = [archive for archive in record.archives if not archive.optional]
        size = sum(archive.size for archive in needed)
        shown = f" ({size / 1e6:.0f} MB)" if size else ""
        only = "" if needed else " --only TEXT"
        ways = f"`zoo data fetch {record.name}{only}` downloads it{shown}, {ways}"
    return f"{record.name} is not prepared: {ways}"


def downloadable(record: Dataset) -> bool:
    """Whether all that a dataset needs has an address."""
    needed = [archive for archive in record.archives if not archive.optional]
    return bool(record.archives) and all(archive.url for archive in needed or record.archives)


def _read(file: Path, name: str) -> dict[str, Any]:
    try:
        facts = dict[str, Any](json.loads(file.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise ZooError(f"{file} is damaged: {error}; {prepared_again(name)}") from error
    return facts


def prepared_again(name: str) -> str:
    """What to type where prepared files are damaged."""
    again = f"`zoo data fetch {name}` or `zoo data import {name} PATH`"
    return f"`zoo data remove {name}`, then {again}"


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def removable(record: Dataset, *names: str) -> list[Path]:
    """What zoo keeps of a dataset: prepared files, crops and features, also of its filters.

    Args:
        record: What the names select.
        names: As the user typed it, with the argument of a scheme.
    """
    if record.alias:
        return []
    shared = [r.name for r in records("datasets") if r.archives and place_of(r) == place_of(record)]
    found = [place for place in _places(record, names) if place.is_dir()]
    for kind in ("crops", "features"):
        for name in sorted({*names, *shared} if record.scheme else {record.name, *shared}):
            found += sorted((home() / kind).glob(f"{file_name(name)}-{KEY}"))
    return found


def _places(record: Dataset, names: Iterable[str]) -> list[Path]:
    """Folders of the prepared files; of TFDS' those in zoo's own home, never the user's."""
    if record.name == "tfds":
        named = [parsed(name.partition("tfds:")[2]) for name in names]
        return [home() / "tfds" / dataset / config for dataset, config, _ in named]
    return [place_of(record)] if record.archives else []


def remove(record: Dataset, *names: str) -> list[Path]:
    """Delete what zoo keeps of a dataset.

    Args:
        record: What the names select.
        names: As `removable` takes them.

    Returns:
        The folders that were deleted.

    Raises:
        zoo.errors.ZooError: If there are none, or one cannot be deleted.
    """
    folders = removable(record, *names)
    if not folders:
        raise ZooError(f"{names[0] if names else record.name}: there is nothing to remove")
    for folder in folders:
        with lock(folder, record.name), cannot_write(folder.parent):
            shutil.rmtree(folder)
    return folders
