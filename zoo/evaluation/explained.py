"""Pictures of what detectors go by."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from zoo.evaluation.spectrum import picture
from zoo.evaluation.trial import GENERATED, Examples, Trial
from zoo.runs.files import write_bytes
from zoo.runs.pictures import grid_png, pairs_png, to_rgb

SHOWN = 8
COLUMNS = 4
COLOURS = "magma"  # perceptually uniform, and readable with any colour vision


def write_spectrum(trial: Trial, path: Path) -> None:
    """The spectra of real and of generated test images, and their difference, as one PNG."""
    write_bytes(path, grid_png(picture(trial.test), 3))


def write_heatmaps(detector: Any, trial: Trial, path: Path) -> bool:
    """Test images beside where a detector sees evidence for “generated”: reals, then fakes.

    Returns:
        Whether there is a picture; a detector without `heatmaps` gives none.
    """
    if not hasattr(detector, "heatmaps"):
        return False
    images = _chosen(trial.test)
    maps = detector.heatmaps(images, GENERATED)
    write_bytes(path, pairs_png(to_rgb(images), overlaid(images, maps), COLUMNS))
    return True


def overlaid(images: npt.NDArray[np.uint8], maps: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Maps (n, H, W), 0 to 1, in colour over grey images (n, H, W, C), half and half."""
    grey = to_rgb(images).mean(axis=3, keepdims=True)
    colour = mpl.colormaps[COLOURS](maps)[..., :3] * 255
    return np.asarray(np.rint((grey + colour) / 2), np.uint8)


def _chosen(test: Examples) -> npt.NDArray[np.uint8]:
    """Images of each label, evenly spaced and not chosen by the answer."""
    rows = []
    for label in (1 - GENERATED, GENERATED):
        here = np.flatnonzero(test.labels == label)
        rows.append(here[np.unique(np.linspace(0, len(here) - 1, SHOWN).astype(np.int64))])
    return test.images[np.concatenate(rows)]
