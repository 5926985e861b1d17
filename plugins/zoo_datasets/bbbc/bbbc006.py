"""BBBC006: U2OS cells of one 384-well plate, in focus and at up to 33 other depths."""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo.data.builder import ImageBuilder
from zoo_datasets.bbbc.members import Example, Members, examples, members, stack
from zoo_datasets.bbbc.records import BBBC006
from zoo_datasets.bbbc.truth import annotated

LABELS, COUNTS, *PLANES = (archive.filename for archive in BBBC006)
IMAGE = re.compile(r"mcf-z-stacks-\d+_([a-p]\d\d)_s(\d)_w([12])[0-9a-f-]*(?i:\.tif)")
LABEL = re.compile(r"mcf-z-stacks-\d+_([a-p]\d\d)_s(\d)(?i:\.png)")
SHARP = range(11, 24)  # the planes that an expert called in focus


class Bbbc006(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Hoechst and phalloidin, 16 bits; group = well, with both sites and all depths.

    The masks are nuclei that a program found at plane 16; only planes in focus have one.
    """

    VERSION = tfds.core.Version("1.0.0")
    channels = 2
    dtype = np.uint16
    masks = True
    fields: ClassVar = {
        "well": str,
        "site": int,
        "count": int,
        "z": int,
        "focus": ("in", "out"),
        "annotated": ("yes", "no"),
    }

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Example]:
        """Yield the fields of view; `count` is of nuclei at plane 16, -1 where none is stated."""
        counts = read_counts(archives[COUNTS])
        with members(archives[LABELS], LABEL) as labels:
            for plane in PLANES:
                if plane in archives:
                    yield from _plane(archives[plane], labels, counts)


def read_counts(path: Path) -> dict[tuple[str, str], int]:
    """Well and site to the number of nuclei."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return {
            (row["Image_Metadata_Well"], row["Image_Metadata_Site"]): int(row["Image_Count_Nuclei"])
            for row in csv.DictReader(file)
        }


def _plane(path: Path, labels: Members, counts: Mapping[tuple[str, str], int]) -> Iterator[Example]:
    z = int(path.stem[-2:])
    in_focus = z in SHARP
    with members(path, IMAGE) as images:

        def make(well: str, site: str) -> Example:
            stains = [images.pixels(well, site, stain) for stain in "12"]
            shape = stains[0].shape
            mask, note = labels.annotation(well, site, shape=shape) if in_focus else (None, "")
            return {
                "image": stack(stains),
                "group": well,
                "well": well,
                "site": int(site),
                "count": counts.get((well, site), -1),
                "z": z,
                "focus": "in" if in_focus else "out",
                **annotated(mask, note),
            }

        yield from images.rejected()
        keys = sorted({key[:2] for key in images.entries})
        yield from examples(f"plane {z}", keys, make, f"{{}}_s{{}}_z{z:02d}".format)
