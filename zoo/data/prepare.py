"""An archive to a prepared TFDS dataset: once, whole or not at all."""

import contextlib
import datetime
import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.data.archive import open_zip
from zoo.data.download import download
from zoo.data.hashing import file_hash
from zoo.data.home import home
from zoo.data.locking import lock, staged
from zoo.data.prepared import FACTS, facts_of, place_of, version_of
from zoo.data.tfds import quiet
from zoo.device import configure
from zoo.errors import UsageError, ZooError
from zoo.runs.files import write_json
from zoo.specs import Archive, Dataset

UNKNOWN = "unknown copy"


def fetch(record: Dataset) -> dict[str, Any]:
    """Download a dataset's archive, check its hash and prepare it.

    Returns:
        What is known of the prepared dataset.

    Raises:
        zoo.errors.ZooError: If it cannot be downloaded, or its hash is not a known one; then the
            file is kept and the message says how to import it knowingly.
        zoo.errors.UsageError: If the dataset has no archive or no address.
    """
    archive = _archive(record)
    if not archive.url:
        raise UsageError(
            f"{record.name} cannot be downloaded: get {archive.filename} from "
            f"{record.homepage}, then `zoo data import {record.name} PATH`"
        )
    file = home() / "downloads" / archive.filename
    with lock(file, record.name):
        if version_of(record) is None:
            download(archive.url, file, size=archive.size)
            if (found := file_hash(file)) not in archive.sha256:
                raise ZooError(
                    f"{archive.url} has the unknown SHA-256 {found}; if you trust it, "
                    f"`zoo data import {record.name} {file}` takes it"
                )
            _prepare(record, file, found)
            file.unlink()
    return facts_of(record)


def import_file(record: Dataset, path: Path) -> dict[str, Any]:
    """Prepare a dataset from an archive on disk. An unknown hash is warned of and recorded.

    Returns:
        What is known of the prepared dataset.

    Raises:
        zoo.errors.ZooError: If the archive is missing, damaged or not the dataset's, or the
            dataset is already prepared from another archive.
    """
    archive = _archive(record)
    found = file_hash(path)
    if version_of(record) is not None:
        return _already(record, found)
    with open_zip(path):
        pass  # a damaged archive is told before a framework loads
    if found not in archive.sha256:
        print(
            f"warning: {path} is no known copy of {archive.filename} (SHA-256 {found}); this is "
            "recorded with every run",
            file=sys.stderr,
        )
    _prepare(record, path, found)
    return facts_of(record)


def _already(record: Dataset, found: str) -> dict[str, Any]:
    facts = facts_of(record)
    if facts["archive"]["sha256"] != found:
        raise ZooError(
            f"{record.name} is already prepared from another archive (SHA-256 "
            f"{facts['archive']['sha256']}); `zoo data remove {record.name}` first"
        )
    print(f"{record.name} is already prepared from this archive", file=sys.stderr)
    return facts


def _archive(record: Dataset) -> Archive:
    if record.alias:
        raise UsageError(f"{record.name} stands for {' or '.join(record.alias)}; name one of them")
    if record.archive is None:
        raise UsageError(f"{record.name} is not made from an archive; there is nothing to prepare")
    return record.archive


def _prepare(record: Dataset, path: Path, sha256: str) -> None:
    archive = _archive(record)
    with _named(record, path):
        builder_class = record.load()
        place = place_of(record) / str(builder_class.VERSION)
    with lock(place_of(record), record.name):
        if place.is_dir():
            return
        with staged(place) as staging:
            with _named(record, path):
                facts = _build(record, builder_class, path, staging)
            known = archive.sha256.get(sha256, UNKNOWN)
            facts["archive"] = {"filename": archive.filename, "sha256": sha256, "copy": known}
            facts["prepared"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            write_json(staging / FACTS, facts)


@contextlib.contextmanager
def _named(record: Dataset, path: Path) -> Iterator[None]:
    """Turn whatever a builder raises into one line; a full disk is told by who writes."""
    try:
        yield
    except (ZooError, OSError):
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ZooError(f"{record.name} cannot be prepared from {path}: {reason}") from error


def _build(record: Dataset, builder_class: Any, path: Path, staging: Path) -> dict[str, Any]:
    """Run the builder inside a folder of its own, then keep the version's files alone."""
    import tensorflow_datasets as tfds

    work = staging / "work"
    config = {"config": record.config} if record.config else {}
    configure()  # loads TensorFlow, which TFDS needs for writing, without its remarks
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        builder = builder_class(data_dir=work, file_format="array_record", **config)
        manual = _as_named(path, work / "manual" / _archive(record).filename)
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=manual.parent)
        )
    for file in Path(builder.data_dir).iterdir():
        file.rename(staging / file.name)
    shutil.rmtree(work)
    splits = {name: split.num_examples for name, split in builder.info.splits.items()}
    return {
        "version": str(builder.version),
        "contents": {
            "images": sum(splits.values()),
            **getattr(builder, "counts", {}),
            "official_splits": splits,
        },
        "rejected": [
            {"file": r.file, "reason": r.reason} for r in getattr(builder, "rejected", ())
        ],
    }


def _as_named(path: Path, target: Path) -> Path:
    """The archive under the name that the builder looks for, without copying where possible."""
    target.parent.mkdir(parents=True)
    try:
        target.symlink_to(path.resolve())
    except OSError:  # Windows without the privilege
        shutil.copyfile(path, target)
    return target
