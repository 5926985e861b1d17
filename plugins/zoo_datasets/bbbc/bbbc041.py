"""BBBC041: blood infected with Plasmodium vivax, as whole fields or as one crop per cell."""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.archive import open_zip, read_entry
from zoo.data.builder import ImageBuilder
from zoo.data.decode import LOSSY, decode
from zoo.data.examples import Rejected
from zoo.errors import ZooError
from zoo.progress import progress
from zoo_datasets.bbbc.entries import by_name
from zoo_datasets.bbbc.screens import CELLS, INFECTED, MALARIA

LISTS = {"training": "training.json", "test": "test.json"}
SIGNATURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": f"JPEG{LOSSY}"}
CODECS = tuple(SIGNATURES.values())
ALTERED = "not the file whose MD5 the list gives"
BORDER = "the box crosses the border"

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Cell:
    """A boxed object: its class, and top, left, bottom and right in pixels."""

    category: str
    box: Box


@dataclass(frozen=True, slots=True)
class Listed:
    """An image that a list names, with the MD5 of its file."""

    file: str
    md5: str
    cells: tuple[Cell, ...]


class Bbbc041(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Whole fields, with how many cells are boxed and how many of these are infected.

    The group is the source image: the archive names no patient, slide or laboratory.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First."}
    channels = 3
    fields: ClassVar = {"codec": CODECS, "cells": int, "infected": int}
    splits = tuple(LISTS)

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Mapping[str, Any]]:
        """Yield the images that a list names."""
        for example, cells in _fields(archives[MALARIA], split):
            infected = sum(cell.category in INFECTED for cell in cells)
            yield example | {"cells": len(cells), "infected": infected}


class Bbbc041Cells(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """The square around each box, whose side is the longer one of the box.

    The group is the source image, so that cells of one image never fall into two parts.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First."}
    channels = 3
    fields: ClassVar = {"label": CELLS, "codec": CODECS, "row": int, "column": int}
    splits = tuple(LISTS)

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Mapping[str, Any]]:
        """Yield the cells of the images that a list names."""
        for example, cells in _fields(archives[MALARIA], split):
            if "rejected" in example:
                yield example
            for number, cell in enumerate(cells):
                yield _crop(example, number, cell)


def square(box: Box, sides: tuple[int, int]) -> tuple[int, int, int]:
    """Row, column and side of the square around a box, moved into the image.

    Args:
        box: Top, left, bottom, right in pixels, the last two exclusive; it may cross the border.
        sides: Height and width of the image.

    Raises:
        zoo.data.examples.Rejected: If nothing of the box is inside the image.
    """
    top, left = max(box[0], 0), max(box[1], 0)
    bottom, right = min(box[2], sides[0]), min(box[3], sides[1])
    if bottom <= top or right <= left:
        raise Rejected(f"the box {box} holds nothing of the image")
    side = min(max(bottom - top, right - left), *sides)
    row = min(max((top + bottom - side) // 2, 0), sides[0] - side)
    column = min(max((left + right - side) // 2, 0), sides[1] - side)
    return row, column, side


def _fields(path: Path, split: str) -> Iterator[tuple[dict[str, Any], tuple[Cell, ...]]]:
    """Examples without the fields of a builder, and their cells; none if set aside."""
    with open_zip(path) as archive:
        listed = {name: _list(archive, path.name, file) for name, file in LISTS.items()}
        images = by_name(archive, ".png", ".jpg", ".jpeg")
        with progress(f"Reading the {split} images", len(listed[split]), "images") as advance:
            for image in listed[split]:
                try:
                    yield _field(archive, images, image), image.cells
                except Rejected as reason:
                    yield {"id": _key(image), "rejected": str(reason)}, ()
                advance(1)
        if split == next(iter(LISTS)):
            known = {image.file for entries in listed.values() for image in entries}
            for name in sorted(set(images) - known):
                yield {"id": images[name].filename, "rejected": "in neither list"}, ()


def _field(
    archive: zipfile.ZipFile, images: Mapping[str, zipfile.ZipInfo], image: Listed
) -> dict[str, Any]:
    if image.file not in images:
        raise Rejected("listed, but not in the archive")
    content = read_entry(archive, images[image.file])
    pixels, note = decode(content, name=image.file)
    codec = next((kind for start, kind in SIGNATURES.items() if content.startswith(start)), "")
    altered = hashlib.md5(content, usedforsecurity=False).hexdigest() != image.md5
    notes = (note, codec if codec.endswith(LOSSY) else "", ALTERED if altered else "")
    return {"id": _key(image), "image": pixels, "codec": codec, "note": _joined(*notes)}


def _crop(field: Mapping[str, Any], number: int, cell: Cell) -> dict[str, Any]:
    key = f"{field['id']}:{number:03d}"
    pixels: npt.NDArray[Any] = field["image"]
    try:
        row, column, side = square(cell.box, pixels.shape[:2])
    except Rejected as reason:
        return {"id": key, "rejected": str(reason)}
    top, left, bottom, right = cell.box
    crossing = min(top, left) < 0 or bottom > pixels.shape[0] or right > pixels.shape[1]
    return {
        "id": key,
        "group": field["id"],
        "image": pixels[row : row + side, column : column + side],
        "label": cell.category,
        "codec": field["codec"],
        "row": row,
        "column": column,
        "note": _joined(field["note"], BORDER if crossing else ""),
    }


def _list(archive: zipfile.ZipFile, name: str, file: str) -> list[Listed]:
    entries = by_name(archive, ".json")
    if file not in entries:
        raise ZooError(f"{name} holds no {file}; it is not BBBC041's")
    try:
        return [_listed(image) for image in json.loads(read_entry(archive, entries[file]))]
    except (ValueError, LookupError, TypeError) as error:
        raise ZooError(f"{file} in {name} is not as BBBC041's: {error!r}") from error


def _listed(image: Mapping[str, Any]) -> Listed:
    file = PurePosixPath(image["image"]["pathname"]).name
    cells = (Cell(thing["category"], _box(thing["bounding_box"])) for thing in image["objects"])
    return Listed(file, image["image"]["checksum"], tuple(cells))


def _box(corners: Mapping[str, Mapping[str, int]]) -> Box:
    """Rows (`r`) come before columns (`c`), unlike x and y elsewhere."""
    low, high = corners["minimum"], corners["maximum"]
    return int(low["r"]), int(low["c"]), int(high["r"]), int(high["c"])


def _key(image: Listed) -> str:
    return PurePosixPath(image.file).stem


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))
