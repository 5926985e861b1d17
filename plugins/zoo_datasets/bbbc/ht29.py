"""The colon-cancer cells of BBBC001, BBBC008 and BBBC018 together: their DNA channel."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from zoo.data.builder import ImageBuilder
from zoo_datasets.bbbc import bbbc001, bbbc008, bbbc018
from zoo_datasets.bbbc.members import Example

SETS: dict[str, Callable[[Mapping[str, Path]], Iterator[Example]]] = {
    "bbbc001": bbbc001.fields_of_view,
    "bbbc008": bbbc008.fields_of_view,
    "bbbc018": bbbc018.fields_of_view,
}


class Ht29(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """DNA in the files' own values: 8 bits in BBBC008, 16 in the others; groups as in the sets."""

    VERSION = tfds.core.Version("1.0.0")
    channels = 1
    dtype = np.uint16
    masks = True
    fields: ClassVar = {"set": tuple(SETS), "annotated": ("yes", "no")}

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Example]:
        """Yield the fields of view of one set after the other."""
        for name, fields_of_view in SETS.items():
            for example in fields_of_view(archives):
                yield _dna({"set": name, "annotated": "no"} | example, f"{name}-{example['id']}")


def _dna(example: Example, key: str) -> Example:
    """The example with its first channel alone, which is DNA in all three sets."""
    if "rejected" in example:
        return example | {"id": key}
    image = example["image"]
    dna = image if image.ndim == 2 else image[..., 0]
    return example | {"id": key, "image": dna.astype(np.uint16)}
