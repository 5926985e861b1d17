"""BBBC005: simulated cells at 16 strengths of blur, with foreground masks of the sharp ones."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.builder import ImageBuilder
from zoo_datasets.bbbc.members import Example, Members, examples, members
from zoo_datasets.bbbc.records import BBBC005
from zoo_datasets.bbbc.truth import annotated

IMAGES, TRUTH = (archive.filename for archive in BBBC005)
NAME = re.compile(r"SIMCEPImages_([A-P]\d\d)_C(\d+)_F(\d+)_s(\d+)_w([12])(?i:\.tif)")
STAINS = {"1": "cell body", "2": "nuclei"}


class Bbbc005(ImageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """One stain per image; group = cell count and sample, so all blurs and stains of it."""

    VERSION = tfds.core.Version("1.0.0")
    channels = 1
    masks = True
    fields: ClassVar = {
        "well": str,
        "site": int,
        "count": int,
        "focus": int,
        "stain": tuple(STAINS.values()),
        "annotated": ("yes", "no"),
    }

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Example]:
        """Yield the images; `focus` is the blur's diameter in pixels, 1 being none."""
        with members(archives[IMAGES], NAME) as images, members(archives[TRUTH], NAME) as truth:

            def make(*key: str) -> Example:
                well, count, focus, sample, stain = key
                pixels = images.pixels(*key)
                return {
                    "image": pixels,
                    "group": f"C{count}_s{sample}",
                    "well": well,
                    "site": int(sample),
                    "count": int(count),
                    "focus": int(focus),
                    "stain": STAINS[stain],
                    **annotated(*_foreground(truth, key, pixels.shape)),
                }

            yield from images.rejected()
            name = "{}_C{}_F{}_s{}_w{}".format
            yield from examples("BBBC005", sorted(images.entries), make, name)


def _foreground(
    truth: Members, key: tuple[str, ...], shape: tuple[int, ...]
) -> tuple[npt.NDArray[np.uint16] | None, str]:
    """The foreground, which is white in its file."""
    marked, note = truth.annotation(*key, shape=shape)
    if marked is None:
        return None, note
    if len(np.unique(marked)) > 2:
        return None, "mask left out: not black and white"
    return (marked > 0).astype(np.uint16), ""
