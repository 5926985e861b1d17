"""Structural similarity at several scales, for images of any size."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import UsageError

Images = npt.NDArray[Any]

# The exponents of Wang, Simoncelli & Bovik (2003), finest scale first.
POWERS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
PUBLISHED = (5, 11)  # levels, and filter size in pixels
SMALL_FILTER = 7


def ms_ssim_setting(side: int) -> tuple[int, int]:
    """(levels, filter size in pixels) for images whose smaller side is `side` pixels.

    A side must be at least (filter − 1)·2^(levels − 1) + 1: the published setting needs 161.
    Below, the filter has 7 pixels, with as many of the levels as fit: 4 at 64 px, 3 at 28 px.

    Raises:
        zoo.errors.UsageError: If not even one level fits.
    """
    if side >= _least(*PUBLISHED):
        return PUBLISHED
    for levels in range(PUBLISHED[0] - 1, 0, -1):
        if side >= _least(levels, SMALL_FILTER):
            return levels, SMALL_FILTER
    raise UsageError(f"MS-SSIM needs images of at least {SMALL_FILTER} px; these have {side}")


def _least(levels: int, size: int) -> int:
    return (size - 1) * int(2 ** (levels - 1)) + 1


def ms_ssim(first: Images, second: Images) -> npt.NDArray[np.float32]:
    """MS-SSIM (n,) of pairs of images, from about 0 to 1 for equal ones.

    Args:
        first: (n, H, W, C) uint8 or uint16.
        second: The same shape and type.
    """
    import tensorflow as tf

    levels, size = ms_ssim_setting(min(first.shape[1:3]))
    powers = np.array(POWERS[:levels]) / sum(POWERS[:levels])
    values = tf.image.ssim_multiscale(
        tf.cast(first, tf.float32),
        tf.cast(second, tf.float32),
        float(np.iinfo(first.dtype).max),
        power_factors=powers.tolist(),
        filter_size=size,
    )
    return np.asarray(values, np.float32)
