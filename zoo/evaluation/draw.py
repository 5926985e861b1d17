"""Which images are measured, and how held-out images are cut in two by group."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet

Rows = npt.NDArray[np.int64]


class Halves(NamedTuple):
    """Two sets of rows of equal length that share no group."""

    first: Rows
    second: Rows


def draw(images: ImageSet, n: int, *, seed: int) -> ImageSet:
    """At most n images, spread over the groups, each with the same chance.

    A systematic sample: images in random order within groups in random order, of which every
    (len / n)-th is taken from a random start.
    """
    if len(images) <= n:
        return images
    if not n:
        return images.take(np.empty(0, np.int64))
    rng = np.random.default_rng([seed, 1])
    order = _by_group(images.groups, rng)
    at = (np.arange(n) + rng.random()) * len(images) / n
    return images.take(np.sort(order[at.astype(np.int64)]))


def split_halves(
    groups: npt.NDArray[np.str_], *, count: int, at_most: int, seed: int
) -> list[Halves]:
    """Random cuts of rows into two halves by group, all truncated to the same length m.

    Args:
        groups: (n,) the group of each row.
        count: Number of cuts.
        at_most: Upper limit of m; otherwise m is the length of the smallest side.
        seed: Seed of the cuts.

    Returns:
        `count` halves, or none if all rows are of one group.
    """
    if len(np.unique(groups)) < 2:
        return []
    rng = np.random.default_rng([seed, 2])
    cuts = [_cut(groups, rng) for _ in range(count)]
    m = min(at_most, *(len(side) for cut in cuts for side in cut))
    return [Halves(*(np.sort(rng.choice(side, m, replace=False)) for side in cut)) for cut in cuts]


def subset(n: int, m: int, *, seed: int, repeat: int) -> Rows:
    """m of n rows without replacement, another choice for each repeat."""
    return np.sort(np.random.default_rng([seed, 3, repeat]).choice(n, m, replace=False))


def _by_group(groups: npt.NDArray[np.str_], rng: np.random.Generator) -> Rows:
    _, inverse = np.unique(groups, return_inverse=True)
    rank = rng.permutation(int(inverse.max()) + 1)[inverse]
    return np.lexsort((rng.random(len(groups)), rank)).astype(np.int64)


def _cut(groups: npt.NDArray[np.str_], rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Each group, in random order, goes to the side that has fewer images so far."""
    sides: tuple[list[Rows], list[Rows]] = ([], [])
    sizes = [0, 0]
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    for group in rng.permutation(len(counts)):
        smaller = int(sizes[1] < sizes[0])
        sides[smaller].append(np.flatnonzero(inverse == group))
        sizes[smaller] += int(counts[group])
    return np.concatenate(sides[0]), np.concatenate(sides[1])
