"""Sums by which damage to what zoo keeps on disk is noticed: CRC-32, read block by block."""

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from zoo.errors import ZooError
from zoo.progress import progress

BLOCK = 2**20


def sum_of(file: IO[bytes], size: int) -> int:
    """CRC-32 of the next `size` bytes of an open file, or of what there is of them."""
    found = 0
    while size > 0 and (block := file.read(min(BLOCK, size))):
        found, size = zlib.crc32(block, found), size - len(block)
    return found


def sums_of(folder: Path) -> dict[str, int]:
    """CRC-32 of each file in a folder and below it, by its path there."""
    return dict(_summed(folder, sorted(str(path) for path in _files(folder))))


def check_sums(folder: Path, known: Mapping[str, int]) -> None:
    """Read files again whose sums are known.

    Raises:
        zoo.errors.ZooError: Naming the first file that has another sum.
        OSError: If a file is missing.
    """
    for name, found in _summed(folder, known):
        if found != known[name]:
            raise ZooError(f"{folder / name} is damaged: it is not what was written")


def _files(folder: Path) -> Iterator[Path]:
    return (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _summed(folder: Path, names: "Mapping[str, int] | list[str]") -> Iterator[tuple[str, int]]:
    sizes = {name: (folder / name).stat().st_size for name in names}
    with progress("Checking what is kept", sum(sizes.values()) / 1e6, "MB") as advance:
        for name, size in sizes.items():
            with (folder / name).open("rb") as file:
                yield name, sum_of(file, size)
            advance(size / 1e6)
