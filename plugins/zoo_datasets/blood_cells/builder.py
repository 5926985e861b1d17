"""Kaggle's blood cell images as a TensorFlow Datasets builder."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.archive import open_zip, read_entry
from zoo.data.builder import ImageBuilder
from zoo.data.decode import decode, encoding
from zoo.data.examples import Rejected
from zoo.errors import ZooError
from zoo_datasets.blood_cells import ARCHIVE, CLASSES, FOLDERS
from zoo_datasets.blood_cells.groups import same_field

MEMBER = re.compile(rf"(?:.*/)?(({'|'.join(FOLDERS)})/([^/]+)/[^/.][^/]*)")

Pixels = npt.NDArray[np.uint8]


class BloodCells(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """White blood cells among red ones, group = photographed field, inferred from the pixels.

    The folders are kept as the official split and as the field `folder`. They share fields, so
    `--split official` moves what they tear apart into training.
    """

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First.", "1.1.0": "Field codec."}
    channels = 3
    fields: ClassVar = {"label": CLASSES, "folder": FOLDERS, "codec": str}
    splits = tuple(folder.lower() for folder in FOLDERS)

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[dict[str, Any]]:
        """Yield the images of a folder, the groups of all having been inferred first."""
        with open_zip(archives[ARCHIVE.filename]) as archive:
            members = _members(archive)
            groups = self._groups(archive, members)
            for name, entry in members:
                folder, label, _ = name.split("/")
                if folder.lower() != split:
                    continue
                fields = {"id": name, "label": label, "folder": folder}
                try:
                    image, note = _read(archive, name, entry)
                    fields["codec"] = encoding(read_entry(archive, entry), name=name)
                except Rejected as reason:
                    yield fields | {"rejected": str(reason)}
                    continue
                yield fields | {"image": image, "note": note, "group": groups[name]}

    def _groups(
        self, archive: zipfile.ZipFile, members: list[tuple[str, zipfile.ZipInfo]]
    ) -> dict[str, str]:
        """The first image's name of the group of each readable image, inferred once."""
        if not hasattr(self, "_inferred"):
            names: list[str] = []
            fields = same_field(_images(archive, members, names), len(members))
            self._inferred = {name: names[i] for name, i in zip(names, fields, strict=True)}
            self.counts["groups"] = len(set(self._inferred.values()))
        return self._inferred


def _members(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """`FOLDER/CLASS/file` and entry, sorted, wherever the archive puts the folders."""
    found = [
        (match[1], entry)
        for entry in archive.infolist()
        if (match := MEMBER.fullmatch(entry.filename)) and "__MACOSX" not in entry.filename
    ]
    if not found:
        raise ZooError(f"{ARCHIVE.filename} holds no {FOLDERS[0]}/<class>/<image>.jpeg")
    return sorted(found, key=lambda member: member[0])


def _images(
    archive: zipfile.ZipFile, members: list[tuple[str, zipfile.ZipInfo]], names: list[str]
) -> Iterator[Pixels]:
    """Decode what can be decoded, one at a time, writing down the names."""
    for name, entry in members:
        try:
            image, _ = _read(archive, name, entry)
        except Rejected:
            continue
        names.append(name)
        yield image


def _read(archive: zipfile.ZipFile, name: str, entry: zipfile.ZipInfo) -> tuple[Pixels, str]:
    if (label := name.split("/")[1]) not in CLASSES:
        raise Rejected(f"{label} is none of {', '.join(CLASSES)}")
    image, note = decode(read_entry(archive, entry))
    if image.dtype != np.uint8 or image.shape[2] != 3:
        raise Rejected(f"{image.dtype} pixels in {image.shape[2]} channels, not 8-bit RGB")
    return image, note
