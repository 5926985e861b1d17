"""Several runs side by side: numbers with equal protocol cards, seeds of one recipe together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.evaluation.card import difference
from zoo.runs import Run

SEEDS = 3
RESAMPLED = ("m", "interval", "floor")
"""What only floor, range and ratio depend on; a value is measured with all images."""
OF_CLASSIFIERS = ("classifiers", "images_shown", "classic_augmentation")
"""What the card of a utility states by classifier."""
APART = ("seed", "out", "device", "threads", "offline", "keep", "eval")


@dataclass(frozen=True, kw_only=True)
class Number:
    """One measured number of one run.

    Attributes:
        name: Of the number; numbers of one name are set side by side.
        section: `scores`, `detection`, `memorisation`, `utility` or `segmentation`.
        value: The number.
        ratio: Over its floor, if it has one.
        floor: The same number of real images against real images, if there is one.
        comparable: What its protocol card says must be equal.
    """

    name: str
    section: str
    value: float
    ratio: float | None = None
    floor: float | None = None
    comparable: Mapping[str, Any]


def compare_runs(runs: Sequence[Run], *, metrics: Sequence[str] = ()) -> dict[str, Any]:
    """The numbers of runs, and of runs that differ by their seed alone the mean.

    Args:
        runs: At least two.
        metrics: Names to compare; all by default.

    Returns:
        `{"runs": [{"name", "path", "generator", "data", "seed", "set"}], "sets": [{"name", "runs",
        "seeds"}], "rows": [{"name", "section", "values", "ratios", "sets", "protocol",
        "ratios_differ_in"}]}`. A row has a value or `None` for each run, and for each set of at
        least three seeds the `mean`, the standard deviation `sd`, and `half_width` = t·sd with
        Student's t at 95 %, as `None` where there are fewer.

    Raises:
        zoo.errors.UsageError: If two cards of one number differ; the message names the field. Or
            if a name is not measured in any run, or there are fewer than two runs.
    """
    if len({run.path.resolve() for run in runs}) < 2:
        raise UsageError("two runs at least are needed to compare")
    found = [{number.name: number for number in numbers_of(run)} for run in runs]
    names = list(dict.fromkeys(name for numbers in found for name in numbers))
    if unmeasured := [name for name in metrics if name not in names]:
        raise UsageError(
            f"no run has {unmeasured[0]}; measured are {', '.join(names) or 'no numbers at all'}"
        )
    described = [_described(run) for run in runs]
    sets = _sets(described)
    rows = [
        _row(name, [numbers.get(name) for numbers in found], described, sets)
        for name in metrics or names
    ]
    return {"runs": described, "sets": sets, "rows": rows}


def numbers_of(run: Run) -> Iterator[Number]:
    """What was measured of a run."""
    for metric in run.read_mapping(run.evaluation_path).get("metrics") or []:
        yield Number(
            name=metric["name"],
            section="scores",
            value=metric["value"],
            ratio=metric.get("ratio"),
            floor=metric.get("floor"),
            comparable=_comparable(metric),
        )
    detection = run.read_mapping(run.detection_path)
    if detection.get("valid"):
        for row in detection["detectors"]:
            yield Number(
                name=f"accuracy of {row['name']}",
                section="detection",
                value=row["accuracy"],
                comparable=_of_one(row["name"], _comparable(detection), ["detectors"]),
            )
    memorisation = run.read_mapping(run.memorisation_path)
    for test in memorisation.get("tests") or []:
        yield Number(
            name=test["name"],
            section="memorisation",
            value=test["value"],
            comparable=_comparable(memorisation),
        )
    utility = run.read_mapping(run.utility_path)
    for row in utility.get("table") or []:
        yield Number(
            name=f"F1 of {row['classifier']} trained on {row['arm']}",
            section="utility",
            value=row["f1"]["mean"],
            comparable=_of_one(row["classifier"], _comparable(utility), OF_CLASSIFIERS),
        )
    segmentation = run.read_mapping(run.segmentation_path)
    for row in segmentation.get("table") or []:
        yield Number(
            name=f"Dice of a U-Net trained on {row['arm']}",
            section="segmentation",
            value=row["dice"]["mean"],
            comparable=_comparable(segmentation),
        )


def _of_one(name: str, comparable: Mapping[str, Any], keyed: Sequence[str]) -> dict[str, Any]:
    """Without what belongs to other detectors, whose number alpha depends on."""
    kept = {key: value for key, value in comparable.items() if key != "alpha_controls"}
    return kept | {key: {name: (comparable.get(key) or {}).get(name)} for key in keyed}


def _comparable(measured: Mapping[str, Any]) -> Mapping[str, Any]:
    return (measured.get("protocol") or {}).get("comparable") or {}


def _described(run: Run) -> dict[str, Any]:
    recipe = run.recipe
    settings = recipe.get("settings") or {}
    kept = {key: value for key, value in settings.items() if key not in APART}
    return {
        "name": run.path.resolve().name,
        "path": str(run.path),
        "generator": recipe.get("generator"),
        "data": recipe.get("data"),
        "seed": settings.get("seed"),
        "set": repr([recipe.get("generator"), recipe.get("data"), kept, recipe.get("options")]),
    }


def _sets(described: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs of one recipe that have different seeds; each run then names its set by number."""
    keys = list(dict.fromkeys(run["set"] for run in described))
    for run in described:
        run["set"] = keys.index(run["set"])
    sets = []
    for number in range(len(keys)):
        members = [run for run in described if run["set"] == number]
        sets.append(
            {
                "name": f"{members[0]['generator']} on {members[0]['data']}",
                "runs": [run["name"] for run in members],
                "seeds": len({run["seed"] for run in members}),
            }
        )
    return sets


def _row(
    name: str,
    numbers: list[Number | None],
    described: list[dict[str, Any]],
    sets: list[dict[str, Any]],
) -> dict[str, Any]:
    present = [(run["name"], n) for run, n in zip(described, numbers, strict=True) if n]
    (first_run, first), *others = present
    apart = ""
    for run, number in others:
        field, ours, theirs = difference(first.comparable, number.comparable, without=RESAMPLED)
        if field:
            raise UsageError(
                f"{name} of {first_run} and {run} cannot be compared: "
                f"{field} is {ours!r} and {theirs!r}"
            )
        apart = apart or difference(first.comparable, number.comparable)[0]
    values = [number.value if number else None for number in numbers]
    ratios = [number.ratio if number and not apart else None for number in numbers]
    return {
        "name": name,
        "section": first.section,
        "values": values,
        "ratios": ratios,
        "sets": [
            spread(
                {
                    run["seed"]: value
                    for run, value in zip(described, values, strict=True)
                    if run["set"] == number and value is not None
                }
            )
            for number in range(len(sets))
        ],
        "ratios_differ_in": apart or None,
        "protocol": {k: v for k, v in first.comparable.items() if not apart or k not in RESAMPLED},
    }


def spread(values: Mapping[Any, float]) -> dict[str, Any] | None:
    """Mean, sd and t·sd of one value for each seed; `None` where there are fewer than three.

    Student's t is that of 95 % and one degree of freedom less than there are seeds.
    """
    if len(values) < SEEDS:
        return None
    from scipy.stats import t

    numbers = np.array(list(values.values()))
    sd = float(numbers.std(ddof=1))
    return {
        "mean": float(numbers.mean()),
        "sd": sd,
        "half_width": float(t.ppf(0.975, len(numbers) - 1)) * sd,
        "seeds": len(numbers),
    }
