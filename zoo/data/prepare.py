"""Archives to a prepared TFDS dataset: once, whole or not at all."""

import contextlib
import datetime
import io
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from zoo.data.archive import open_zip
from zoo.data.locking import lock, staged
from zoo.data.matching import UNKNOWN, Copy, identify, is_zip, listed, match
from zoo.data.prepared import FACTS, SUMS, facts_of, place_of, version_of
from zoo.data.sums import sums_of
from zoo.data.tfds import quiet
from zoo.device import configure
from zoo.errors import UsageError, ZooError
from zoo.runs.files import write_json
from zoo.specs import Archive, Dataset


def import_files(record: Dataset, paths: Iterable[Path]) -> dict[str, Any]:
    """Prepare a dataset from files, or folders that hold them.

    An unknown hash is warned of and recorded.

    Returns:
        What is known of the prepared dataset.

    Raises:
        zoo.errors.ZooError: If an archive is missing, damaged or not the dataset's, or the
            dataset is already prepared from others.
    """
    known = {archive.filename: archive for archive in archives_of(record)}
    files = match(record, paths)
    copies = [identify(known[name], path) for name, path in files.items()]
    if version_of(record) is not None:
        return _already(record, copies)
    for copy in copies:
        if is_zip(known[copy.filename]):
            with open_zip(copy.path):
                pass  # a damaged archive is told before a framework loads
    for copy in copies:
        if copy.note == UNKNOWN:
            print(
                f"warning: {copy.path} is no known copy of {copy.filename} (SHA-256 "
                f"{copy.sha256}); this is recorded with every run",
                file=sys.stderr,
            )
    prepare(record, copies)
    return facts_of(record)


def archives_of(record: Dataset) -> tuple[Archive, ...]:
    """What a dataset is prepared from.

    Raises:
        zoo.errors.UsageError: If it is not made from archives.
    """
    if record.alias:
        raise UsageError(f"{record.name} stands for {' or '.join(record.alias)}; name one of them")
    if not record.archives:
        raise UsageError(f"{record.name} is not made from an archive; there is nothing to prepare")
    return record.archives


def _already(record: Dataset, copies: list[Copy]) -> dict[str, Any]:
    facts = facts_of(record)
    before = {stored["sha256"] for stored in facts.get("archives", ())}
    if before != {copy.sha256 for copy in copies}:
        raise ZooError(
            f"{record.name} is already prepared from other archives (SHA-256 "
            f"{listed(sorted(before))}); `zoo data remove {record.name}` first"
        )
    print(f"{record.name} is already prepared from what was given", file=sys.stderr)
    return facts


def prepare(record: Dataset, copies: list[Copy]) -> None:
    """Run a dataset's builder on its archives, unless another process has done it meanwhile.

    Raises:
        zoo.errors.ZooError: If the builder cannot read them.
    """
    with _named(record, copies):
        builder_class = record.load()
        place = place_of(record) / str(builder_class.VERSION)
    with lock(place_of(record), record.name):
        if place.is_dir():
            return
        with staged(place) as staging:
            with _named(record, copies):
                facts = _build(record, builder_class, copies, staging)
            facts["archives"] = [
                {"filename": copy.filename, "sha256": copy.sha256, "copy": copy.note}
                for copy in copies
            ]
            facts["prepared"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            write_json(staging / FACTS, facts)
            write_json(staging / SUMS, sums_of(staging))


@contextlib.contextmanager
def _named(record: Dataset, copies: list[Copy]) -> Iterator[None]:
    """Turn whatever a builder raises into one line; a full disk is told by who writes."""
    try:
        yield
    except (ZooError, OSError):
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        files = listed([str(copy.path) for copy in copies])
        raise ZooError(f"{record.name} cannot be prepared from {files}: {reason}") from error


def _build(
    record: Dataset, builder_class: Any, copies: list[Copy], staging: Path
) -> dict[str, Any]:
    """Run the builder inside a folder of its own, then keep the version's files alone."""
    import tensorflow_datasets as tfds

    work = staging / "work"
    for copy in copies:
        _as_named(copy.path, work / "manual" / copy.filename)
    configure()  # loads TensorFlow, which TFDS needs for writing, without its remarks
    with quiet(), contextlib.redirect_stdout(io.StringIO()):
        builder = builder_class(
            data_dir=work, file_format="array_record", config=_config(record, builder_class)
        )
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=work / "manual")
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
        **({"pixel_size": size} if (size := getattr(builder, "pixel_size", None)) else {}),
        "rejected": [
            {"file": r.file, "reason": r.reason} for r in getattr(builder, "rejected", ())
        ],
    }


def _config(record: Dataset, builder_class: Any) -> Any:
    import tensorflow_datasets as tfds

    if builder_class.BUILDER_CONFIGS or not record.config:
        return record.config or None
    return tfds.core.BuilderConfig(name=record.config)


def _as_named(path: Path, target: Path) -> None:
    """The archive under the name that the builder looks for, without copying where possible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(path.resolve())
    except OSError:  # Windows without the privilege
        shutil.copyfile(path, target)
