"""Official archives from where they are published to a prepared dataset."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.data.download import download
from zoo.data.home import home
from zoo.data.locking import lock
from zoo.data.matching import UNKNOWN, Copy, identify, listed
from zoo.data.prepare import archives_of, prepare
from zoo.data.prepared import facts_of, place_of, version_of
from zoo.errors import UsageError, ZooError
from zoo.specs import Archive, Dataset


def fetch(record: Dataset, only: Iterable[str] = ()) -> dict[str, Any]:
    """Download a dataset's archives, check their hashes and prepare it.

    Args:
        record: The dataset.
        only: Parts of the names of the optional archives to take; none without.

    Returns:
        What is known of the prepared dataset.

    Raises:
        zoo.errors.ZooError: If an archive cannot be downloaded, or its hash is not a known one;
            then the file is kept and the message says how to import it knowingly. If the dataset
            is prepared already, but lacks an archive that was asked for.
        zoo.errors.UsageError: If it has no archive or no address, or `only` names none.
    """
    wanted = wanted_of(record, only)
    place = downloads_of(record)
    with lock(place, record.name):
        if version_of(record) is None:
            copies = [_downloaded(record, archive, place) for archive in wanted]
            prepare(record, copies)
            shutil.rmtree(place)
    facts = facts_of(record)
    there = {stored["filename"] for stored in facts.get("archives", ())}
    if lacking := [archive.filename for archive in wanted if archive.filename not in there]:
        raise ZooError(
            f"{record.name} is already prepared without {listed(lacking)}; "
            f"`zoo data remove {record.name}` first"
        )
    return facts


def wanted_of(record: Dataset, only: Iterable[str] = ()) -> list[Archive]:
    """The archives that `fetch` takes, in the order of the record.

    Raises:
        zoo.errors.UsageError: If the dataset has no archive, one of them has no address, or a
            text of `only` is part of no optional archive's name.
    """
    archives, texts = archives_of(record), [text.lower() for text in only]
    optional = [archive for archive in archives if archive.optional]
    for text in texts:
        if not any(text in archive.filename.lower() for archive in optional):
            names = listed([archive.filename for archive in optional]) or "(none)"
            raise UsageError(f"{record.name} has no optional archive {text!r}; choose from {names}")
    chosen = [a for a in optional if any(text in a.filename.lower() for text in texts)]
    wanted = [archive for archive in archives if not archive.optional or archive in chosen]
    if not wanted:
        names = listed([archive.filename for archive in optional])
        raise UsageError(f"choose archives of {record.name} by --only TEXT, a part of {names}")
    if absent := [archive.filename for archive in wanted if not archive.url]:
        raise UsageError(
            f"{record.name} cannot be downloaded: get {listed(absent)} from "
            f"{record.homepage}, then `zoo data import {record.name} PATH`"
        )
    return wanted


def downloads_of(record: Dataset) -> Path:
    """Where a dataset's archives lie until it is prepared."""
    return home() / "downloads" / place_of(record).relative_to(home() / "datasets")


def _downloaded(record: Dataset, archive: Archive, place: Path) -> Copy:
    """An archive with a known hash; it may be here from an attempt in which another one failed."""
    file = place / archive.filename
    if file.is_file() and (copy := identify(archive, file)).note != UNKNOWN:
        return copy
    download(archive.url, file, size=archive.size)
    copy = identify(archive, file)
    if copy.note != UNKNOWN:
        return copy
    if archive.sha256 or archive.md5:
        path = file if len(record.archives) == 1 else place
        raise ZooError(
            f"{archive.url} has the unknown SHA-256 {copy.sha256}; if you trust it, "
            f"`zoo data import {record.name} {path}` takes it"
        )
    print(
        f"warning: no hash of {archive.filename} is published; its SHA-256 {copy.sha256} is "
        "recorded with every run",
        file=sys.stderr,
    )
    return copy
