"""Annotations of stained nuclei made into masks, or refused where they do not fit the image.

Stained nuclei are brighter than what is around them, which settles what the files leave open:
whether 1 or 0 is the foreground, and which way up an outline is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.measure import label
from skimage.segmentation import expand_labels, relabel_sequential

Mask = npt.NDArray[np.uint16]
MISFIT = "mask left out: it is not where the image is bright"
OUTLINE_REACH = 2.0  # pixels from inside an outline to its far side


def annotated(mask: npt.NDArray[Any] | None, note: str) -> dict[str, Any]:
    """What an example says of its annotation."""
    if mask is None:
        return {"annotated": "no", "note": note}
    return {"annotated": "yes", "note": note, "mask": mask}


def foreground(marked: npt.NDArray[Any], pixels: npt.NDArray[Any]) -> tuple[Mask | None, str]:
    """A foreground mask, 1 where the image is brighter; and what was changed.

    Args:
        marked: (H, W), two values.
        pixels: (H, W), the stain.

    Returns:
        `None` if the two sides are equally bright, or not two.
    """
    mask = (marked > 0).astype(np.uint16)
    difference = contrast(mask, pixels)
    if not difference:
        return None, MISFIT
    return (mask, "") if difference > 0 else (1 - mask, "mask inverted")


def instances(outlines: npt.NDArray[Any], pixels: npt.NDArray[Any]) -> tuple[Mask | None, str]:
    """What closed outlines enclose, numbered, each with its outline; and what was changed.

    A region that reaches the image's edge is background. Where the objects are brighter upside
    down, they are turned over.

    Args:
        outlines: (H, W), lines on a ground that covers more.
        pixels: (H, W), the stain.

    Returns:
        `None` if nothing is enclosed, or it is no brighter either way up.
    """
    line = outlines > 0
    line = ~line if line.mean() > 0.5 else line
    # Lines may be joined at corners only, which regions of four neighbours do not leak through.
    regions = label(~line, connectivity=1)
    edge = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    regions[np.isin(regions, edge)] = 0
    grown = expand_labels(regions, OUTLINE_REACH)
    mask = relabel_sequential(np.where(line, grown, regions))[0].astype(np.uint16)
    upright, turned = contrast(mask, pixels), contrast(mask[::-1], pixels)
    if max(upright, turned) <= 0:
        return None, MISFIT
    if upright >= turned:
        return mask, ""
    return np.ascontiguousarray(mask[::-1]), "mask turned upside down"


def contrast(mask: Mask, pixels: npt.NDArray[Any]) -> float:
    """Mean of the pixels under a mask less the mean of the others; 0 if either has none."""
    inside = mask > 0
    if inside.all() or not inside.any():
        return 0.0
    return float(pixels[inside].mean() - pixels[~inside].mean())
