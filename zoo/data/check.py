"""What is wrong with a user's image files: all at once, before anything is prepared."""

import contextlib
import itertools
import os
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from zoo.data.archive import open_zip, read_entry
from zoo.data.decode import encoding, frames
from zoo.data.examples import Rejection
from zoo.data.findings import (
    Finding,
    Image,
    counted,
    counts,
    findings,
    image_facts,
    name_findings,
    parts,
)
from zoo.data.folders import CLEARLY_NO_IMAGE, attempted, image_files, name_of
from zoo.data.frames import Reading
from zoo.errors import UsageError
from zoo.plugins import find
from zoo.progress import progress

UTF_8_NAME = 0x800  # flag of a zip entry


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found.

    Attributes:
        path: What was checked.
        files: Number of files.
        images: Number of images that could be read; a volume gives many.
        rejected: Each file that would be set aside, with the reason.
        findings: What is doubtful about the rest.
        counts: Images by `sizes`, `channels`, `types`, `encodings` and `classes`.
        parts: `images` and `groups` of each part under split seed 0; empty for an archive and a
            file, which name no groups.
    """

    path: str
    files: int
    images: int
    rejected: tuple[Rejection, ...]
    findings: tuple[Finding, ...]
    counts: Mapping[str, Mapping[str, int]]
    parts: Mapping[str, Mapping[str, int]]

    def as_json(self) -> dict[str, Any]:
        """The report as text, numbers, lists and mappings."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The report as text: the counts, then a line for each file and each finding."""
        yield f"{self.images:,} images in {self.files:,} files, {len(self.rejected):,} set aside"
        for name, images in self.counts.items():
            if images:
                yield f"{name}: {counted(images)}"
        if self.parts:
            each = (f"{part} {held['groups']:,}" for part, held in self.parts.items())
            yield f"groups by part, --split-seed 0: {', '.join(each)}"
        for rejection in self.rejected:
            yield _in_one_line(f"set aside {rejection.file}: {rejection.reason}")
        for finding in self.findings:
            yield _in_one_line(finding.message)


def check(path: Path, **options: Any) -> Report:
    """Read every image file, and tell what would be set aside and what is doubtful.

    Args:
        path: A folder, which is read as `folder:PATH` reads it; a zip archive, in which a folder
            is a class; or an image file.
        options: Those of `folder:PATH`; for a file or an archive `z`, `t` and `channels`.

    Raises:
        zoo.errors.ZooError: If there is no such path, or an archive cannot be opened.
        zoo.errors.UsageError: If an option is unknown, or a folder holds no image files.
    """
    if path.is_dir():
        source = _folder(path, options)
    elif zipfile.is_zipfile(path) and path.suffix.lower() != ".npz":
        source = _zip(path, _reading(options))
    elif path.is_file():
        source = _file(path, _reading(options))
    else:
        raise UsageError(f"no file or folder {path}")
    with source as (total, examples, names):
        images, rejected = _read(total, examples)
    found = (*findings(images), *name_findings(names))
    known = counts(images), parts(images)
    return Report(str(path), total, len(images), tuple(rejected), found, *known)


_Source = Iterator[tuple[int, Iterable[Mapping[str, Any]], Sequence[str]]]


@contextlib.contextmanager
def _folder(path: Path, options: Mapping[str, Any]) -> _Source:
    """The examples of `folder:PATH`, each with the encoding of its file."""
    files = {name_of(file, path): file for file in sorted(image_files(path))}
    source = find("datasets", "folder").load()(str(path), **options)

    def examples() -> Iterator[Mapping[str, Any]]:
        for example in source:
            name = str(example["id"]).partition("#")[0]
            yield {**example, "file": name, "encoding": example.get("codec", "")}

    bad = [name for name, file in files.items() if _unreadable(os.fsencode(file))]
    yield len(files), examples(), bad


@contextlib.contextmanager
def _zip(path: Path, reading: Reading) -> _Source:
    with open_zip(path) as archive:
        entries = [entry for entry in archive.infolist() if _may_be_image(entry)]
        top = _common([entry.filename for entry in entries])

        def examples() -> Iterator[Mapping[str, Any]]:
            for entry in entries:
                folders = PurePosixPath(entry.filename).parts[top:-1]
                label = {"label": folders[0]} if folders else {}

                def content(entry: zipfile.ZipInfo = entry) -> bytes:
                    return read_entry(archive, entry)

                for example in _examples(entry.filename, content, reading):
                    yield {**example, **label}

        bad = [entry.filename for entry in entries if _garbled(entry)]
        yield len(entries), examples(), bad


@contextlib.contextmanager
def _file(path: Path, reading: Reading) -> _Source:
    yield 1, _examples(path.name, lambda: path, reading), []


def _examples(
    name: str, content: Callable[[], Path | bytes], reading: Reading
) -> Iterator[Mapping[str, Any]]:
    def found() -> Iterator[Mapping[str, Any]]:
        data = content()
        kind = encoding(data, name=name)
        for frame in frames(data, name=name, reading=reading):
            place = f"{name}#{frame.place}" if frame.place else name
            yield {"id": place, "image": frame.pixels, "file": name, "encoding": kind}

    for example in attempted(name, found()):
        yield {"file": name, **example}


def _reading(options: Mapping[str, Any]) -> Reading:
    if unknown := sorted(set(options) - {"z", "t", "channels"}):
        raise UsageError(f"no option {unknown[0]!r} for a file; choose from z, t, channels")
    return Reading(**options)


def _read(total: int, examples: Iterable[Mapping[str, Any]]) -> tuple[list[Image], list[Rejection]]:
    """What is to be known of each image; none is kept."""
    images, rejected = [], []
    last = None
    with progress("Checking", total, "files") as advance:
        for example in examples:
            if (reason := example.get("rejected")) is not None:
                rejected.append(Rejection(str(example["id"]), str(reason)))
            else:
                images.append(image_facts(example))
            if example["file"] != last:
                advance(1)
                last = example["file"]
    return images, rejected


def _unreadable(name: bytes) -> bool:
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return any(unicodedata.category(letter) == "Cc" for letter in text)


def _in_one_line(text: str) -> str:
    """Text with its control characters written out."""
    return "".join(f"\\x{ord(c):02x}" if unicodedata.category(c) == "Cc" else c for c in text)


def _garbled(entry: zipfile.ZipInfo) -> bool:
    """Whether a zip entry has letters beyond ASCII, and does not say which."""
    plain = entry.filename.isascii() or entry.flag_bits & UTF_8_NAME
    return not plain or _unreadable(entry.filename.encode("utf-8", "surrogateescape"))


def _may_be_image(entry: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(entry.filename).parts
    hidden = any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in parts)
    return not (entry.is_dir() or hidden or entry.filename.lower().endswith(CLEARLY_NO_IMAGE))


def _common(names: Sequence[str]) -> int:
    """How many folders all files of an archive are in."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    levels = zip(*folders, strict=False)
    return len(list(itertools.takewhile(lambda level: len(set(level)) == 1, levels)))
