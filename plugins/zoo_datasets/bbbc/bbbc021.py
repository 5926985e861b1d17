"""BBBC021: MCF-7 cells under 113 compounds at eight doses, from any of its 55 plates."""

import csv
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.archive import open_zip, read_entry
from zoo.data.builder import ImageBuilder
from zoo.data.decode import decode
from zoo.data.examples import Rejected
from zoo.errors import ZooError
from zoo.progress import progress
from zoo_datasets.bbbc.entries import by_name
from zoo_datasets.bbbc.screens import (
    IMAGE_CSV,
    MECHANISMS,
    MOA_CSV,
    NO_MECHANISM,
    PLATE_ARCHIVES,
)

FILES = tuple(f"Image_FileName_{stain}" for stain in ("DAPI", "Tubulin", "Actin"))
PLATE = "Image_Metadata_Plate_DAPI"
WELL = "Image_Metadata_Well_DAPI"
COMPOUND = "Image_Metadata_Compound"
CONCENTRATION = "Image_Metadata_Concentration"
REPLICATE = "Replicate"
COLUMNS = (*FILES, PLATE, WELL, REPLICATE, COMPOUND, CONCENTRATION)
SITE = re.compile(r"_s(\d+)_w")

Row = dict[str, str]
Treatment = tuple[str, float]


class Bbbc021(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Fields of view of 1024×1280 pixels: DNA, tubulin, actin.

    The group is the well on its plate: its four fields show one population of cells under one
    treatment. Plates would be stronger, but a subset of few plates could not be split by them.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First."}
    channels = 3
    dtype = np.uint16
    fields: ClassVar = {
        "label": MECHANISMS,
        "annotated": ("no", "yes"),
        "plate": str,
        "well": str,
        "site": int,
        "replicate": int,
        "compound": str,
        "concentration": str,  # TFDS would store a number in 32 bits: 0.30000001192092896
    }

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Mapping[str, Any]]:
        """Yield the fields of the plates whose archives are there."""
        plates = {plate: archives[n] for n, plate in PLATE_ARCHIVES.items() if n in archives}
        if not plates:
            raise ZooError(
                f"no plate: of the {len(PLATE_ARCHIVES)} archives such as "
                f"{next(iter(PLATE_ARCHIVES))}, at least one is needed beside the tables"
            )
        rows = defaultdict(list)
        for row in _table(archives[IMAGE_CSV], COLUMNS):
            rows[row[PLATE]].append(row)
        mechanisms = _mechanisms(archives[MOA_CSV])
        self.counts["by"]["plate"] = dict.fromkeys(plates, 0)
        for plate, path in plates.items():
            with open_zip(path) as archive:
                yield from _plate(archive, path.name, rows[plate], mechanisms)


def _plate(
    archive: zipfile.ZipFile, name: str, rows: list[Row], mechanisms: Mapping[Treatment, str]
) -> Iterator[dict[str, Any]]:
    entries = by_name(archive, ".tif", ".tiff")
    with progress(f"Reading {name}", len(rows), "fields") as advance:
        for row in rows:
            key = _key(row)
            try:
                facts = _facts(row, mechanisms)
                yield {"id": key, **facts, "image": _image(archive, entries, row)}
            except Rejected as reason:
                yield {"id": key, "rejected": str(reason)}
            advance(1)
    for left in sorted(set(entries) - {row[column] for row in rows for column in FILES}):
        yield {"id": entries[left].filename, "rejected": f"{IMAGE_CSV} does not name it"}


def _key(row: Row) -> str:
    site = SITE.search(row[FILES[0]])
    return f"{row[PLATE]}/{row[WELL]}/{f's{site[1]}' if site else row[FILES[0]]}"


def _facts(row: Row, mechanisms: Mapping[Treatment, str]) -> dict[str, Any]:
    site, compound = SITE.search(row[FILES[0]]), row[COMPOUND]
    if site is None:
        raise Rejected(f"the name {row[FILES[0]]} tells no site")
    concentration = _number(row[CONCENTRATION], "concentration")
    mechanism = mechanisms.get((compound, concentration), NO_MECHANISM)
    return {
        "label": mechanism,
        "annotated": "no" if mechanism == NO_MECHANISM else "yes",
        "group": f"{row[PLATE]}/{row[WELL]}",
        "plate": row[PLATE],
        "well": row[WELL],
        "site": int(site[1]),
        "replicate": int(_number(row[REPLICATE], "replicate")),
        "compound": compound,
        "concentration": f"{concentration:g}",
    }


def _image(
    archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], row: Row
) -> npt.NDArray[Any]:
    """(H, W, 3): DNA, tubulin, actin."""
    channels = []
    for column in FILES:
        if row[column] not in entries:
            raise Rejected(f"{row[column]} is not in the archive")
        channels.append(decode(read_entry(archive, entries[row[column]]), name=row[column])[0])
    if len({channel.shape for channel in channels}) > 1:
        raise Rejected(f"channels of {', '.join(str(c.shape[:2]) for c in channels)} pixels")
    return np.concatenate(channels, axis=2)


def _mechanisms(path: Path) -> dict[Treatment, str]:
    """Mechanism of action of each compound at each dose that has one."""
    rows = _table(path, ("compound", "concentration", "moa"))
    return {(row["compound"], float(row["concentration"])): row["moa"] for row in rows}


def _table(path: Path, columns: tuple[str, ...]) -> list[Row]:
    """The rows of a CSV file, whose lines may end as on Windows, Unix or old Macs."""
    rows = list(csv.DictReader(path.read_text("utf-8-sig", "replace").splitlines()))
    if missing := [column for column in columns if column not in (rows[0] if rows else {})]:
        raise ZooError(f"{path.name} has no column {missing[0]}; it is not BBBC021's")
    return rows


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Rejected(f"{what} {text!r} is no number") from None
