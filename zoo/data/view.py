"""How source images of any size become training images of one size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from zoo.data.examples import Rejected
from zoo.errors import UsageError

LARGEST_SIDE = 8192
VIEWS = ("tile", "resize", "crop", "pad")
# A 64×64 tile holds 82 foreground pixels at 2 %: less is the rim of one nucleus. A generator
# shown emptier tiles learns to draw background, which distances to real images hardly punish.
MIN_FOREGROUND = {"tile": 0.02}

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Crop:
    """A training image cut from a source image.

    Attributes:
        place: Its corner in the downscaled source, `y,x` in pixels; empty if it is the whole.
        pixels: (H, W, C).
        mask: (H, W) instances, or `None`.
        scale: Source pixels per pixel, (y, x).
        cut_off: Share of the source image that is not in it, where all of it was meant to be.
        margins: Pixels added at the top, bottom, left and right.
    """

    place: str
    pixels: Pixels
    mask: Mask | None
    scale: tuple[float, float] = (1.0, 1.0)
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    cut_off: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """Cut source images into training images.

    Attributes:
        kind: `"tile"`, a grid of rectangles that do not overlap, what is left at the right and the
            bottom being dropped; `"resize"`, the largest centred part of the wanted aspect,
            resized with antialiasing; `"crop"`, the centre at its own scale; `"pad"`, the whole
            with mirrored margins, which are cut off again when images are exported.
        size: (height, width) of the training images, or `None` for the source's own.
        downscale: Source images are made smaller by this factor first.
        min_foreground: Smallest share of foreground, 0 to 1. Foreground is what a mask covers
            or, without a mask, the more varied side of Otsu's threshold.
        multiple_of: `"pad"` without a size fills up to sides that are multiples of this.
    """

    kind: str = "tile"
    size: tuple[int, int] | None = None
    downscale: float = 1.0
    min_foreground: float = 0.0
    multiple_of: int = 1

    def __post_init__(self) -> None:
        if self.kind not in VIEWS:
            raise UsageError(f"no view {self.kind!r}; choose from {', '.join(VIEWS)}")
        if self.size is not None and not 1 <= min(self.size) <= max(self.size) <= LARGEST_SIDE:
            size = f"{self.size[0]}x{self.size[1]}"
            raise UsageError(f"image size must be from 1 to {LARGEST_SIDE} pixels, not {size}")
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
            zoo.data.examples.Rejected: If the image is smaller than a tile or a crop, or larger
                than what it is padded to.
        """
        sides = image.shape[:2]
        image, mask = self._downscaled(image, mask)
        shrunk = (sides[0] / image.shape[0], sides[1] / image.shape[1])
        pieces = list(self._pieces(image, mask, self._foreground(image, mask)))
        kept = [
            replace(crop, scale=(crop.scale[0] * shrunk[0], crop.scale[1] * shrunk[1]))
            for crop, covered in pieces
            if covered is None or covered.mean() >= self.min_foreground
        ]
        return kept, len(pieces) - len(kept)

    def _pieces(
        self, image: Pixels, mask: Mask | None, foreground: Pixels | None
    ) -> Iterator[tuple[Crop, Pixels | None]]:
        """Crops at the scale of the image, each with its part of the foreground."""
        size = self.size or self._filled(image.shape[:2])
        if size == image.shape[:2]:
            yield Crop("", image, mask), foreground
        elif self.kind == "resize":
            yield _resized(size, image, mask, foreground)
        elif self.kind == "pad":
            yield _padded(size, image, mask), foreground
        else:
            yield from _windows(self.kind, size, image, mask, foreground)

    def _filled(self, sides: tuple[int, ...]) -> tuple[int, int]:
        step = self.multiple_of if self.kind == "pad" else 1
        return -(-sides[0] // step) * step, -(-sides[1] // step) * step

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
    """Resize (H, W, C) with antialiased bicubic interpolation, rounded and clipped to its type.

    Args:
        image: Integers, or float32.
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
    resized: Pixels = np.stack(planes, -1)
    if image.dtype == np.float32:
        return resized
    limits = np.iinfo(image.dtype)
    return np.clip(np.rint(resized, dtype=np.float64), limits.min, limits.max).astype(image.dtype)


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


def _resized(
    size: tuple[int, int], image: Pixels, mask: Mask | None, foreground: Pixels | None
) -> tuple[Crop, Pixels | None]:
    window = _centred(image.shape[:2], size)
    scale = tuple((w.stop - w.start) / side for w, side in zip(window, size, strict=True))
    instances, covered = (
        None if plane is None else resize_mask(plane[window], size) for plane in (mask, foreground)
    )
    kept = image[window].shape[0] * image[window].shape[1] / (image.shape[0] * image.shape[1])
    pixels = resize(image[window], size)
    return Crop("", pixels, instances, (scale[0], scale[1]), cut_off=1.0 - kept), covered


def _padded(size: tuple[int, int], image: Pixels, mask: Mask | None) -> Crop:
    height, width = image.shape[:2]
    if height > size[0] or width > size[1]:
        raise Rejected(f"{width}×{height} pixels do not fit into {size[1]}×{size[0]}")
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    sides = ((top, size[0] - height - top), (left, size[1] - width - left))
    instances = None if mask is None else np.pad(mask, sides, mode="symmetric")
    pixels = np.pad(image, (*sides, (0, 0)), mode="symmetric")
    return Crop("", pixels, instances, margins=(*sides[0], *sides[1]))


def unpad(images: Pixels, margins: Sequence[int]) -> Pixels:
    """Cut margins (top, bottom, left, right) off images (n, H, W, C)."""
    top, bottom, left, right = margins
    height, width = images.shape[1:3]
    return images[:, top : height - bottom, left : width - right]


def _windows(
    kind: str, size: tuple[int, int], image: Pixels, *others: Pixels | None
) -> Iterator[tuple[Crop, Pixels | None]]:
    """Parts at the image's own scale: the centre, or a grid from the upper left."""
    height, width = image.shape[:2]
    if height < size[0] or width < size[1]:
        raise Rejected(f"{width}×{height} pixels are smaller than a {kind} of {size[1]}×{size[0]}")
    rows: Sequence[int] = range(0, height - size[0] + 1, size[0])
    columns: Sequence[int] = range(0, width - size[1] + 1, size[1])
    if kind == "crop":
        rows, columns = [(height - size[0]) // 2], [(width - size[1]) // 2]
    for y in rows:
        for x in columns:
            window = np.s_[y : y + size[0], x : x + size[1]]
            mask, covered = (None if plane is None else plane[window] for plane in others)
            yield Crop(f"{y},{x}", image[window], mask), covered


def _centred(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[slice, slice]:
    """The largest centred window of a shape with the aspect of a size."""
    scale = min(shape[0] / size[0], shape[1] / size[1])
    sides = [max(1, min(old, round(new * scale))) for old, new in zip(shape, size, strict=False)]
    starts = [(old - side) // 2 for old, side in zip(shape, sides, strict=False)]
    return (
        slice(starts[0], starts[0] + sides[0]),
        slice(starts[1], starts[1] + sides[1]),
    )
