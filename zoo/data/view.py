"""How source images of any size become training images of one size."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from zoo.data.examples import Rejected
from zoo.errors import UsageError

VIEWS = ("tile", "resize")
# A 64×64 tile holds 82 foreground pixels at 2 %: less is the rim of one nucleus. A generator
# shown emptier tiles learns to draw background, which distances to real images hardly punish.
MIN_FOREGROUND = {"tile": 0.02, "resize": 0.0}

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Crop:
    """A training image cut from a source image.

    Attributes:
        place: Its corner in the downscaled source, `y,x` in pixels; empty if it is the whole.
        pixels: (H, W, C).
        mask: (H, W) instances, or `None`.
    """

    place: str
    pixels: Pixels
    mask: Mask | None


@dataclass(frozen=True, slots=True)
class View:
    """Cut source images into training images.

    Attributes:
        kind: `"tile"`, a grid of squares that do not overlap, what is left at the right and the
            bottom being dropped; or `"resize"`, the largest centred part of the wanted aspect,
            resized with antialiasing.
        size: (height, width) of the training images, or `None` for the source's own.
        downscale: Source images are made smaller by this factor first.
        min_foreground: Smallest share of foreground, 0 to 1. Foreground is what a mask covers
            or, without a mask, the more varied side of Otsu's threshold.
    """

    kind: str = "tile"
    size: tuple[int, int] | None = None
    downscale: float = 1.0
    min_foreground: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in VIEWS:
            raise UsageError(f"no view {self.kind!r}; choose from {', '.join(VIEWS)}")
        if self.size is not None and min(self.size) < 1:
            raise UsageError(f"image size must be positive, not {self.size[0]}x{self.size[1]}")
        if not self.downscale >= 1:
            raise UsageError(f"downscale must be at least 1, not {self.downscale}")
        if not 0 <= self.min_foreground <= 1:
            raise UsageError(f"min_foreground must be from 0 to 1, not {self.min_foreground}")

    def cut(self, image: Pixels, mask: Mask | None = None) -> tuple[list[Crop], int]:
        """Training images of one source image.

        Args:
            image: (H, W, C).
            mask: (H, W) instances.

        Returns:
            The crops, and how many others had too little foreground.

        Raises:
            zoo.data.examples.Rejected: If the image is smaller than a tile.
        """
        image, mask = self._downscaled(image, mask)
        foreground = self._foreground(image, mask)
        if self.kind == "tile" and self.size:
            pieces = list(_tiles(self.size, image, mask, foreground))
        else:
            pieces = [_whole(self.size, image, mask, foreground)]
        kept = [
            Crop(place, pixels, instances)
            for place, pixels, instances, covered in pieces
            if covered is None or covered.mean() >= self.min_foreground
        ]
        return kept, len(pieces) - len(kept)

    def _downscaled(self, image: Pixels, mask: Mask | None) -> tuple[Pixels, Mask | None]:
        if self.downscale == 1:
            return image, mask
        size = (
            max(1, round(image.shape[0] / self.downscale)),
            max(1, round(image.shape[1] / self.downscale)),
        )
        return resize(image, size), None if mask is None else resize_mask(mask, size)

    def _foreground(self, image: Pixels, mask: Mask | None) -> Pixels | None:
        if not self.min_foreground:
            return None
        return mask > 0 if mask is not None else foreground_of(image)


def resize(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize (H, W, C) with antialiased bicubic interpolation, in float32, rounded and clipped.

    Args:
        image: uint8 or uint16.
        size: (height, width).
    """
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(image[..., c], np.float32)).resize(
                size[::-1], Image.Resampling.BICUBIC
            )
        )
        for c in range(image.shape[2])
    ]
    limits = np.iinfo(image.dtype)
    resized: Pixels = np.clip(np.rint(np.stack(planes, -1)), 0, limits.max).astype(image.dtype)
    return resized


def resize_mask(mask: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize (H, W) instances or a foreground by nearest neighbour, centres aligned."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.int64)
        for new, old in zip(size, mask.shape, strict=True)
    )
    resized: Pixels = mask[rows[:, None], columns]
    return resized


def foreground_of(image: Pixels) -> npt.NDArray[np.bool_]:
    """Foreground (H, W) of an image without a mask.

    Otsu's threshold on the channels' mean (Otsu, 1979, doi:10.1109/TSMC.1979.4310076) parts two
    classes. Background, dark in fluorescence and bright in transmitted light, is the flatter.
    """
    grey = image.mean(axis=2, dtype=np.float32)
    values = np.sort(grey, axis=None).astype(np.float64)
    n = np.arange(1, len(values))
    below = np.cumsum(values)[:-1]
    between = (below / n - (values.sum() - below) / (len(values) - n)) ** 2 * n * (len(values) - n)
    between[values[1:] == values[:-1]] = -1.0  # a threshold cannot part equal values
    if not len(between) or between.max() <= 0:
        return np.zeros(grey.shape, bool)
    split = int(between.argmax()) + 1
    upper = grey >= values[split]
    dark_is_flatter = values[:split].std() <= values[split:].std()
    foreground: npt.NDArray[np.bool_] = upper if dark_is_flatter else ~upper
    return foreground


def _whole(size: tuple[int, int] | None, image: Pixels, *others: Pixels | None) -> tuple[Any, ...]:
    if size is None or size == image.shape[:2]:
        return "", image, *others
    window = _centred(image.shape[:2], size)
    nearest = (None if other is None else resize_mask(other[window], size) for other in others)
    return "", resize(image[window], size), *nearest


def _tiles(
    size: tuple[int, int], image: Pixels, *others: Pixels | None
) -> Iterator[tuple[Any, ...]]:
    height, width = image.shape[:2]
    if height < size[0] or width < size[1]:
        raise Rejected(f"{width}×{height} pixels are smaller than a tile of {size[1]}×{size[0]}")
    for y in range(0, height - size[0] + 1, size[0]):
        for x in range(0, width - size[1] + 1, size[1]):
            window = np.s_[y : y + size[0], x : x + size[1]]
            yield f"{y},{x}", image[window], *(None if o is None else o[window] for o in others)


def _centred(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[slice, slice]:
    """The largest centred window of a shape with the aspect of a size."""
    scale = min(shape[0] / size[0], shape[1] / size[1])
    sides = [max(1, min(old, round(new * scale))) for old, new in zip(shape, size, strict=False)]
    starts = [(old - side) // 2 for old, side in zip(shape, sides, strict=False)]
    return (
        slice(starts[0], starts[0] + sides[0]),
        slice(starts[1], starts[1] + sides[1]),
    )
