"""Which images train and which are held out: decided by group, so that no source is in two parts.

Every group gets a number in [0, 1), SHA-256 of the split seed and its name, which is cut at
0.60, 0.75 and 0.85. A group's number depends on nothing else, so adding a file moves no other,
and labels are stratified in expectation. Only a part that would stay empty takes what is nearest.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from zoo.data.imageset import PARTS
from zoo.errors import UsageError

CUTS = (0.60, 0.75, 0.85)
ROLES = ("train", "validation", "test")
MIN_GROUPS = 8


def assign(
    groups: Sequence[str] | npt.NDArray[np.str_],
    labels: npt.NDArray[Any] | None = None,
    *,
    seed: int = 0,
) -> npt.NDArray[np.str_]:
    """The part of each image.

    Where there are at least `MIN_GROUPS` groups, no part is empty: it takes the group whose
    number is nearest to its interval from a part that has more than one. With labels the same
    holds within each label that has as many groups.

    Args:
        groups: (n,) group of each image.
        labels: (n,) class of each image.
        seed: The split seed, which is not the training seed.

    Returns:
        (n,) names out of `PARTS`; all `train` if there are fewer than `MIN_GROUPS` groups.
    """
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < MIN_GROUPS:
        return np.full(len(group_of), PARTS[0], dtype=f"<U{max(map(len, PARTS))}")
    numbers = np.array([number(str(name), seed=seed) for name in names])
    part_of = np.searchsorted(CUTS, numbers, side="right")
    for stratum in _strata(group_of, labels, len(names)):
        if len(stratum) >= MIN_GROUPS:
            _fill(part_of, numbers, stratum)
    chosen: npt.NDArray[np.str_] = np.array(PARTS)[part_of][group_of]
    return chosen


def number(group: str, *, seed: int) -> float:
    """The group's number in [0, 1)."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def assign_official(
    names: npt.NDArray[np.str_], groups: npt.NDArray[np.str_], *, seed: int = 0
) -> tuple[npt.NDArray[np.str_], int]:
    """The parts that the dataset's own split gives.

    Its test images are `test`, its validation images `validation`, and its training images
    `train` and `detect_train`, by group; what the dataset has no split for is taken from the
    training images. A group that the official split tears apart goes where its first image in the
    order train, validation, test goes.

    Args:
        names: (n,) the official split of each image.
        groups: (n,) group of each image.
        seed: The split seed.

    Returns:
        (n,) names out of `PARTS`, and how many groups the official split tears apart.

    Raises:
        zoo.errors.UsageError: If there is no official split, or one that is not understood.
    """
    roles = np.array([_role(name) for name in names.tolist()])
    keys, group_of = np.unique(groups, return_inverse=True)
    role_of = np.full(len(keys), len(ROLES))
    np.minimum.at(role_of, group_of, roles)
    torn = len(np.unique(np.stack([group_of, roles]), axis=1).T) - len(keys)
    present = [part not in np.array(ROLES)[np.unique(role_of)] for part in PARTS[2:]]
    if all(present):
        raise UsageError("there is no official split; leave out --split official")
    bounds = np.cumsum([0.60, 0.15, 0.10 * present[0], 0.15 * present[1]])
    numbers = np.array([number(str(key), seed=seed) for key in keys]) * bounds[-1]
    drawn = np.array(PARTS)[np.searchsorted(bounds[:-1], numbers, side="right")]
    part_of = np.where(role_of == 0, drawn, np.array(ROLES)[role_of])
    parts: npt.NDArray[np.str_] = part_of[group_of]
    return parts, torn


def _role(name: str) -> int:
    """Position in `ROLES` of an official split's name."""
    for position, role in enumerate(ROLES):
        if name.lower().startswith(role[:3]):
            return position
    raise UsageError(
        f"the official split has a part {name!r}, which is none of train, validation and test"
    )


def merge_duplicates(
    groups: npt.NDArray[np.str_],
    digests: npt.NDArray[np.str_],
    pairs: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.str_]:
    """Join the groups that share an exact or near duplicate, so that all copies are in one part.

    Args:
        groups: (n,) group of each image.
        digests: (n,) hash of each image's pixels.
        pairs: (m, 2) rows that show nearly the same picture.

    Returns:
        (n,) groups; a joined group has the name of its first member in sorted order, so only
        files that are themselves joined can move when another copy is added.
    """
    names, group_of = np.unique(groups, return_inverse=True)
    _, first, copy_of = np.unique(digests, return_index=True, return_inverse=True)
    edges = np.stack([group_of, group_of[first[copy_of]]], axis=1)
    if pairs is not None:
        edges = np.concatenate([edges, group_of[pairs]])
    graph = coo_array((np.ones(len(edges)), edges.T), shape=(len(names), len(names)))
    n_joined, joined = connected_components(graph, directed=False)
    smallest = np.full(n_joined, len(names))
    np.minimum.at(smallest, joined, np.arange(len(names)))
    merged: npt.NDArray[np.str_] = names[smallest[joined]][group_of]
    return merged


def _strata(
    group_of: npt.NDArray[np.intp], labels: npt.NDArray[Any] | None, n_groups: int
) -> Iterator[npt.NDArray[np.intp]]:
    """The groups of each label, a group of several labels counted under the first."""
    if labels is not None:
        _, first = np.unique(group_of, return_index=True)
        label_of = np.asarray(labels)[first]
        for label in np.unique(label_of):
            yield np.flatnonzero(label_of == label)
    yield np.arange(n_groups)


def _fill(
    part_of: npt.NDArray[np.intp], numbers: npt.NDArray[Any], stratum: npt.NDArray[np.intp]
) -> None:
    bounds = (0.0, *CUTS, 1.0)
    for part in range(len(PARTS)):
        sizes = np.bincount(part_of[stratum], minlength=len(PARTS))
        if sizes[part]:
            continue
        donors = stratum[sizes[part_of[stratum]] > 1]
        below, above = bounds[part] - numbers[donors], numbers[donors] - bounds[part + 1]
        part_of[donors[np.argmin(np.maximum(below, above))]] = part
