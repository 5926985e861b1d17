"""Do detectors know generators and data that they were not trained on?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import NotComputed, UsageError
from zoo.evaluation.answers import Row, row
from zoo.evaluation.card import card, data_facts, surroundings
from zoo.evaluation.controls import Build
from zoo.evaluation.encoding import encoding_of
from zoo.evaluation.panel import Panel
from zoo.evaluation.trial import Examples, Material, Pool, Sample, Trial, probabilities


@dataclass(frozen=True)
class Contender:
    """A generator with the data that it was trained on.

    Attributes:
        name: Of the run.
        material: Its real and generated images.
        valid: Whether the controls of its own table passed.
    """

    name: str
    material: Material
    valid: bool = True


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
        what it was trained on and what it was tested on, and is `valid` if the table of each of
        these runs is.
    """
    contenders, missing = _able(contenders)
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
    valid = {contender.name: contender.valid for contender in contenders}
    cells, refused = _matrix(contenders, panel, n=n, advance=advance)
    rows = [*left_out, *cells]
    for found in rows:
        found["valid"] = all(valid[name] for name in [*found["trained_on"], found["tested_on"]])
    return {
        "leave_one_out": left_out,
        "matrix": cells,
        "not_computed": missing + refused,
    }


def _able(
    contenders: Sequence[Contender],
) -> tuple[list[Contender], list[dict[str, str]]]:
    """Those that can be measured, and why the others cannot."""
    able, missing = [], []
    for contender in contenders:
        try:
            contender.material.check()
            able.append(contender)
        except NotComputed as error:
            missing.append({"name": f"run {contender.name}", "reason": str(error)})
    return able, missing


def _matrix(
    contenders: Sequence[Contender], panel: Panel, *, n: int, advance: Callable[[float], None]
) -> tuple[list[Row], list[dict[str, str]]]:
    """The cells that can be believed, and why the others are missing."""
    if len(contenders) < 2:
        reason = "fewer than two of the runs can be measured"
        return [], [{"name": "matrix of runs", "reason": reason}]
    shapes = {contender.material.images.shape[1:] for contender in contenders}
    if len(shapes) > 1:
        sizes = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes))
        reason = f"a detector takes one size of images, and the runs have {sizes}"
        return [], [{"name": "matrix of runs", "reason": reason}]
    leaking = leaks(contenders)
    refused = [
        {
            "name": f"trained on {learnt}, tested on {tested}",
            "reason": f"its detectors learn from {number} of the other's real test images",
        }
        for (learnt, tested), number in leaking.items()
    ]
    return matrix(contenders, panel, n=n, advance=advance, without=leaking), refused


def leaks(contenders: Sequence[Contender]) -> dict[tuple[str, str], int]:
    """How many real test images of a run the detectors of another learn from or are tuned on.

    Runs on one dataset with two split seeds share images in that way, whatever the dataset is
    called. Copies of an image that a run's own detectors learn from as well do not count.

    Returns:
        Pairs (trained on, tested on) of names with the number, where it is not 0.
    """
    learnt, tested = (
        [contender.material.images.split(*parts).digests() for contender in contenders]
        for parts in (("detect_train", "validation"), ("test",))
    )
    found = {
        (mine.name, other.name): len((learnt[i] & tested[j]) - learnt[j])
        for i, mine in enumerate(contenders)
        for j, other in enumerate(contenders)
    }
    return {pair: number for pair, number in found.items() if number}


def protocol(
    contenders: Sequence[Contender], panel: Panel, *, n: int, recompress: int | None
) -> dict[str, Any]:
    """The card of both matrices."""
    comparable = {
        "runs": {
            contender.name: {
                **data_facts(contender.material.images),
                "encoding": encoding_of(contender.material.images),
            }
            for contender in contenders
        },
        "split": "by group: detect_train to train, validation to tune, test to measure once",
        "recompressed": f"JPEG, quality {recompress}" if recompress else None,
        "balance": "1:1, fakes neither chosen nor truncated",
        "images_per_class": n,
        "seeds": 1,
        "interval": "95 %, bootstrap of groups; each generated image is a group",
        "detectors": panel.options,
    }
    seconds = {name: round(value, 1) for name, value in panel.seconds.items()}
    seeds = {c.name: c.material.images.provenance.get("split_seed") for c in contenders}
    seed = contenders[0].material.seed
    return card(comparable, {**surroundings(seed), "split_seeds": seeds, "seconds": seconds})


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
    contenders: Sequence[Contender],
    panel: Panel,
    *,
    n: int,
    advance: Callable[[float], None],
    without: Collection[tuple[str, str]] = (),
) -> list[Row]:
    """Trained on the images of one run, real and generated, and tested on those of every run.

    Args:
        contenders: The runs.
        panel: The detectors.
        n: Images per class in training and in test at most.
        advance: Told of each round.
        without: Pairs (trained on, tested on) of names that are left out.
    """
    trials = [contender.material.trial(n) for contender in contenders]
    found: list[Row] = []
    for contender, learnt in zip(contenders, trials, strict=True):
        tests = {
            other.name: trial.test
            for other, trial in zip(contenders, trials, strict=True)
            if (contender.name, other.name) not in without
        }

        def measure(
            name: str, build: Build, learnt: Trial = learnt, tests: Mapping[str, Examples] = tests
        ) -> dict[str, Row]:
            detector = learnt.fit(build(0))
            answers = {key: probabilities(detector, test.images) for key, test in tests.items()}
            return {key: row(answers[key][None], test) for key, test in tests.items()}

        for name, cells in panel.each(measure).items():
            for other, cell in cells.items():
                found += _rows({name: cell}, [contender.name], other)
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
