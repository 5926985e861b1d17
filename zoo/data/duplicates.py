"""Source images that show the same picture, up to a shift, brightness, contrast and JPEG.

Candidates share the magnitudes of their low frequencies, which a shift leaves alone. Each is then
registered by phase correlation (Kuglin and Hines, 1975), and its overlap compared block by block.
Copies that are turned, mirrored or scaled are not looked for.
"""

import functools
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from zoo.progress import progress

SIDE = 64
ROUNDING = 1e-5  # of a value, more than single precision loses in means
LIKELY = 0.65  # cosine of two descriptors; nearly all copies reach it (benchmarks/duplicates.py)
MOST = 16  # likeliest of the later images, which one is compared with
ALIKE = 0.93  # mean correlation of the blocks of the overlap
LEAST = 6.0  # blocks, faint ones counted in part
FAINT = 3.0  # standard deviation, in grey levels, of a block that counts by half
CYCLES = 12  # per side, of the frequencies that a descriptor holds
REACH = SIDE // 8  # largest shift
FRACTION = 8  # steps per pixel, in which a shift is known
BLUR = 1.5  # pixels, so that what is left of a shift costs little
BLOCK = 8  # pixels; only what a plane does not fit counts, so a common vignette does not
TINY = np.finfo(np.float32).tiny
CELLS = 2**24  # of the similarity matrix at a time: 64 MB
BATCH = 1024  # pairs that are registered at a time

Array = npt.NDArray[Any]


def thumbnail(image: Array) -> npt.NDArray[np.uint8]:
    """A small grey picture of an image, its smallest value 0 and its largest 255.

    Every pixel is the mean over the area that it covers, whatever the image's size and aspect.

    Args:
        image: (H, W, C) of any numeric type.

    Returns:
        (SIDE, SIDE); all 0 if the image has one value only.
    """
    height, width, channels = image.shape
    rows = _areas(height) @ image.reshape(height, -1).astype(np.float32)
    grey = _areas(width) @ rows.reshape(SIDE, width, channels).mean(axis=2).T
    low, high = float(grey.min()), float(grey.max())
    flat = high - low <= ROUNDING * max(abs(low), abs(high))
    scale = 0.0 if flat else 255 / (high - low)
    picture: npt.NDArray[np.uint8] = np.rint((grey.T - low) * scale).astype(np.uint8)
    return picture


def near_duplicates(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Pairs of images that show the same picture.

    Whether two are a pair depends on these two alone, not on the set, unless more than `MOST`
    images look alike: then only the likeliest are compared. Images of one value are never paired,
    and those with little texture only if they are nearly equal.

    Args:
        thumbnails: (n, SIDE, SIDE), perhaps memory-mapped.

    Returns:
        (m, 2) rows i < j in rising order. Of identical thumbnails each is paired with the first.
    """
    first, copies = _identical(thumbnails)
    found = [copies]
    with progress("Comparing images", len(first), "images") as advance:
        for rows, candidates in _candidates(_descriptors(thumbnails, first)):
            for i in range(0, len(candidates), BATCH):
                batch = first[candidates[i : i + BATCH]]
                found.append(batch[_same(thumbnails[batch[:, 0]], thumbnails[batch[:, 1]])])
            advance(rows)
    pairs = np.sort(np.concatenate(found), axis=1)
    ordered: npt.NDArray[np.int64] = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return ordered


def _identical(thumbnails: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first of each group of equal thumbnails that are not flat, and its pairs with others."""
    first: dict[bytes, int] = {}
    copies = []
    for i, picture in enumerate(thumbnails):
        digest = hashlib.blake2b(picture.tobytes(), digest_size=16).digest()
        if picture.any() and (seen := first.setdefault(digest, i)) != i:
            copies.append((seen, i))
    firsts = np.array(list(first.values()), np.int64)
    return firsts, np.array(copies, np.int64).reshape(-1, 2)


def _descriptors(thumbnails: Array, chosen_rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """(n, d) of length 1: magnitudes of low frequencies, which fall off evenly if not weighted."""
    across, down = np.fft.rfftfreq(SIDE) * SIDE, np.fft.fftfreq(SIDE) * SIDE
    cycles = np.hypot(down[:, None], across)
    chosen = (cycles > 0) & (cycles <= CYCLES) & ~((across == 0) & (down[:, None] < 0))
    window = _window() ** 2
    described = np.empty((len(chosen_rows), int(chosen.sum())), np.float32)
    for i in range(0, len(chosen_rows), BATCH):
        batch = thumbnails[chosen_rows[i : i + BATCH]].astype(np.float32)
        batch -= (batch * window).sum(axis=(1, 2), keepdims=True) / window.sum()
        spectrum = np.abs(fft.rfft2(batch * window)[:, chosen])
        weighted = np.sqrt(spectrum * cycles[chosen])
        weighted -= weighted.mean(axis=1, keepdims=True)
        described[i : i + BATCH] = weighted / np.linalg.norm(weighted, axis=1, keepdims=True)
    return described


def _candidates(described: Array) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Pairs (k, 2) with similar descriptors, block by block, with the number of rows done."""
    n = len(described)
    rows = max(1, CELLS // max(n, 1))
    for start in range(0, n, rows):
        block = described[start : start + rows]
        likeness = block @ described[start:].T
        likeness[np.tril_indices(len(block), 0, n - start)] = -1.0
        for crowded in np.flatnonzero((likeness > LIKELY).sum(axis=1) > MOST):
            bound = np.partition(likeness[crowded], -MOST)[-MOST]
            likeness[crowded, likeness[crowded] < bound] = -1.0
        yield len(block), np.argwhere(likeness > LIKELY) + start


def _same(ones: Array, others: Array) -> npt.NDArray[np.bool_]:
    """(b,) whether the pictures (b, SIDE, SIDE) agree once one of them is shifted."""
    shifts, remainders = _shifts(ones, others)
    ones, others = _blurred(ones, np.zeros_like(remainders[:1])), _blurred(others, remainders)
    same = np.zeros(len(ones), bool)
    for shift in np.unique(shifts, axis=0):
        which = np.flatnonzero((shifts == shift).all(axis=1))
        same[which] = _agree(
            _overlap(ones[which], *shift.tolist()), _overlap(others[which], *(-shift).tolist())
        )
    return same


def _shifts(ones: Array, others: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Shifts (b, 2), down and right, by phase correlation, and what is left of them.

    The remainder is in steps of a `FRACTION` of a pixel, from the two neighbours of the peak
    (Foroosh et al., 2002, doi:10.1109/83.988953).
    """
    ones, others = (fft.rfft2(pictures * _window()) for pictures in (ones, others))
    cross = ones * np.conj(others)
    size = np.abs(cross)
    cross /= size + 1e-3 * size.mean(axis=(1, 2), keepdims=True)
    steps = np.arange(-REACH - 1, REACH + 2)
    near = np.maximum(fft.irfft2(cross, s=(SIDE, SIDE))[:, steps[:, None], steps], 0)
    inner = near[:, 1:-1, 1:-1]
    peak = np.unravel_index(inner.reshape(len(inner), -1).argmax(axis=1), inner.shape[1:])
    row, column = peak[0] + 1, peak[1] + 1
    at = np.arange(len(near))
    top = near[at, row, column]
    down = _remainder(near[at, row - 1, column], top, near[at, row + 1, column])
    right = _remainder(near[at, row, column - 1], top, near[at, row, column + 1])
    return steps[np.stack([row, column], axis=1)], np.stack([down, right], axis=1)


def _remainder(before: Array, top: Array, after: Array) -> npt.NDArray[np.int64]:
    larger = np.maximum(before, after)
    share = np.sign(after - before) * larger / np.maximum(larger + top, TINY)
    steps: npt.NDArray[np.int64] = np.rint(share * FRACTION).astype(np.int64)
    return steps


def _overlap(pictures: Array, down: int, right: int) -> Array:
    """The part that the other picture shows too: (b, blocks, pixels), less a plane for each."""
    shown = pictures[:, max(down, 0) : SIDE + min(down, 0), max(right, 0) : SIDE + min(right, 0)]
    n, height, width = shown.shape
    top, left = height % BLOCK // 2, width % BLOCK // 2
    rows, columns = height // BLOCK, width // BLOCK
    shown = shown[:, top : top + rows * BLOCK, left : left + columns * BLOCK]
    blocks = shown.reshape(n, rows, BLOCK, columns, BLOCK).swapaxes(2, 3)
    blocks = blocks.reshape(n, rows * columns, BLOCK**2)
    detail: Array = blocks - (blocks @ _planes()) @ _planes().T
    return detail


def _agree(ones: Array, others: Array) -> npt.NDArray[np.bool_]:
    """Whether the detail of the blocks correlates: SSIM's structure term (Wang et al., 2004).

    Each block counts by itself, whatever its contrast, because one strong edge around everything,
    such as the rim of a cell in the middle, would drown what tells two pictures apart. A block
    counts less the fainter it is, and a few blocks prove nothing: spots on black are alike.
    """
    together = (ones * others).mean(axis=2)
    contrast = np.sqrt((ones**2).mean(axis=2) * (others**2).mean(axis=2))
    weight = (contrast / (contrast + FAINT**2)).sum(axis=1)
    alike = (together / (contrast + FAINT**2)).sum(axis=1)
    same: npt.NDArray[np.bool_] = (weight >= LEAST) & (alike >= ALIKE * weight)
    return same


def _blurred(pictures: Array, remainders: Array) -> Array:
    """Pictures blurred a little, and moved by remainders (b, 2), or by one (1, 2) for all."""
    down, right = _kernels()[remainders[:, 0]], _kernels()[remainders[:, 1]]
    blurred: Array = down @ (pictures.astype(np.float32) @ right.transpose(0, 2, 1))
    return blurred


@functools.cache
def _window() -> npt.NDArray[np.float32]:
    """(SIDE, SIDE): falls to zero at the borders, which a shift replaces."""
    profile = np.sqrt(np.hanning(SIDE + 2)[1:-1])
    return np.outer(profile, profile).astype(np.float32)


@functools.cache
def _planes() -> npt.NDArray[np.float32]:
    """(BLOCK², 3): level and two slopes of a block, orthonormal."""
    slope = np.arange(BLOCK) - (BLOCK - 1) / 2
    level = np.ones(BLOCK)
    planes = np.stack(
        [np.outer(*pair).ravel() for pair in ((level, level), (slope, level), (level, slope))]
    )
    planes /= np.linalg.norm(planes, axis=1, keepdims=True)
    orthonormal: npt.NDArray[np.float32] = planes.T.astype(np.float32)
    return orthonormal


@functools.cache
def _kernels() -> npt.NDArray[np.float32]:
    """(2·FRACTION + 1, SIDE, SIDE): a Gaussian blur as a matrix, moved by k or, at -k, by -k."""
    at = np.arange(SIDE)
    moved = np.r_[0 : FRACTION + 1, -FRACTION:0] / FRACTION
    away = at[:, None] - at - moved[:, None, None]
    weights = np.exp(-((away / BLUR) ** 2) / 2)
    weights /= weights.sum(axis=2, keepdims=True)
    kernels: npt.NDArray[np.float32] = weights.astype(np.float32)
    return kernels


@functools.lru_cache(maxsize=64)
def _areas(length: int) -> npt.NDArray[np.float32]:
    """(SIDE, length): how much of each pixel lies in each of SIDE equal intervals."""
    edges = np.linspace(0, length, SIDE + 1)
    starts = np.arange(length)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    shares: npt.NDArray[np.float32] = np.clip(overlap, 0, None) * np.float32(SIDE / length)
    return shares.astype(np.float32)
