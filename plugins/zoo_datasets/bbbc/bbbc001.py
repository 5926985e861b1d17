"""BBBC001: six fields of HT29 nuclei, counted by two people."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo.data.builder import ImageBuilder
from zoo.data.formats.cellomics import read_dib
from zoo_datasets.bbbc.members import Example, examples, members
from zoo_datasets.bbbc.records import BBBC001

IMAGES, COUNTS = (archive.filename for archive in BBBC001)
NAME = re.compile(r"(AS_\d+_\d+)_([A-P]\d\d)f(\d\d)d0(?i:\.dib)")


class Bbbc001(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """DNA channel, 16 bits; group = plate and well, which all six fields share."""

    VERSION = tfds.core.Version("1.0.0")
    channels = 1
    dtype = np.uint16
    fields: ClassVar = {"well": str, "site": int, "count": float}

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Example]:
        """Yield the fields of view; `count` is the mean of the two people's."""
        counts = read_counts(archives[COUNTS])
        for example in fields_of_view(archives):
            yield {"count": counts.get(example["id"], float("nan")), **example}


def fields_of_view(archives: Mapping[str, Path]) -> Iterator[Example]:
    """The fields of view with plate, well and site."""
    with members(archives[IMAGES], NAME) as files:

        def make(plate: str, well: str, site: str) -> Example:
            pixels = read_dib(files.content(plate, well, site))
            return {"image": pixels, "group": f"{plate}_{well}", "well": well, "site": int(site)}

        yield from files.rejected()
        yield from examples("BBBC001", sorted(files.entries), make, "{}_{}f{}d0".format)


def read_counts(path: Path) -> dict[str, float]:
    """Image name without suffix to the mean of the counts that follow it, tab-delimited."""
    counts = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, *values = line.split("\t")
        numbers = [int(value) for value in values if value.strip().isdecimal()]
        if numbers:
            counts[Path(name.strip()).stem] = sum(numbers) / len(numbers)
    return counts
