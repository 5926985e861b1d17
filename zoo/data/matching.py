"""Which file on disk is which of a dataset's archives."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zoo.data.hashing import file_hash
from zoo.errors import UsageError, ZooError
from zoo.plugins import unknown
from zoo.specs import Archive, Dataset

UNKNOWN = "unknown copy"


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that stands for one of a dataset's archives.

    Attributes:
        filename: The archive's official name.
        path: Where the file lies.
        sha256: Its hash.
        note: What is known of this copy, or `UNKNOWN`.
    """

    filename: str
    path: Path
    sha256: str
    note: str


def identify(archive: Archive, path: Path) -> Copy:
    """Hash a file and look it up among the known copies of an archive."""
    sha256 = file_hash(path)
    note = archive.sha256.get(sha256, "")
    if not note and archive.md5:
        note = archive.md5.get(file_hash(path, "md5"), "")
    return Copy(archive.filename, path, sha256, note or UNKNOWN)


def match(record: Dataset, paths: Iterable[Path]) -> dict[str, Path]:
    """Find a dataset's archives among files and in folders, by their official names.

    Case does not matter. A dataset with one archive takes a file of any name.

    Returns:
        Official filename to file, in the order of the record.

    Raises:
        zoo.errors.ZooError: If a path does not exist, or a required archive is missing.
        zoo.errors.UsageError: If a file is none of the archives, or two are the same one.
    """
    official = {archive.filename.lower(): archive.filename for archive in record.archives}
    found: dict[str, Path] = {}
    for path in paths:
        for file in _candidates(path, official):
            name = official.get(file.name.lower())
            if name is None and len(official) > 1:
                raise unknown(f"archive of {record.name}", file.name, official.values())
            name = name or record.archives[0].filename
            if name in found and not found[name].samefile(file):
                raise UsageError(f"two files for {name}: {found[name]} and {file}")
            found[name] = file
    return _complete(record, found)


def _candidates(path: Path, official: Iterable[str]) -> list[Path]:
    """The file, or what a folder holds under an official name."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return [file for file in files if file.name.lower() in official]
    if not path.exists():
        raise ZooError(f"no file {path}")
    return [path]


def _complete(record: Dataset, found: dict[str, Path]) -> dict[str, Path]:
    missing = [a.filename for a in record.archives if not a.optional and a.filename not in found]
    if missing:
        raise ZooError(f"{record.name} also needs {listed(missing)}{_source(record)}")
    if not found:
        names = [archive.filename for archive in record.archives]
        raise ZooError(f"{record.name} needs at least one of {listed(names)}{_source(record)}")
    return {a.filename: found[a.filename] for a in record.archives if a.filename in found}


def listed(names: list[str], most: int = 6) -> str:
    """Names in one line, the first few if there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def is_zip(archive: Archive) -> bool:
    """Whether an archive's official name says that it is a zip file, as `.npz` is one."""
    return archive.filename.lower().endswith((".zip", ".npz"))


def _source(record: Dataset) -> str:
    return f", from {record.homepage}" if record.homepage else ""
