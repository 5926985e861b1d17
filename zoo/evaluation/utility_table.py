"""Answers of classifiers as tables: every arm, its ratio and its difference to another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.evaluation.arms import Arm
from zoo.evaluation.classification import (
    MACRO,
    PER_CLASS,
    Counts,
    confusions,
    difference,
    of_class,
    recalls,
    summary,
)
from zoo.evaluation.classifier import Labelled

MOST_VALUES = 100
COMPARED = ("accuracy", "f1")

Row = dict[str, Any]


@dataclass
class Study:
    """Arms that are shown together, and what was measured of them.

    Attributes:
        name: `arms`, `imbalance` or `low_data`.
        arms: In the order of the table.
        share: Of the images that are left, where some are cut.
        against: The arm that the others are compared with.
        label: The class that is cut.
        cells: (classifier, arm) to one answer for each seed.
        seeds: (classifier, arm) to the seeds of those.
    """

    name: str
    arms: Sequence[Arm]
    share: float | None = None
    against: str = "real"
    label: int | None = None
    cells: dict[tuple[str, str], list[Mapping[str, Any]]] = field(default_factory=dict)
    seeds: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, classifier: str, arm: str, seed: int, cell: Mapping[str, Any]) -> None:
        """Take note of one seed.

        Raises:
            ValueError: If it was added before, for it says nothing new of the deviation.
        """
        seeds = self.seeds.setdefault((classifier, arm), [])
        if seed in seeds:
            raise ValueError(f"{classifier}, {arm}: seed {seed} is counted already")
        seeds.append(seed)
        self.cells.setdefault((classifier, arm), []).append(cell)


@dataclass(frozen=True, kw_only=True)
class Tested:
    """The test images' truth.

    Attributes:
        tests: `test` and others by name.
        class_names: Names of the classes.
        by: (n,) text for each image of `test`, by whose values they are counted too.
    """

    tests: Mapping[str, Labelled]
    class_names: Sequence[str]
    by: npt.NDArray[np.str_]

    def counts(self, cells: Sequence[Mapping[str, Any]], test: str) -> Counts:
        """(groups, seeds, k, k) confusion counts."""
        truth = self.tests[test]
        given = np.array([cell["answers"][test] for cell in cells], np.int64)
        return confusions(truth.labels, given, truth.groups, len(self.class_names))

    def shares(self, cells: Sequence[Mapping[str, Any]]) -> dict[str, Row] | None:
        """Accuracy by value of `by`, if they are not too many to be looked at."""
        given = np.array([cell["answers"]["test"] for cell in cells], np.int64)
        right = (given == self.tests["test"].labels).mean(axis=0)
        values = np.unique(self.by)
        if len(values) > MOST_VALUES:
            return None
        return {
            str(value): {
                "n": int(np.sum(self.by == value)),
                "accuracy": float(right[self.by == value].mean()),
            }
            for value in values
        }


def tables(studies: Sequence[Study], names: Sequence[str], tested: Tested) -> dict[str, Any]:
    """Everything that utility.json says of answers.

    Args:
        studies: What was measured; the five arms first.
        names: The classifiers to show.
        tested: The truth.
    """
    rows = _rows(studies[0], names, tested, "test")
    return {
        "classifiers": list(names),
        "arms": [arm.name for arm in studies[0].arms],
        "class_names": list(tested.class_names),
        "table": rows,
        "extremes": [_extremes(row) for row in rows if len(row["per_value"] or ()) > 1],
        "ratios": _ratios(studies[0], names, tested),
        "majority": _majority(tested),
        "differences": _differences(studies[0], names, tested),
        "external": _external(studies[0], names, tested),
        "imbalance": [_cut(s, names, tested) for s in studies if s.name == "imbalance"],
        "low_data": [_cut(s, names, tested) for s in studies if s.name == "low_data"],
    }


def _external(study: Study, names: Sequence[str], tested: Tested) -> list[Row]:
    return _rows(study, names, tested, "external") if "external" in tested.tests else []


def _cut(study: Study, names: Sequence[str], tested: Tested) -> Row:
    """An experiment with images cut, as a table of its own."""
    label = study.label
    return {
        "share": study.share,
        "class": None if label is None else tested.class_names[label],
        "table": _rows(study, names, tested, "test"),
        "differences": _differences(study, names, tested),
    }


def _rows(study: Study, names: Sequence[str], tested: Tested, test: str) -> list[Row]:
    return [
        _row(name, arm.name, cells, tested, test)
        for name in names
        for arm in study.arms
        if (cells := study.cells.get((name, arm.name)))
    ]


def _row(
    classifier: str, arm: str, cells: Sequence[Mapping[str, Any]], tested: Tested, test: str
) -> Row:
    counts = tested.counts(cells, test)
    total = counts.sum(0)
    measured = {name: summary(measure(total)) for name, measure in MACRO.items()}
    return {
        "classifier": classifier,
        "arm": arm,
        "seeds": len(cells),
        **measured,
        "per_class": {
            name: _of_class(total, label) for label, name in enumerate(tested.class_names)
        },
        "per_value": tested.shares(cells) if test == "test" else None,
        "confusion": total.sum(0).astype(int).tolist(),
        **{key: cells[0][key] for key in ("real", "synthetic", "shown")},
        "seconds": sum(cell["seconds"] for cell in cells),
    }


def _of_class(total: Counts, label: int) -> Row:
    found: Row = {
        name: summary(of_class(measure, label)(total)) for name, measure in PER_CLASS.items()
    }
    return {**found, "n": int(total[0, label].sum())}


def _extremes(row: Row) -> Row:
    """The values on which a classifier is worst and best."""
    values = [{"value": value, **found} for value, found in row["per_value"].items()]
    return {
        **{key: row[key] for key in ("classifier", "arm")},
        "worst": min(values, key=lambda each: each["accuracy"]),
        "best": max(values, key=lambda each: each["accuracy"]),
    }


def _ratios(study: Study, names: Sequence[str], tested: Tested) -> list[Row]:
    """Synthetic over real, of each classifier that has both."""
    rows = []
    for name in names:
        pair = [study.cells.get((name, arm)) for arm in ("synthetic", "real")]
        if pair[0] and pair[1]:
            one, other = (tested.counts(cells, "test") for cells in (pair[0], pair[1]))
            for of in COMPARED:
                found = difference(one, other, MACRO[of], ratio=True)
                rows.append({"classifier": name, "of": of, **found})
    return rows


def _majority(tested: Tested) -> Row:
    """What a classifier gets that has learnt nothing but which class is frequent in the test."""
    truth = tested.tests["test"].labels
    classes = len(tested.class_names)
    label = int(np.bincount(truth, minlength=classes).argmax())
    always = np.full((1, len(truth)), label)
    counts = confusions(truth, always, np.zeros(len(truth), "U1"), classes)[0]
    measured = {name: float(MACRO[name](counts)[0]) for name in COMPARED}
    return {"class": tested.class_names[label], **measured}


def _differences(study: Study, names: Sequence[str], tested: Tested) -> list[Row]:
    """Each arm minus the one that it is compared with, on the same test images."""
    measures = {name: MACRO[name] for name in COMPARED}
    if study.label is not None:
        measures["recall_of_class"] = of_class(recalls, study.label)
    rows = []
    for name in names:
        base = study.cells.get((name, study.against))
        for arm in study.arms if base else ():
            cells = study.cells.get((name, arm.name))
            if not base or not cells or arm.name == study.against:
                continue
            one, other = tested.counts(cells, "test"), tested.counts(base, "test")
            found = {key: difference(one, other, measure) for key, measure in measures.items()}
            rows.append({"classifier": name, "arm": arm.name, "against": study.against, **found})
    return rows
