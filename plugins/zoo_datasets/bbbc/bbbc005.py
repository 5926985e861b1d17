"""BBBC005: simulated cells at 16 strengths of blur, with foreground masks of the sharp ones."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.builder import ImageBuilder
from zoo.data.examples import Rejected
from zoo_datasets.bbbc.members import Example, Members, examples, members
from zoo_datasets.bbbc.records import BBBC005

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
                    **_annotation(truth, key, pixels),
                }

            yield from images.rejected()
            name = "{}_C{}_F{}_s{}_w{}".format
            yield from examples("BBBC005", sorted(images.entries), make, name)


def _annotation(truth: Members, key: tuple[str, ...], pixels: npt.NDArray[np.uint8]) -> Example:
    """The foreground, white in its file; none where there is no file or no clear one."""
    if key not in truth.entries:
        return {"annotated": "no"}
    try:
        mask = truth.pixels(*key)
    except Rejected as reason:
        return {"annotated": "no", "note": f"mask left out: {reason}"}
    if mask.shape != pixels.shape or len(np.unique(mask)) > 2:
        return {"annotated": "no", "note": "mask left out: not black and white of the same shape"}
    return {"annotated": "yes", "mask": (mask > 0).astype(np.uint16)}
