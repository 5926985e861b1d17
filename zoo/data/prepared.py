"""Prepared datasets on disk: where they are and what is known of them, read without TFDS."""

import json
import shutil
from pathlib import Path
from typing import Any

from zoo.data.home import home
from zoo.data.locking import cannot_write, lock
from zoo.errors import ZooError
from zoo.specs import Dataset

FACTS = "zoo.json"


def place_of(record: Dataset) -> Path:
    """The folder of a record's dataset; records with the same config share it."""
    name = record.name.partition("/")[0]
    return home() / "datasets" / (f"{name}/{record.config}" if record.config else name)


def version_of(record: Dataset) -> Path | None:
    """The folder of the prepared version, the newest if there are several, or `None`."""
    found = sorted(path.parent for path in place_of(record).glob(f"[0-9]*/{FACTS}"))
    return found[-1] if found else None


def is_ready(record: Dataset) -> bool:
    """Whether the dataset can be loaded at once: it is prepared, or needs no archive."""
    return record.archive is None or version_of(record) is not None


def facts_of(record: Dataset) -> dict[str, Any]:
    """What was written down when it was prepared.

    Raises:
        zoo.errors.ZooError: If it is not prepared; the message names the commands that do it.
    """
    folder = version_of(record)
    if folder is None:
        raise ZooError(unprepared(record))
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text())
    except (OSError, ValueError) as error:
        advice = f"`zoo data remove {record.name}`, then prepare it again"
        raise ZooError(f"{folder / FACTS} cannot be read ({error}): {advice}") from error
    return facts


def unprepared(record: Dataset) -> str:
    """One line that says how to prepare a dataset."""
    archive = record.archive
    filename = archive.filename if archive else "FILE"
    ways = f"`zoo data import {record.name} PATH/{filename}` takes it from disk"
    if archive and archive.url:
        size = f" ({archive.size / 1e6:.0f} MB)" if archive.size else ""
        ways = f"`zoo data fetch {record.name}` downloads it{size}, {ways}"
    return f"{record.name} is not prepared: {ways}"


def prepared() -> list[dict[str, Any]]:
    """Name, version, images, size in bytes, archive and path of each prepared dataset."""
    rows = []
    root = home() / "datasets"
    for file in sorted(root.glob(f"**/{FACTS}")):
        if any(part.startswith(".") for part in file.relative_to(root).parts):
            continue  # unfinished
        facts = json.loads(file.read_text())
        name = file.parent.parent.relative_to(root).as_posix()
        kept = {key: facts.get(key) for key in ("version", "contents", "archive", "prepared")}
        rows.append({"name": name, **kept, "bytes": size_of(file.parent), "path": str(file.parent)})
    return rows


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove(record: Dataset) -> Path:
    """Delete a prepared dataset, all its versions and filters.

    Raises:
        zoo.errors.ZooError: If it is not prepared or cannot be deleted.
    """
    place = place_of(record)
    if version_of(record) is None:
        raise ZooError(f"{record.name} is not prepared; there is nothing to remove")
    with lock(place, record.name), cannot_write(place.parent):
        shutil.rmtree(place)
    return place
