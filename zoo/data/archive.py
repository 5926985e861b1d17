"""Zip archives read in place: nothing is unpacked, and no entry is trusted."""

import contextlib
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from zoo.data.examples import Rejected
from zoo.errors import ZooError

MAX_ENTRY = 512 * 2**20
MAX_RATIO = 1000
SMALL = 2**20
ENCRYPTED = 0x1


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive.

    Raises:
        zoo.errors.ZooError: If it is missing, unreadable, truncated, no zip, or has a password.
    """
    if not path.is_file():
        raise ZooError(f"no file {path}")
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise ZooError(f"{path} is no zip archive, or is truncated") from None
    except (OSError, ValueError, NotImplementedError) as error:
        raise ZooError(f"{path} cannot be opened: {error}") from error
    with archive:
        if any(entry.flag_bits & ENCRYPTED for entry in archive.infolist()):
            raise ZooError(f"{path} is protected by a password; unpack it and zip it without one")
        yield archive


def check_entry(entry: zipfile.ZipInfo) -> None:
    """Check where an entry lies and what it claims to hold.

    Raises:
        zoo.data.examples.Rejected: If it climbs out of its folder, is a link, or is a
            decompression bomb.
    """
    name = entry.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or (parts and parts[0].endswith(":")):
        raise Rejected("its name climbs out of the archive's folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Rejected("a symbolic link, which is not followed")
    if entry.file_size > MAX_ENTRY:
        raise Rejected(f"claims {entry.file_size:,} bytes, more than {MAX_ENTRY:,}")
    if entry.file_size > max(SMALL, MAX_RATIO * entry.compress_size):
        raise Rejected(f"unpacks to more than {MAX_RATIO} times its size")


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry, no more than its header claims.

    Raises:
        zoo.data.examples.Rejected: If it fails `check_entry`, or is damaged.
    """
    check_entry(entry)
    try:
        return archive.read(entry)
    except Exception as error:  # each compression has errors of its own
        raise Rejected(f"damaged in the archive: {error or type(error).__name__}") from None
