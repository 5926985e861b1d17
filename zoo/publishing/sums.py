"""`SHA256SUMS`: hash and size of every file of a publication, and which files there may be.

`sha256sum -c SHA256SUMS` checks it, too: a size stands in a comment above each line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from zoo.data.hashing import file_hash
from zoo.errors import ZooError
from zoo.filenames import RESERVED
from zoo.progress import progress

SUMS = "SHA256SUMS"
HEADING = "# A generator published by zoo: bytes, SHA-256 and name of each file."
MEGABYTE = 2**20
LONGEST = MEGABYTE
MOST_FILES = 2000
LARGEST = 8 * 1024 * MEGABYTE
LIMITS = {
    **dict.fromkeys((".md", ".yaml", ".gitattributes", ".bib"), MEGABYTE),
    **dict.fromkeys((".png", ".webp", ".svg", ".pdf", ".json", ".csv", ".tex"), 64 * MEGABYTE),
    ".jsonl": 512 * MEGABYTE,
    **dict.fromkeys((".keras", ".npz"), 4 * 1024 * MEGABYTE),
}
PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]*[A-Za-z0-9_]|[A-Za-z0-9_]|\.gitattributes")
LINES = re.compile(r"# (\d{1,12})\n([0-9a-f]{64})  (\S+)\n")


@dataclass(frozen=True)
class Stated:
    """What is said of a file: bytes and hexadecimal SHA-256."""

    size: int
    sha256: str


Files = Mapping[str, Stated]


def write_sums(folder: Path) -> Files:
    """State every file of a folder in its `SHA256SUMS`."""
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != SUMS]
    files = {}
    with progress("Hashing", len(paths), "files") as advance:
        for path in paths:
            files[path.relative_to(folder).as_posix()] = stated_of(path)
            advance(1)
    lines = [f"# {file.size}\n{file.sha256}  {name}\n" for name, file in files.items()]
    (folder / SUMS).write_text(f"{HEADING}\n{''.join(lines)}", encoding="utf-8", newline="\n")
    return read_sums((folder / SUMS).read_bytes(), str(folder))


def stated_of(path: Path) -> Stated:
    """Size and hash of a file."""
    return Stated(path.stat().st_size, file_hash(path))


def read_sums(content: bytes, source: str) -> Files:
    """The files that a `SHA256SUMS` states, each with a name that zoo can give.

    Args:
        content: Of the file.
        source: Named in messages.

    Raises:
        zoo.errors.ZooError: If it is damaged, or names what no publication holds.
    """
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    heading, _, rest = text.partition("\n")
    found = LINES.findall(rest)
    if heading != HEADING or "".join(f"# {n}\n{h}  {name}\n" for n, h, name in found) != rest:
        raise ZooError(f"{source}: {SUMS} is damaged, or was not written by zoo")
    files = {name: Stated(int(size), digest) for size, digest, name in found}
    if len(found) > MOST_FILES or len({name.lower() for name in files}) < len(found):
        raise ZooError(f"{source}: {SUMS} names too many files, or one of them twice")
    for name, file in files.items():
        if reason := _objection(name, file):
            raise ZooError(f"{source} is refused: {name!r} {reason}")
    if (total := sum(file.size for file in files.values())) > LARGEST:
        raise ZooError(f"{source} is refused: {total:,} bytes are more than {LARGEST:,}")
    return files


def _objection(name: str, file: Stated) -> str:
    parts = name.split("/")
    if len(parts) > 3 or not all(map(PART.fullmatch, parts)) or any(map(RESERVED.match, parts)):
        return "is no name that zoo gives"
    path = PurePosixPath(name)
    limit = LIMITS.get(path.suffix or path.name)
    if limit is None:
        return f"is of a kind that is not taken; known are {', '.join(LIMITS)}"
    return f"has {file.size:,} bytes, more than {limit:,}" if file.size > limit else ""
