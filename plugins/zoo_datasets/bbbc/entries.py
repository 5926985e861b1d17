"""Entries of an archive by the names that lists and tables give them."""

import zipfile
from pathlib import PurePosixPath


def by_name(archive: zipfile.ZipFile, *suffixes: str) -> dict[str, zipfile.ZipInfo]:
    """Entries by file name, whatever their folder; what macOS adds is left out.

    Args:
        archive: An open zip.
        *suffixes: Lower-case endings, such as `.tif`.
    """
    return {
        name: entry
        for entry in archive.infolist()
        if (name := PurePosixPath(entry.filename).name).lower().endswith(suffixes)
        and not entry.is_dir()
        and not name.startswith(".")
    }
