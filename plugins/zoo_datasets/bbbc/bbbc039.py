"""BBBC039: nuclei of U2OS cells in a chemical screen, with instance masks and an official split."""

import csv
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds
from scipy import ndimage

from zoo.data.archive import open_zip, read_entry
from zoo.data.builder import ImageBuilder
from zoo.data.decode import decode
from zoo.data.examples import Rejected
from zoo.errors import ZooError
from zoo.progress import progress
from zoo_datasets.bbbc.entries import by_name
from zoo_datasets.bbbc.screens import BBBC039

PLATES = "filenames_and_plates.csv"
PLACE = re.compile(r"_([A-P]\d{2})_s(\d+)_w\d")
DIAGONALS_TOUCH = np.ones((3, 3), bool)

Entries = dict[str, zipfile.ZipInfo]


class Bbbc039(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Fields of view of 520×696 pixels, Hoechst; 12-bit values in 16 bits.

    The group is the well on its plate: some fields were taken twice, and the official split is
    said to keep wells whole, but every plate is in all three of its parts.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First."}
    channels = 1
    dtype = np.uint16
    masks = True
    fields: ClassVar = {"plate": str, "well": str, "site": int}
    splits = ("training", "validation", "test")

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Mapping[str, Any]]:
        """Yield the fields that `SPLIT.txt` of the metadata lists."""
        with ExitStack() as stack:
            images, masks, metadata = (
                stack.enter_context(open_zip(archives[name])) for name in BBBC039
            )
            lists = by_name(metadata, ".txt", ".csv")
            listed = {name: _lines(metadata, lists, f"{name}.txt") for name in self.splits}
            plates = {_stem(n): p for n, p in csv.reader(_lines(metadata, lists, PLATES))}
            files = {_stem(name): entry for name, entry in by_name(images, ".tif").items()}
            labels = {_stem(name): entry for name, entry in by_name(masks, ".png").items()}
            keys = [_stem(line) for line in listed[split]]
            with progress(f"Reading the {split} fields", len(keys), "images") as advance:
                for key in keys:
                    yield _example(key, plates, (images, files), (masks, labels))
                    advance(1)
        if split == self.splits[0]:
            known = {_stem(line) for lines in listed.values() for line in lines}
            for key in sorted(set(files) - known):
                yield {"id": key, "rejected": "in none of the lists of the official split"}


def instances(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Nuclei, numbered from 1, of a mask in which touching nuclei have different colours.

    A nucleus is what is connected, diagonals included, in one colour, as in the authors' own
    reader (skimage.morphology.label of the first channel); nothing small is dropped.

    Args:
        colours: (H, W), 0 for background.
    """
    numbered = np.zeros(colours.shape, np.int32)
    for colour in np.unique(colours[colours > 0]):
        found, _ = ndimage.label(colours == colour, DIAGONALS_TOUCH)
        numbered[found > 0] = found[found > 0] + numbered.max()
    return numbered


def _example(
    key: str,
    plates: Mapping[str, str],
    images: tuple[zipfile.ZipFile, Entries],
    masks: tuple[zipfile.ZipFile, Entries],
) -> dict[str, Any]:
    place = PLACE.search(key)
    try:
        if place is None:
            raise Rejected("its name tells no well and site")
        if key not in plates:
            raise Rejected(f"{PLATES} names no plate for it")
        return {
            "id": key,
            "image": _decoded(key, "image", *images),
            "mask": instances(_decoded(key, "mask", *masks)[..., 0]),
            "group": f"{plates[key]}/{place[1]}",
            "plate": plates[key],
            "well": place[1],
            "site": int(place[2]),
        }
    except Rejected as reason:
        return {"id": key, "rejected": str(reason)}


def _decoded(key: str, what: str, archive: zipfile.ZipFile, entries: Entries) -> npt.NDArray[Any]:
    if key not in entries:
        raise Rejected(f"no {what} of this name")
    try:
        pixels, _ = decode(read_entry(archive, entries[key]), name=entries[key].filename)
    except Rejected as reason:
        raise Rejected(f"{what}: {reason}") from None
    return pixels


def _lines(metadata: zipfile.ZipFile, entries: Entries, name: str) -> list[str]:
    if name not in entries:
        raise ZooError(f"metadata.zip holds no {name}; it is not BBBC039's")
    text = read_entry(metadata, entries[name]).decode("utf-8-sig", "replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _stem(name: str) -> str:
    return PurePosixPath(name).stem
