"""Scores of each class and of each group, so that a generator that fails one of them shows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zoo.evaluation.compare import FLOOR_CUTS, Comparison
from zoo.evaluation.draw import Rows, split_halves, subset
from zoo.evaluation.measures import Sample

LEAST = 30
APART = 1000  # no repeat of a subsample has this number


@dataclass(frozen=True)
class Divided:
    """What comes of dividing two sets.

    Attributes:
        comparisons: One for each part with enough images.
        not_computed: What there is none for, with the reason.
    """

    comparisons: list[Comparison]
    not_computed: list[dict[str, str]]


def kinds(
    groups: npt.NDArray[np.str_], classes: npt.NDArray[np.str_] | None
) -> dict[str, npt.NDArray[np.str_]]:
    """What images can be divided by: their class if known, their group if some share one."""
    found = {} if classes is None else {"class": classes}
    return found | ({"group": groups} if len(np.unique(groups)) < len(groups) else {})


def divide(whole: Comparison, real: Sample, fake: Sample, *, seed: int) -> Divided:
    """The comparison of two whole sets, divided by each of the reals' kinds.

    Real images of a part are compared with the generated ones of the same part or, where it is
    not known what part these belong to, with any. All parts of a kind are compared at the same
    number of images, the smallest part's, so that their values can be set side by side.

    Args:
        whole: The comparison of all images.
        real: Its reals.
        fake: Its generated images.
        seed: Seed of the drawing and of the cuts for floor and range, of which there are 5.
    """
    divided = Divided([], [])
    for kind, values in real.kinds.items():
        parts = _parts(values, fake.kinds.get(kind), len(fake))
        if len(parts) < 2:
            continue
        enough = {name: rows for name, rows in parts.items() if min(map(len, rows)) >= LEAST}
        if small := len(parts) - len(enough):
            reason = f"{small} of {len(parts)} have fewer than {LEAST} images on a side"
            divided.not_computed.append({"name": f"scores per {kind}", "reason": reason})
        n = min((min(map(len, rows)) for rows in enough.values()), default=0)
        for name, rows in enough.items():
            drawn = _drawn(rows, n, seed)
            one = _one(whole, kind, name, drawn, real, seed, apart=kind in fake.kinds)
            divided.comparisons.append(one)
    if any(not one.cuts for one in divided.comparisons):
        reason = "a part whose images are all of one group cannot be cut by group"
        name = "interval, floor and ratio per group"
        divided.not_computed.append({"name": name, "reason": reason})
    return divided


def _parts(
    real: npt.NDArray[np.str_], fake: npt.NDArray[np.str_] | None, n_fake: int
) -> Mapping[str, tuple[Rows, Rows]]:
    return {
        str(value): (
            np.flatnonzero(real == value),
            np.arange(n_fake) if fake is None else np.flatnonzero(fake == value),
        )
        for value in np.unique(real)
    }


def _drawn(rows: tuple[Rows, Rows], n: int, seed: int) -> tuple[Rows, Rows]:
    real, fake = (side[subset(len(side), n, seed=seed, repeat=APART)] for side in rows)
    return real, fake


def _one(
    whole: Comparison,
    kind: str,
    name: str,
    rows: tuple[Rows, Rows],
    real: Sample,
    seed: int,
    *,
    apart: bool,
) -> Comparison:
    groups = real.groups[rows[0]]
    generated = f"of the same {kind}" if apart else f"of any {kind}, for theirs is not known"
    part = {"part": f"{kind} {name}", "generated": generated}
    return replace(
        whole,
        suffix=f"{whole.suffix}[{kind}={name}]",
        only=rows,
        cuts=split_halves(groups, count=FLOOR_CUTS, at_most=len(groups), seed=seed),
        facts={**whole.facts, **part},
    )
