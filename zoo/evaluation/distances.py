"""How near each image lies to the images of another set, in pixels and in features."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.metrics.features import extract, squared_distances, to_uint8
from zoo.metrics.protocol import Extractor

PIXELS, STRUCTURE = 64, 32
BLOCK_VALUES = 8_000_000

Rows = npt.NDArray[np.float32]
Groups = npt.NDArray[np.str_]
Turn = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class Space:
    """A representation of images in which distances are taken.

    Attributes:
        name: What the names of its numbers end in.
        unit: Of a distance.
        describe: Images (n, H, W, C) uint8, and a folder that keeps features or `None`, to rows
            (n, d).
        facts: What the protocol card says about it.
        network: Whether the rows are features of a network.
    """

    name: str
    unit: str
    describe: Callable[[npt.NDArray[np.uint8], Path | None], Rows]
    facts: Mapping[str, Any]
    network: bool = False


@dataclass(frozen=True)
class Nearest:
    """What is nearest to each of n rows.

    Attributes:
        distance: (n,) Euclidean, to the nearest row.
        position: (n,) int64, which row that is.
        second: (n,) to the nearest row of any other group than that one's; infinite if there is
            only one group.
    """

    distance: npt.NDArray[np.float64]
    position: npt.NDArray[np.int64]
    second: npt.NDArray[np.float64]

    @property
    def ratio(self) -> npt.NDArray[np.float64]:
        """(n,) nearest-neighbour distance ratio, from 0 for a copy to 1; 1 where both are 0."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(self.second > 0, self.distance / self.second, 1.0))


def offline_spaces(shape: tuple[int, ...]) -> list[Space]:
    """Spaces that need no weights: grey levels, and structure whatever brightness and contrast.

    Args:
        shape: (H, W, C) of the images.
    """
    pixels = Space(
        name="pixels",
        unit="grey levels",
        describe=_pixels,
        facts={"pixels": f"mean over areas, at most {PIXELS} px; root mean square difference"},
    )
    structure = Space(
        name="structure",
        unit="from 0 to 2",
        describe=_structure,
        facts={
            "structure": f"mean over areas, at most {STRUCTURE} px; each image less its mean, over "
            "its norm; Euclidean"
        },
    )
    return [pixels, structure] if min(shape[:2]) > 1 else [pixels]


def feature_space(extractor: Extractor) -> Space:
    """Features of a network, by Euclidean distance."""
    return Space(
        name=extractor.suffix,
        unit="of features",
        describe=lambda images, cache: extract(extractor, images, cache=cache),
        facts={extractor.suffix: {**extractor.facts, "distance": "Euclidean"}},
        network=True,
    )


def described(
    space: Space, images: ImageSet, turns: Sequence[Turn], cache: Path | None = None
) -> list[Rows]:
    """Rows (n, d) of all images of a set for each way to turn them, read in blocks."""
    parts = [[space.describe(turn(block), cache) for turn in turns] for block in _blocks(images)]
    return [np.concatenate(rows) for rows in zip(*parts, strict=True)]


def orientations(flips: str, *, square: bool = True) -> list[Turn]:
    """How images (n, H, W, C) may be turned, as they are first.

    Args:
        flips: As a generator was trained with: `none`, `horizontal` or `dihedral`.
        square: Whether they are; others are not turned by a quarter.
    """

    def turn(quarters: int, mirror: bool) -> Turn:
        step = -1 if mirror else 1
        return lambda images: np.rot90(images[:, :, ::step], quarters, axes=(1, 2))

    mirrors = (False,) if flips == "none" else (False, True)
    quarters = range(0, 4, 1 if square else 2) if flips == "dihedral" else range(1)
    return [turn(i, mirror) for mirror in mirrors for i in quarters]


def find_nearest(
    rows: Sequence[Rows], references: Rows, groups: Groups, *, own: Groups | None = None
) -> Nearest:
    """The nearest reference of each row, and the nearest one of another group.

    Args:
        rows: (n, d) of the images, and of the same images turned; the nearest of these counts.
        references: (m, d).
        groups: (m,) group of each reference.
        own: (n,) group of each row, whose references are left out; `None` leaves out none.
    """
    _, code = np.unique(groups, return_inverse=True)
    n = len(rows[0])
    mine = np.full(n, -1) if own is None else _codes(own, groups)
    found = np.empty((2, n))
    position = np.empty(n, np.int64)
    wide = references.astype(np.float64)
    size = max(1, BLOCK_VALUES // len(references))
    for start in range(0, n, size):
        here = slice(start, start + size)
        block = _least(squared_distances(turned[here].astype(np.float64), wide) for turned in rows)
        block[mine[here, None] == code[None]] = np.inf
        position[here] = block.argmin(axis=1)
        found[0, here] = block.min(axis=1)
        block[code[position[here], None] == code[None]] = np.inf
        found[1, here] = block.min(axis=1)
    distance, second = np.sqrt(found)
    return Nearest(distance, position, second)


def _blocks(images: ImageSet) -> Iterator[npt.NDArray[np.uint8]]:
    """8-bit images in blocks that bound the memory."""
    size = max(1, BLOCK_VALUES // int(np.prod(images.shape[1:])))
    for start in range(0, len(images), size):
        yield to_uint8(images[start : start + size])


def _least(blocks: Iterable[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """The smallest of several arrays, element by element, with two of them in memory."""
    return functools.reduce(lambda ours, theirs: np.minimum(ours, theirs, out=ours), blocks)


def _codes(own: Groups, groups: Groups) -> npt.NDArray[np.int64]:
    """The place of each group among the references' groups, −1 where it has none."""
    known = {group: code for code, group in enumerate(np.unique(groups))}
    return np.array([known.get(group, -1) for group in own], np.int64)


def _pixels(images: npt.NDArray[np.uint8], cache: Path | None) -> Rows:
    small = _shrunk(images, PIXELS)
    flat = small.reshape(len(small), -1)
    return np.asarray(flat / np.sqrt(flat.shape[1]), np.float32)


def _structure(images: npt.NDArray[np.uint8], cache: Path | None) -> Rows:
    small = _shrunk(images, STRUCTURE)
    flat = small.reshape(len(small), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(norm > 0, norm, 1), np.float32)


def _shrunk(images: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float64]:
    """Means over squares of whole pixels, so that the longer side has at most `side` pixels."""
    n, height, width, channels = images.shape
    factor = -(-max(height, width) // side)
    if factor == 1:
        return images.astype(np.float64)
    rows, columns = max(1, height // factor), max(1, width // factor)
    cut = images[:, : rows * factor, : columns * factor].astype(np.float32)
    shape = (n, rows, min(factor, height), columns, min(factor, width), channels)
    return np.asarray(cut.reshape(shape).mean(axis=(2, 4)), np.float64)
