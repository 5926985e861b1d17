"""Several runs side by side as a page: pictures, numbers, and what seeds make of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.report.contents import step_pictures
from zoo.report.environment import environment
from zoo.report.grid import Cell, Column, Line, Table
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
        "numbers": _numbers(found),
        "seeds": _seeds(found),
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
    kept = {"ratios_differ_in": row["ratios_differ_in"], "protocol": flat(row["protocol"])}
    return {"label": row_label(row), **kept}


def _numbers(found: Mapping[str, Any]) -> Table:
    names = [run["name"] for run in found["runs"]]
    columns = (Column("Number", left=True), *(Column(name, ("value", "ratio")) for name in names))
    lines = tuple(
        Line((Cell(row_label(row)), *map(_value, row["values"], row["ratios"])))
        for row in found["rows"]
    )
    title = "Each run’s numbers"
    caption = "With the ratio to the floor where there is one. –: not measured in that run."
    return Table("comparison", title, caption, columns, lines, stack=False)


def _value(value: float | None, ratio: float | None) -> Cell:
    quiet = "" if ratio is None else f"{figure(ratio, 3)}× of the floor"
    return Cell(figure(value), (value, ratio), quiet=quiet)


def _seeds(found: Mapping[str, Any]) -> Table:
    parts = ("mean", "half width", "seeds")
    columns = [Column(each["name"], parts) for each in found["sets"]]
    lines = tuple(Line((Cell(row_label(row)), *map(_spread, row["sets"]))) for row in found["rows"])
    caption = (
        "Mean ± t·s: s the standard deviation over seeds, t Student’s for 95 % and one degree of "
        "freedom less than there are seeds."
    )
    title = "Runs that differ by their seed alone"
    head = Column("Number", left=True)
    return Table("seeds", title, caption, (head, *columns), lines, stack=False)


def _spread(spread: Mapping[str, Any] | None) -> Cell:
    known = spread or {}
    exact = (known.get("mean"), known.get("half_width"), known.get("seeds"))
    return Cell(over_seeds(spread), exact)


def _picture(run: Run) -> dict[str, Any]:
    pictures = step_pictures(run)
    last = max(pictures, default=None)
    return {"step": last, "picture": None if last is None else pictures[last]}
