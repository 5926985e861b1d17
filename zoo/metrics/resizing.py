"""How images of any size reach a feature network: resizes that give different scores.

clean-fid (Parmar et al., arXiv:2104.11222) measured 6 FID and more between them on the same photos.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from zoo.plugins import unknown

SIDE = 299
CUBIC = -0.5
SUPPORT = 2.0  # pixels to each side, at scale 1


@dataclass(frozen=True)
class Resize:
    """A way to make images 299×299.

    Attributes:
        name: What an extractor's `resize` takes.
        stated: What the protocol card says.
        apply: Images (n, H, W, C) float32, 0 to 255, to (n, 299, 299, C) float32.
    """

    name: str
    stated: str
    apply: Callable[[tf.Tensor], tf.Tensor]


def legacy(images: tf.Tensor) -> tf.Tensor:
    """Bilinear between the corners' pixels of TensorFlow 1: x·size/299, no antialiasing."""
    return tf.raw_ops.ResizeBilinear(
        images=images, size=[SIDE, SIDE], align_corners=False, half_pixel_centers=False
    )


def clean(images: tf.Tensor) -> tf.Tensor:
    """clean-fid's: Pillow's antialiased bicubic on floating-point channels, clipped to 0–255.

    One matrix product for the columns and one for the rows, so that it compiles.
    """
    height, width = images.shape[1:3]
    rows, columns = (tf.constant(bicubic_matrix(n), tf.float32) for n in (height, width))
    wide = tf.einsum("nhwc,xw->nhxc", images, columns)
    return tf.clip_by_value(tf.einsum("nhxc,yh->nyxc", wide, rows), 0.0, 255.0)


def stock(images: tf.Tensor) -> tf.Tensor:
    """TensorFlow's antialiased bicubic, clipped to 0–255."""
    resized = tf.image.resize(images, (SIDE, SIDE), method="bicubic", antialias=True)
    return tf.clip_by_value(resized, 0.0, 255.0)


RESIZES: Mapping[str, Resize] = {
    resize.name: resize
    for resize in (
        Resize("legacy", f"{SIDE}x{SIDE}, TensorFlow 1 bilinear, not antialiased", legacy),
        Resize("clean", f"{SIDE}x{SIDE}, clean-fid: Pillow bicubic, antialiased, float", clean),
        Resize("stock", f"{SIDE}x{SIDE}, bicubic, antialiased, clipped, not rounded", stock),
    )
}


def find_resize(name: str) -> Resize:
    """A resize by name.

    Raises:
        zoo.errors.UsageError: If there is none of that name.
    """
    if name not in RESIZES:
        raise unknown("resize", name, RESIZES)
    return RESIZES[name]


@lru_cache(maxsize=64)
def bicubic_matrix(size: int, side: int = SIDE) -> npt.NDArray[np.float64]:
    """Pillow's antialiased bicubic weights (side, size): rows sum to 1, pixels have centres."""
    scale = size / side
    stretch = max(scale, 1.0)
    centres = (np.arange(side)[:, None] + 0.5) * scale
    first = np.maximum((centres - SUPPORT * stretch + 0.5).astype(np.int64), 0)
    last = np.minimum((centres + SUPPORT * stretch + 0.5).astype(np.int64), size)
    pixels = np.arange(size)
    weights = _cubic((pixels + 0.5 - centres) / stretch)
    weights[(pixels < first) | (pixels >= last)] = 0
    return np.asarray(weights / weights.sum(1, keepdims=True))


def _cubic(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keys' cubic convolution with a = −½."""
    x = np.abs(x)
    near = ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1
    far = CUBIC * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < SUPPORT, far, 0.0))
