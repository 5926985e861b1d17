"""Images that show the same field of view, found among thousands without trying every pair.

Descriptors that agree in a random choice of bits meet in a hash table (Indyk and Motwani, 1998,
doi:10.1145/276698.276876). Each meeting votes for the turn and shift that it implies (Ballard,
1981, doi:10.1016/0031-3203(81)90009-1), so chance meetings scatter and true ones pile up. Pairs
with enough votes are registered, most votes first, unless they are already in one group.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from zoo.progress import progress
from zoo_datasets.blood_cells.registration import (
    BITS,
    MIN_INLIERS,
    Keypoints,
    inliers,
    keypoints,
)

TABLES = 8
PER_BUCKET = 3  # descriptors on average, whatever their number
SHORTEST = 16  # bits of a hash; shorter ones make strangers meet
CROWDED = 1000  # descriptors of one bucket; what is so common tells nothing
TURNS = 12  # bins of the full circle
SHIFTS = 12  # bins of SHIFT pixels along y and along x
SHIFT = 60.0
MIN_VOTES = 6

Ints = npt.NDArray[np.int64]


def same_field(images: Iterable[npt.NDArray[np.uint8]], total: int) -> Ints:
    """Number the fields of view.

    Args:
        images: n of them, each (H, W, 3) in RGB; about 40 kB of each are kept in memory.
        total: n, for the progress.

    Returns:
        (n,) index of the first image of the same field, over any chain of registered pairs.
    """
    with threadpool_limits(1):  # the products are so small that threads would wait for each other
        fields = Fields(images, total)
        fields.join_candidates()
        fields.join_first_ones()
    return np.array([fields.first(i) for i in range(len(fields.plain))], np.int64)


class Fields:
    """A partition of images into fields of view, joined as images register to each other."""

    def __init__(self, images: Iterable[npt.NDArray[np.uint8]], total: int) -> None:
        self.plain: list[Keypoints] = []
        self.mirrored: list[Keypoints] = []
        with progress("Finding keypoints", total, "images") as advance:
            for image in images:
                self.plain.append(keypoints(image))
                self.mirrored.append(keypoints(image[:, ::-1]))
                advance(1)
        self._parent = list(range(len(self.plain)))

    def first(self, i: int) -> int:
        """The first image of the field that image `i` shows."""
        while (parent := self._parent[i]) != i:
            self._parent[i] = i = self._parent[parent]
        return i

    def join_candidates(self) -> None:
        """Register the pairs that `candidates` finds, most votes first."""
        pairs = candidates(self.plain, self.mirrored)
        with progress("Registering candidates", len(pairs), "pairs") as advance:
            for i, j, flip in pairs.tolist():
                self._join(i, j, flips=(flip,))
                advance(1)

    def join_first_ones(self) -> None:
        """Register the first image of every field to that of every other, candidate or not."""
        firsts = sorted({self.first(i) for i in range(len(self.plain))})
        total = len(firsts) * (len(firsts) - 1) / 2
        with progress("Registering what is left", total, "pairs") as advance:
            for number, i in enumerate(firsts):
                for j in firsts[:number]:
                    self._join(i, j, flips=(0, 1))
                advance(number)

    def _join(self, i: int, j: int, *, flips: tuple[int, ...]) -> None:
        first, last = sorted((self.first(i), self.first(j)))
        queries = ((self.plain, self.mirrored)[flip][i] for flip in flips)
        if first != last and any(inliers(q, self.plain[j]) >= MIN_INLIERS for q in queries):
            self._parent[last] = first


def candidates(plain: Sequence[Keypoints], mirrored: Sequence[Keypoints]) -> Ints:
    """Pairs that may show the same field.

    Args:
        plain: Keypoints of n images.
        mirrored: Keypoints of the same images, mirrored.

    Returns:
        (m, 3) image, earlier image, and 1 if the former is mirrored; most votes first.
    """
    index = Index(plain)
    rows = [np.zeros((0, 4), np.int64)]
    with progress("Searching for copies", len(plain), "images") as advance:
        for i, queries in enumerate(zip(plain, mirrored, strict=True)):
            for flip, query in enumerate(queries):
                votes = index.votes(query, before=i)
                found = np.flatnonzero(votes >= MIN_VOTES)
                same = np.ones_like(found)
                rows.append(np.column_stack([-votes[found], same * i, found, same * flip]))
            advance(1)
    table = np.concatenate(rows)
    return table[np.lexsort(table.T[::-1])][:, 1:]


class Index:
    """Hash tables of the descriptors of many images."""

    def __init__(self, images: Sequence[Keypoints]) -> None:
        self._owner = np.repeat(np.arange(len(images)), [len(image.bits) for image in images])
        self._positions = np.concatenate([image.positions for image in images])
        self._angles = np.concatenate([image.angles for image in images])
        bits = np.concatenate([image.bits for image in images])
        length = max(SHORTEST, round(math.log2(max(1, len(bits)) / PER_BUCKET)))
        rng = np.random.default_rng(0)
        self._tables = []
        for _ in range(TABLES):
            chosen = rng.choice(BITS, length, replace=False)
            codes = _codes(bits, chosen)
            order = np.argsort(codes, kind="stable").astype(np.int32)
            self._tables.append((chosen, codes[order], order))

    def votes(self, query: Keypoints, *, before: int) -> Ints:
        """(before,) the most votes for one turn and shift, for each of the first images."""
        mine, theirs = self._meetings(query)
        kept = self._owner[theirs] < before
        mine, theirs = mine[kept], theirs[kept]
        turn = (self._angles[theirs] - query.angles[mine]) % (2 * np.pi)
        (y, x), sin, cos = query.positions[mine].T, np.sin(turn), np.cos(turn)
        shift = self._positions[theirs] - np.column_stack([cos * y + sin * x, cos * x - sin * y])
        down, right = np.clip(shift // SHIFT + SHIFTS / 2, 0, SHIFTS - 1).astype(np.int64).T
        around = np.minimum(turn / (2 * np.pi) * TURNS, TURNS - 1).astype(np.int64)
        place = np.ravel_multi_index(
            (self._owner[theirs], around, down, right), (max(1, before), TURNS, SHIFTS, SHIFTS)
        )
        places, counts = np.unique(place, return_counts=True)
        votes = np.zeros(before, np.int64)
        np.maximum.at(votes, places // (TURNS * SHIFTS**2), counts)
        return votes

    def _meetings(self, query: Keypoints) -> tuple[Ints, Ints]:
        """Keypoints of the query, and those that they meet in any table, each pair once."""
        found = []
        for chosen, codes, order in self._tables:
            wanted = _codes(query.bits, chosen)
            first = np.searchsorted(codes, wanted)
            counts = np.searchsorted(codes, wanted, "right") - first
            counts[counts > CROWDED] = 0
            mine = np.repeat(np.arange(len(wanted)), counts)
            step = np.arange(len(mine)) - np.repeat(np.cumsum(counts) - counts, counts)
            found.append(mine * len(self._owner) + order[first[mine] + step])
        pairs = np.unique(np.concatenate(found))
        return pairs // max(1, len(self._owner)), pairs % max(1, len(self._owner))


def _codes(bits: npt.NDArray[np.uint8], chosen: Ints) -> npt.NDArray[np.int32]:
    """(n,) numbers made of the chosen bits of packed descriptors (n, BITS / 8)."""
    codes = np.zeros(len(bits), np.int32)
    for place, bit in enumerate(chosen.tolist()):
        codes |= (bits[:, bit // 8] >> (7 - bit % 8) & 1).astype(np.int32) << place
    return codes
