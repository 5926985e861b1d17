"""BBBC038 (2018 Data Science Bowl, stage 1 train): nuclei in many stains, with instance masks."""

import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.archive import check_entry, open_zip, read_entry
from zoo.data.builder import ImageBuilder
from zoo.data.decode import decode
from zoo.data.examples import Rejected
from zoo.errors import ZooError
from zoo_datasets.bbbc import ARCHIVE, MODALITIES
from zoo_datasets.bbbc.members import Example, examples

Pixels = npt.NDArray[np.uint8]
Entries = dict[str, list[zipfile.ZipInfo]]


class Bbbc(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Nucleus images with one instance label per pixel, group = source image.

    The archive names no patient, plate or experiment, so nothing stronger can be grouped by.
    """

    VERSION = tfds.core.Version("1.0.0")
    channels = 3
    masks = True
    fields: ClassVar = {"modality": MODALITIES}

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Example]:
        """Yield the images; the layout is `<id>/images/<id>.png` and `<id>/masks/*.png`."""
        path = archives[ARCHIVE.filename]
        with open_zip(path) as archive:
            members, rejected = _members(archive)
            if not members:
                raise ZooError(f"{path.name} holds no <id>/images/<id>.png; it is not BBBC038")

            def make(key: str) -> Example:
                return _example(archive, members[key])

            yield from rejected
            yield from examples(path.name, [(key,) for key in sorted(members)], make, str)


def modality(rgb: Pixels) -> str:
    """Which of `MODALITIES` an image is, from its colours.

    Histology is coloured (mean of the largest minus the smallest channel above 2 of 255); of the
    grey ones, fluorescence is dark (median below 128) and brightfield bright.

    Args:
        rgb: (H, W, 3).
    """
    if np.ptp(rgb, axis=2).mean() > 2:
        return "histology"
    return "fluorescence" if np.median(rgb) < 128 else "brightfield"


def _members(archive: zipfile.ZipFile) -> tuple[dict[str, Entries], list[Example]]:
    """Image and mask entries of each id, and the PNG files that are neither."""
    members: dict[str, Entries] = defaultdict(lambda: {"images": [], "masks": []})
    rejected = []
    for entry in archive.infolist():
        parts = entry.filename.split("/")
        if entry.is_dir() or not entry.filename.lower().endswith(".png"):
            continue
        try:
            check_entry(entry)
            if len(parts) < 3 or parts[-2] not in ("images", "masks"):
                raise Rejected("not in the layout <id>/images or <id>/masks")
        except Rejected as reason:
            rejected.append({"id": entry.filename, "rejected": str(reason)})
            continue
        members[parts[-3]][parts[-2]].append(entry)
    return members, rejected


def _example(archive: zipfile.ZipFile, entries: Entries) -> Example:
    if len(entries["images"]) != 1:
        raise Rejected(f"{len(entries['images'])} images under one id")
    image, note = decode(read_entry(archive, entries["images"][0]))
    rgb = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    mask = _instances(archive, entries["masks"], rgb.shape[:2])
    return {"image": rgb, "mask": mask, "modality": modality(rgb), "note": note}


def _instances(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], shape: tuple[int, ...]
) -> npt.NDArray[np.uint16]:
    """(H, W): 0 is background, every mask file has a number in the order of the names."""
    if len(entries) > np.iinfo(np.uint16).max:
        raise Rejected(f"{len(entries)} masks are more than 16 bits can number")
    instances = np.zeros(shape, np.uint16)
    for number, entry in enumerate(sorted(entries, key=lambda e: e.filename), start=1):
        try:
            mask, _ = decode(read_entry(archive, entry))
        except Rejected as reason:
            raise Rejected(f"mask {entry.filename.rpartition('/')[2]}: {reason}") from None
        if mask.shape[:2] != shape:
            raise Rejected(f"mask of {mask.shape[:2]} for an image of {shape}")
        instances[mask.any(axis=2)] = number
    return instances
