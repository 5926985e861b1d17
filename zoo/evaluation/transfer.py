"""Do detectors know generators and data that they were not trained on?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import UsageError
from zoo.evaluation.answers import Row, row
from zoo.evaluation.controls import Build
from zoo.evaluation.panel import Panel
from zoo.evaluation.trial import Material, Pool, Sample, Trial, probabilities


@dataclass(frozen=True)
class Contender:
    """A generator with the data that it was trained on.

    Attributes:
        name: Of the run.
        material: Its real and generated images.
    """

    name: str
    material: Material


def across(
    contenders: Sequence[Contender], panel: Panel, *, n: int, advance: Callable[[float], None]
) -> dict[str, Any]:
    """The two matrices, and why one of them is missing.

    Args:
        contenders: Two or more.
        panel: The detectors.
        n: Images per class in training and in test at most.
        advance: Told of each round.

    Returns:
        `{"leave_one_out": […], "matrix": […], "not_computed": […]}`; each row names a detector,
        what it was trained on and what it was tested on.
    """
    missing = []
    same_data: dict[str, list[Contender]] = {}
    for contender in contenders:
        key = contender.material.images.fingerprint
        same_data.setdefault(key, []).append(contender)
    left_out: list[Row] = []
    for group in same_data.values():
        if len(group) > 1:
            left_out += leave_one_out(group, panel, n=n, advance=advance)
    if not left_out:
        reason = "no two of the runs share their data, so none can be left out"
        missing.append({"name": "leave-one-generator-out", "reason": reason})
    shapes = {contender.material.images.shape[1:] for contender in contenders}
    if len(shapes) > 1:
        sizes = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes))
        reason = f"a detector takes one size of images, and the runs have {sizes}"
        return _found(left_out, [], [*missing, {"name": "matrix of runs", "reason": reason}])
    return _found(left_out, matrix(contenders, panel, n=n, advance=advance), missing)


def rounds(contenders: Sequence[Contender]) -> int:
    """How often `across` advances at most."""
    return 2 * len(contenders)


def leave_one_out(
    contenders: Sequence[Contender], panel: Panel, *, n: int, advance: Callable[[float], None]
) -> list[Row]:
    """Trained on the images of all generators but one, tested on those of that one."""
    found: list[Row] = []
    for held_out in contenders:
        others = [c for c in contenders if c is not held_out]
        mixed = mixture([c.material.sample for c in others])
        learnt = held_out.material.trial(n, sample=mixed)
        trial = Trial(learnt.train, learnt.validation, held_out.material.trial(n).test)

        def measure(name: str, build: Build, trial: Trial = trial) -> Row:
            return row(trial.probabilities(build(0))[None], trial.test)

        names = [c.name for c in others]
        found += _rows(panel.each(measure), names, held_out.name)
        advance(1)
    return found


def matrix(
    contenders: Sequence[Contender], panel: Panel, *, n: int, advance: Callable[[float], None]
) -> list[Row]:
    """Trained on the images of one run, real and generated, and tested on those of every run."""
    trials = [contender.material.trial(n) for contender in contenders]
    found: list[Row] = []
    for contender, learnt in zip(contenders, trials, strict=True):

        def measure(name: str, build: Build, learnt: Trial = learnt) -> list[Row]:
            detector = learnt.fit(build(0))
            return [row(probabilities(detector, t.test.images)[None], t.test) for t in trials]

        for name, cells in panel.each(measure).items():
            for other, cell in zip(contenders, cells, strict=True):
                found += _rows({name: cell}, [contender.name], other.name)
        advance(1)
    return found


def mixture(samples: Sequence["Sample | Pool"]) -> Sample:
    """Images of several generators in equal shares, the first ones getting what is left over."""

    def sample(n: int, seed: int) -> npt.NDArray[Any]:
        shares = [len(part) for part in np.array_split(np.arange(n), len(samples))]
        drawn = [_drawn(s, m, seed) for s, m in zip(samples, shares, strict=True) if m]
        return np.concatenate(drawn)

    return sample


def _drawn(sample: "Sample | Pool", n: int, seed: int) -> npt.NDArray[Any]:
    if isinstance(sample, Pool):
        raise UsageError("a folder of images cannot be mixed with other generators")
    return sample(n, seed)


def _rows(cells: Mapping[str, Row], trained_on: list[str], tested_on: str) -> list[Row]:
    keys = ("accuracy", "auroc", "interval", "n")
    return [
        {
            "detector": name,
            "trained_on": trained_on,
            "tested_on": tested_on,
            **{key: cell[key] for key in keys},
        }
        for name, cell in cells.items()
    ]


def _found(left_out: list[Row], cells: list[Row], missing: list[dict[str, str]]) -> dict[str, Any]:
    return {"leave_one_out": left_out, "matrix": cells, "not_computed": missing}
