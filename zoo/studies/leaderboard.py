"""A study's results: every cell, what each group gave over its seeds, and who precedes whom."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.errors import ZooError
from zoo.evaluation.across import RESAMPLED, Number, numbers_of
from zoo.evaluation.card import difference
from zoo.report.feasibility import feasibility
from zoo.report.numbers import part_of, split_name
from zoo.runs import write_json, write_text
from zoo.runs.stages import now
from zoo.runs.tables import csv_text
from zoo.studies.cells import FINISHED, Cell
from zoo.studies.design import Design
from zoo.studies.statistics import over_seeds, ranking

BEST = "best detector accuracy"
FACTS = {
    "images_per_second": "images_per_second",
    "training_seconds": "timings.training",
    "parameters": "parameters.generator",
    "peak_memory_mb": "peak_memory_mb",
}
"""What is told of a training beside its scores: name to where the manifest has it."""
Leaderboard = dict[str, Any]


def write_leaderboard(design: Design, cells: Sequence[Cell]) -> Leaderboard:
    """Read what the runs hold, and write `leaderboard.json`, `.csv` and `.html`.

    Returns:
        `{"study", "folder", "written", "cells", "groups", "rankings"}`. A cell has `status` and
        `reason`, `numbers` and `training`. A group is a generator with its options on a dataset:
        `numbers` holds for each number the mean over seeds, as `over_seeds` gives it, with the mean
        `floor` and `ratio`. A ranking is of one number on one dataset; `reason` says why there is
        none.
    """
    from zoo.report.leaderboard import write_page

    folder = cells[0].folder
    found = {cell.number: _numbers(cell) for cell in cells}
    described = [_cell(cell, found[cell.number]) for cell in cells]
    groups: list[dict[str, Any]] = []
    rankings: list[dict[str, Any]] = []
    for data in dict.fromkeys(cell.data for cell in cells):
        here = _by_group([cell for cell in cells if cell.data == data])
        groups += [_group(members, described, found) for members in here.values()]
        rankings += _rankings(data, here, found)
    board = {
        "study": design.name,
        "summary": design.summary,
        "folder": str(folder),
        "written": now(),
        "cells": described,
        "groups": groups,
        "rankings": rankings,
    }
    write_json(folder / "leaderboard.json", board)
    write_text(folder / "leaderboard.csv", _table(board))
    write_page(folder / "leaderboard.html", board)
    return board


def group_name(facts: Mapping[str, Any]) -> str:
    """What a group is called within its dataset, such as `dcgan, ada`."""
    return ", ".join(filter(None, (facts["generator"], facts["variant"])))


def _by_group(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(group_name(cell.identity()), []).append(cell)
    return groups


def _numbers(cell: Cell) -> dict[str, Number]:
    """Scores against held-out images, each detector's accuracy, and the best one's."""
    try:
        if not cell.begun or cell.run.status != FINISHED:
            return {}
        found = [n for n in numbers_of(cell.run) if _is_shown(n)]
    except ZooError:
        return {}
    accuracies = [number for number in found if number.section == "detection"]
    if accuracies:
        best = max(accuracies, key=lambda number: number.value)
        card = cell.run.read_mapping(cell.run.detection_path)["protocol"]["comparable"]
        found.append(Number(name=BEST, section="detection", value=best.value, comparable=card))
    return {number.name: number for number in found}


def _is_shown(number: Number) -> bool:
    if number.section == "detection":
        return True
    whole = not part_of(number.name) and not split_name(number.name)[2]
    return number.section == "scores" and whole


def _better(number: Number) -> str:
    if number.section == "detection":
        return "lower"
    return str(number.comparable.get("better", "neither"))


def _cell(cell: Cell, numbers: Mapping[str, Number]) -> dict[str, Any]:
    state = cell.state
    status, reason = state["status"], state.get("reason")
    training: dict[str, Any] = {}
    verdict = None
    try:
        training = _training(cell)
        if numbers:
            verdict = feasibility(cell.run.read_mapping(cell.run.evaluation_path))
    except ZooError as error:
        status, reason = "failed", str(error)
    return {
        **cell.identity(),
        "status": status,
        "reason": reason,
        "feasibility": verdict,
        "not_computed": _not_computed(cell) if numbers else [],
        "numbers": {
            name: {"value": n.value, "floor": n.floor, "ratio": n.ratio}
            for name, n in numbers.items()
        },
        "training": training,
    }


def _training(cell: Cell) -> dict[str, float]:
    manifest = cell.run.manifest if cell.begun else {}
    found = {}
    for name, place in FACTS.items():
        value: Any = manifest
        for key in place.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, (int, float)):
            found[name] = float(value)
    return found


def _not_computed(cell: Cell) -> list[dict[str, str]]:
    lost = list(cell.run.read_mapping(cell.run.evaluation_path).get("not_computed") or [])
    detection = cell.run.read_mapping(cell.run.detection_path)
    if detection and not detection.get("valid"):
        reasons = "; ".join(map(str, detection.get("reasons") or ["its controls failed"]))
        lost.append({"name": BEST, "reason": reasons})
    return lost


def _group(
    members: Sequence[Cell], described: Sequence[Mapping[str, Any]], found: Mapping[int, Any]
) -> dict[str, Any]:
    own = {cell.number for cell in members}
    rows = [row for row in described if row["number"] in own]
    names = dict.fromkeys(name for cell in members for name in found[cell.number])
    first = members[0].identity()
    return {
        **{key: first[key] for key in ("generator", "data", "variant")},
        "seeds": [row["seed"] for row in rows if row["status"] == FINISHED],
        "failed": [
            {"seed": row["seed"], "status": row["status"], "reason": row["reason"]}
            for row in rows
            if row["status"] != FINISHED
        ],
        "numbers": {name: _over(name, members, found) for name in names},
        "training": {
            name: over_seeds({row["seed"]: row["training"][name] for row in known})
            for name in FACTS
            if (known := [row for row in rows if name in row["training"]])
        },
    }


def _over(name: str, members: Sequence[Cell], found: Mapping[int, Any]) -> dict[str, Any]:
    """One number over the seeds of a group, if their protocols are equal."""
    known = {c.seed: found[c.number][name] for c in members if name in found[c.number]}
    field, apart = _apart(list(known.values()))
    if field:
        return {"differs_in": field, "better": _better(next(iter(known.values())))}
    beside: dict[str, float] = {}
    for key in () if apart else ("floor", "ratio"):
        values = [getattr(number, key) for number in known.values()]
        if None not in values:
            beside[key] = sum(values) / len(values)
    one = next(iter(known.values()))
    summary = over_seeds({seed: number.value for seed, number in known.items()})
    return {**summary, "floor": beside.get("floor"), "ratio": beside.get("ratio"),
            "better": _better(one), "section": one.section}  # fmt: skip


def _apart(numbers: Sequence[Number]) -> tuple[str, str]:
    """The first field in which protocols differ, and one that only ratios depend on."""
    field = apart = ""
    for number in numbers[1:]:
        first = numbers[0].comparable
        field = field or difference(first, number.comparable, without=RESAMPLED)[0]
        apart = apart or difference(first, number.comparable)[0]
    return field, apart


def _rankings(
    data: str, groups: Mapping[str, Sequence[Cell]], found: Mapping[int, Any]
) -> Iterator[dict[str, Any]]:
    """An order of the groups of a dataset for each number that has a better side."""
    cells = [cell for members in groups.values() for cell in members]
    for name in dict.fromkeys(name for cell in cells for name in found[cell.number]):
        numbers = {
            group: {c.seed: found[c.number][name] for c in members if name in found[c.number]}
            for group, members in groups.items()
        }
        known = {group: of_seeds for group, of_seeds in numbers.items() if of_seeds}
        everyone = [number for of_seeds in known.values() for number in of_seeds.values()]
        better = _better(everyone[0])
        if better == "neither" or name.startswith("accuracy of ") or len(groups) < 2:
            continue
        ranked = {"data": data, "number": name, "better": better, "reason": None}
        ranked["missing"] = [group for group in groups if group not in known]
        if field := _apart(everyone)[0]:
            yield {**ranked, "reason": f"not ranked: the protocols differ in {field}"}
        elif len(known) < 2:
            yield {**ranked, "reason": "not ranked: only one group has it"}
        else:
            values = {g: {s: n.value for s, n in v.items()} for g, v in known.items()}
            yield {**ranked, **ranking(values, better=better)}


def _table(board: Leaderboard) -> str:
    """A line for each number of each group, with its rank, for spreadsheets."""
    ranks = {
        (ranked["data"], ranked["number"], row["name"]): row
        for ranked in board["rankings"]
        for row in ranked.get("order", ())
    }
    head = ["generator", "data", "variant", "number", "better", "mean", "low", "high", "sd",
            "seeds", "floor", "ratio", "rank", "best_rank", "worst_rank", "first_share",
            "failed", "reasons"]  # fmt: skip
    rows: list[list[Any]] = [head]
    for group in board["groups"]:
        own = [group[key] for key in ("generator", "data", "variant")]
        lost = [len(group["failed"]), "; ".join(str(one["reason"]) for one in group["failed"])]
        entries = {**group["numbers"], **group["training"]} or {"": {}}
        for name, entry in entries.items():
            rank = ranks.get((group["data"], name, group_name(group)), {})
            low, high = entry.get("interval") or (None, None)
            best, worst = rank.get("ranks") or (None, None)
            numbers = [entry.get(key) for key in ("sd", "seeds", "floor", "ratio")]
            row = [name, entry.get("better"), entry.get("mean"), low, high, *numbers]
            rows.append([*own, *row, rank.get("rank"), best, worst, rank.get("first"), *lost])
    return csv_text(rows)
