"""Several runs side by side as a page: pictures, numbers, and what seeds make of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.report.contents import step_pictures
from zoo.report.environment import environment
from zoo.report.numbers import SIDES, figure, flat, full_name, split_name
from zoo.runs import Run, write_text


def write_comparison(path: Path, runs: Sequence[Run], found: Mapping[str, Any]) -> None:
    """Write a self-contained page.

    Args:
        path: Of the HTML file.
        runs: The runs, in the order of `found`.
        found: What `zoo.evaluation.across.compare_runs` returned.
    """
    real = runs[0].sample_path("real")
    shown = {
        "runs": [
            {**facts, **_picture(run)} for run, facts in zip(runs, found["runs"], strict=True)
        ],
        "sets": found["sets"],
        "rows": [_row(row) for row in found["rows"]],
        "spread": any(any(row["sets"]) for row in found["rows"]),
        "real": real if real.is_file() else None,
        "findings": [],
    }
    write_text(path, environment(html_page=True).get_template("compare.html").render(shown))


def row_label(row: Mapping[str, Any]) -> str:
    """What a number is called in print, with the side it was compared with."""
    if row["section"] != "scores":
        return str(row["name"])
    side = split_name(row["name"])[2]
    return f"{full_name(row['name'])}, {SIDES[side]}"


def over_seeds(spread: Mapping[str, Any] | None) -> str:
    """Mean ± t·s of a set of seeds, or a dash."""
    if spread is None:
        return "–"
    return f"{figure(spread['mean'])} ± {figure(spread['half_width'], 3)} ({spread['seeds']} seeds)"


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    cells = [
        (figure(value), "" if ratio is None else f"{figure(ratio, 3)}×")
        for value, ratio in zip(row["values"], row["ratios"], strict=True)
    ]
    return {
        "label": row_label(row),
        "cells": cells,
        "seeds": [over_seeds(spread) for spread in row["sets"]],
        "ratios_differ_in": row["ratios_differ_in"],
        "protocol": flat(row["protocol"]),
    }


def _picture(run: Run) -> dict[str, Any]:
    pictures = step_pictures(run.samples)
    last = max(pictures, default=None)
    return {"step": last, "picture": None if last is None else pictures[last]}
