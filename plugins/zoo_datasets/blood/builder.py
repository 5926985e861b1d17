"""BCCD as a TensorFlow Datasets builder: one image per annotated cell."""

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from zoo.data.archive import open_zip, read_entry
from zoo.data.builder import ImageBuilder
from zoo.data.decode import decode, encoding
from zoo.data.examples import Rejected
from zoo.errors import ZooError
from zoo.progress import progress
from zoo_datasets.blood import ARCHIVE, CLASSES
from zoo_datasets.blood.boxes import Annotation, Box, check_new, crop, parse, read_box

MEMBER = re.compile(r"(?:.*/)?BCCD/(JPEGImages|Annotations|ImageSets/Main)/([^/.][^/]*)\.(\w+)")
SPLITS = ("train", "val", "test")

Example = dict[str, Any]
Members = dict[str, dict[str, zipfile.ZipInfo]]


class Blood(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Crops around the annotated cells, group = photograph."""

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First.", "1.1.0": "Field codec."}
    channels = 3
    fields: ClassVar = {"label": CLASSES, "codec": str}
    splits = SPLITS

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Example]:
        """Yield the cells of a split's photographs; those of no split come with the first."""
        with open_zip(archives[ARCHIVE.filename]) as archive:
            members = _members(archive)
            split_of = _split_of(archive, members["ImageSets/Main"])
            names = [name for name in members["JPEGImages"] if split_of.get(name) == split]
            if split == SPLITS[0]:
                yield from _unusable(members, split_of)
            with progress(f"Reading {split}", len(names), "photographs") as advance:
                for name in names:
                    yield from _cells(archive, members, name)
                    advance(1)


def _members(archive: zipfile.ZipFile) -> Members:
    """Entries by folder and name without ending, in the order of the names."""
    members: Members = defaultdict(dict)
    for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
        if (match := MEMBER.fullmatch(entry.filename)) and "__MACOSX" not in entry.filename:
            members[match[1]][match[2]] = entry
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        if not members[folder]:
            raise ZooError(f"{ARCHIVE.filename} holds nothing in BCCD/{folder}; it is not BCCD")
    return members


def _split_of(archive: zipfile.ZipFile, lists: Mapping[str, zipfile.ZipInfo]) -> dict[str, str]:
    """The first split that lists each photograph."""
    found: dict[str, str] = {}
    for split in SPLITS:
        if split in lists:
            for name in read_entry(archive, lists[split]).decode("utf-8", "replace").split():
                found.setdefault(name, split)
    return found


def _unusable(members: Members, split_of: Mapping[str, str]) -> Iterator[Example]:
    """What has no image, or no place in a split."""
    images = members["JPEGImages"]
    for name in sorted(images.keys() | members["Annotations"].keys() | split_of.keys()):
        if name not in images:
            yield {"id": name, "rejected": "annotated or listed, but there is no image"}
        elif name not in split_of:
            yield {"id": name, "rejected": f"in none of the lists {', '.join(SPLITS)}"}


def _cells(archive: zipfile.ZipFile, members: Members, name: str) -> Iterator[Example]:
    """An example of every usable box of a photograph, and a reason for every other."""
    try:
        content = read_entry(archive, members["JPEGImages"][name])
        image, note = decode(content)
        annotation = _annotation(archive, members, name, image.shape[1::-1])
    except Rejected as reason:
        yield {"id": name, "rejected": str(reason)}
        return
    if (stated := annotation.filename.rpartition(".")[0]) not in ("", name):
        note = ", ".join(filter(None, [note, f"annotation names {stated}"]))
    kept: list[Box] = []
    for number, element in enumerate(annotation.objects, start=1):
        cell: Example = {"id": f"{name}-{number:03d}", "group": name, "note": note}
        cell["codec"] = encoding(content, name=name)
        try:
            box = read_box(element, image.shape[1], image.shape[0])
            check_new(box, kept)
        except Rejected as reason:
            yield cell | {"rejected": str(reason)}
            continue
        kept.append(box)
        yield cell | {"image": crop(image, box), "label": box.label}


def _annotation(
    archive: zipfile.ZipFile, members: Members, name: str, size: tuple[int, ...]
) -> Annotation:
    """The annotation of a photograph of (width, height).

    Raises:
        Rejected: If there is none, or it was made at another size, so that its boxes do not fit.
    """
    if name not in members["Annotations"]:
        raise Rejected("no annotation")
    annotation = parse(read_entry(archive, members["Annotations"][name]))
    if annotation.size != size:
        raise Rejected(f"annotated at {annotation.size} pixels, but the image has {size}")
    return annotation
