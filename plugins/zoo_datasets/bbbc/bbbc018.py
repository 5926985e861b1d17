"""BBBC018: HT29 cells of 14 phenotypes, three stains in DIB files, nuclei outlined."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo.data.builder import ImageBuilder
from zoo.data.formats.cellomics import read_dib
from zoo_datasets.bbbc.members import Example, Members, examples, members, stack
from zoo_datasets.bbbc.records import BBBC018
from zoo_datasets.bbbc.truth import Mask, annotated, instances

IMAGES, OUTLINES = (archive.filename for archive in BBBC018)
IMAGE = re.compile(r"(\d{5})-(DNA|pH3|actin)(?i:\.dib)")
OUTLINE = re.compile(r"(\d{5})-(nuclei|cells)(?i:\.png)")
STAINS = ("DNA", "pH3", "actin")
SITES = 4
# The official page names its examples PHENOTYPE.SAMPLE.INDEX, where the index is that of the
# sample's first field: 4 × (sample - 1) + 1.
PHENOTYPES = {
    184: "peripheral actin",
    1000: "phospho-histone H3 dots",
    1406: "angular cell edges",
    1475: "large spread",
    1829: "prophase",
    2335: "anaphase/telophase",
    2695: "metaphase",
    3341: "long projections",
    3393: "motile",
    3991: "crescent nuclei",
    4205: "peas in a pod",
    4326: "actin dots",
    4419: "actin blebs",
    4867: "prometaphase",
}
UNLISTED = "unlisted"


class Bbbc018(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """DNA, pH3 and actin, 16 bits; the masks are nuclei; group = sample of four fields."""

    VERSION = tfds.core.Version("1.0.0")
    channels = len(STAINS)
    dtype = np.uint16
    masks = True
    fields: ClassVar = {
        "sample": int,
        "site": int,
        "phenotype": (*PHENOTYPES.values(), UNLISTED),
        "annotated": ("yes", "no"),
    }

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Example]:
        """Yield the fields of view; `phenotype` is what the sample's images are enriched for."""
        return fields_of_view(archives)


def fields_of_view(archives: Mapping[str, Path]) -> Iterator[Example]:
    """The fields of view, all stains together, with the outlined nuclei."""
    with members(archives[IMAGES], IMAGE) as images, members(archives[OUTLINES], OUTLINE) as drawn:

        def make(index: str) -> Example:
            stains = [read_dib(images.content(index, stain)) for stain in STAINS]
            sample, site = divmod(int(index) - 1, SITES)
            return {
                "image": stack(stains),
                "group": f"sample-{sample + 1}",
                "sample": sample + 1,
                "site": site + 1,
                "phenotype": PHENOTYPES.get(sample + 1, UNLISTED),
                **annotated(*_nuclei(drawn, index, stains[0])),
            }

        yield from images.rejected()
        yield from examples("BBBC018", sorted({key[:1] for key in images.entries}), make, str)


def _nuclei(drawn: Members, index: str, dna: np.ndarray) -> tuple[Mask | None, str]:
    outlines, note = drawn.annotation(index, "nuclei", shape=dna.shape)
    if outlines is None:
        return None, note or "no outlines"
    return instances(outlines, dna)
