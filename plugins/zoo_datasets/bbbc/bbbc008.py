"""BBBC008: twelve fields of HT29 nuclei and actin, with their foreground."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from zoo.data.builder import ImageBuilder
from zoo_datasets.bbbc.members import Example, examples, members, stack
from zoo_datasets.bbbc.records import BBBC008
from zoo_datasets.bbbc.truth import annotated, foreground

IMAGES, FOREGROUND = (archive.filename for archive in BBBC008)
NAME = re.compile(r"(AS_\d+_\d+)_([A-P]\d\d)(f\d\dd0)_slice(\d+)_channel([13])(?i:\.tif)")
DNA, ACTIN = "1", "3"


class Bbbc008(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """DNA and actin, 8 bits; the mask is the nuclei's foreground; group = plate and well."""

    VERSION = tfds.core.Version("1.0.0")
    channels = 2
    masks = True
    fields: ClassVar = {"well": str, "site": int, "annotated": ("yes", "no")}

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Example]:
        """Yield the fields of view; `site` is what the file names call slice."""
        return fields_of_view(archives)


def fields_of_view(archives: Mapping[str, Path]) -> Iterator[Example]:
    """The fields of view, both channels together, with the DNA channel's foreground."""
    with (
        members(archives[IMAGES], NAME) as images,
        members(archives[FOREGROUND], NAME) as foregrounds,
    ):

        def make(plate: str, well: str, field: str, site: str) -> Example:
            key = (plate, well, field, site)
            dna, actin = images.pixels(*key, DNA), images.pixels(*key, ACTIN)
            marked, note = foregrounds.annotation(*key, DNA, shape=dna.shape)
            truth = (None, note) if marked is None else foreground(marked, dna)
            return {
                "image": stack([dna, actin]),
                "group": f"{plate}_{well}",
                "well": well,
                "site": int(site),
                **annotated(*truth),
            }

        yield from images.rejected()
        keys = sorted({key[:4] for key in images.entries})
        yield from examples("BBBC008", keys, make, "{}_{}{}_slice{}".format)
