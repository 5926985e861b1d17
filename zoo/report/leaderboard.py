"""A study's leaderboard as a page, from what leaderboard.json holds."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.report.environment import environment
from zoo.report.numbers import figure, full_name, percent, span
from zoo.runs import write_text

LABELS = {
    "images_per_second": "Images/s",
    "training_seconds": "Training (s)",
    "parameters": "Parameters of the generator",
    "peak_memory_mb": "Peak memory (MB)",
    "best detector accuracy": "Best detector’s accuracy",
}
SHOWN = ("fid", "kid", "coverage", "swd", "best ")
SHORT = {
    "best detector accuracy": "detector",
    "images_per_second": "images/s",
    "training_seconds": "training s",
}
FACTS = ("images_per_second", "training_seconds")


def write_page(path: Path, board: Mapping[str, Any]) -> None:
    """Write a self-contained page.

    Args:
        path: Of the HTML file, in the study's folder, for it links to the runs' reports.
        board: What `zoo.studies.leaderboard.write_leaderboard` returned.
    """
    shown = {
        "study": board["study"],
        "summary": board["summary"],
        "written": board["written"],
        "findings": list(_findings(board)),
        "tables": [_table(data, board) for data in datasets(board)],
        "rankings": [_ranking(ranked) for ranked in board["rankings"]],
        "cells": [_cell(cell, path.parent) for cell in board["cells"]],
    }
    page = environment(html_page=True).get_template("leaderboard.html").render(shown)
    write_text(path, page)


def label(name: str) -> str:
    """What a number is called in print."""
    return LABELS.get(name) or full_name(name)


def over_seeds(entry: Mapping[str, Any] | None) -> str:
    """A mean with mean ± t·s and the number of seeds, or why there is none."""
    if entry is None:
        return "–"
    if entry.get("differs_in"):
        return f"protocols differ in {entry['differs_in']}"
    return f"{figure(entry['mean'])} ({_within(entry)})"


def _within(entry: Mapping[str, Any]) -> str:
    seeds = f"{entry['seeds']} seed{'' if entry['seeds'] == 1 else 's'}"
    return f"{span(entry['interval'])}, {seeds}" if entry.get("interval") else seeds


def ranks(row: Mapping[str, Any]) -> str:
    """A rank with the best and the worst that other draws of seeds give, such as `1 (1–2)`."""
    best, worst = row["ranks"]
    return f"{row['rank']:g} ({best}–{worst})"


def datasets(board: Mapping[str, Any]) -> list[str]:
    """The datasets of a study, in its order."""
    return list(dict.fromkeys(group["data"] for group in board["groups"]))


def summary(board: Mapping[str, Any], data: str) -> tuple[str, list[tuple[str, ...]]]:
    """What a terminal shows of a dataset: a title, and rows of which the first is the head.

    The groups are in the order of the first FID, else of the sliced Wasserstein distance; ranks,
    and interval and ratio, are of that number.
    """
    groups = {group_label(g): g for g in board["groups"] if g["data"] == data}
    names = list(dict.fromkeys(name for g in groups.values() for name in g["numbers"]))
    first = next((n for start in ("fid", "swd", "") for n in names if n.startswith(start)), "")
    ranked: Mapping[str, Any] = next(
        (r for r in board["rankings"] if (r["data"], r["number"]) == (data, first)), {}
    )
    order = {row["name"]: ranks(row) for row in ranked.get("order", ())}
    others = [n for n in names if n.startswith(SHOWN) and n != first]
    head = ("GENERATOR", "FINISHED", "RANK", first.upper() or "NO NUMBER", "RATIO")
    rows = [head + tuple(SHORT.get(name, name).upper() for name in (*others, *FACTS))]
    for name in [*order, *(name for name in groups if name not in order)]:
        group = groups[name]
        numbers, facts = group["numbers"], group["training"]
        done = f"{len(group['seeds'])}/{len(group['seeds']) + len(group['failed'])}"
        ratio = figure((numbers.get(first) or {}).get("ratio"), 3)
        means = [figure((numbers.get(n) or {}).get("mean")) for n in others]
        means += [figure((facts.get(n) or {}).get("mean")) for n in FACTS]
        own = over_seeds(numbers.get(first))
        rows.append((name, done, order.get(name, "–"), own, ratio, *means))
    stable = ranked.get("reason") or _stability(ranked)
    return f"{data}{f': {stable}' if stable else ''}", rows


def _stability(ranked: Mapping[str, Any]) -> str:
    if not ranked:
        return ""
    first = ranked["order"][0]
    said = f"{first['name']} is first in {percent(first['first'])} of the draws of seeds"
    w = ranked["kendall_w"]
    return said if w is None else f"{said}, Kendall's W {figure(w, 2)}"


def _findings(board: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    cells = board["cells"]
    done = [cell for cell in cells if cell["status"] == "finished"]
    level = "fine" if len(done) == len(cells) else "bad"
    lost = [f"cell {cell['number']}: {cell['reason'] or cell['status']}" for cell in cells
            if cell not in done]  # fmt: skip
    title = f"{len(done)} of {len(cells)} cells finished"
    yield {"level": level, "title": title, "text": "; ".join(lost) or "None failed."}
    apart = [f"{label(one['number'])} on {one['data']}: {one['reason']}"
             for one in board["rankings"] if one["reason"]]  # fmt: skip
    if apart:
        yield {"level": "note", "title": "Not everything is ranked", "text": "; ".join(apart)}


def _table(data: str, board: Mapping[str, Any]) -> dict[str, Any]:
    groups = [group for group in board["groups"] if group["data"] == data]
    scores = list(dict.fromkeys(name for group in groups for name in group["numbers"]))
    facts = list(dict.fromkeys(name for group in groups for name in group["training"]))
    rows = [("numbers", name) for name in scores] + [("training", name) for name in facts]
    return {
        "data": data,
        "groups": [group_label(group) for group in groups],
        "rows": [
            {"label": label(name), "cells": [_entry(group[kind].get(name)) for group in groups]}
            for kind, name in rows
        ],
        "failed": [
            f"{group_label(group)}, seed {one['seed']}: {one['reason'] or one['status']}"
            for group in groups
            for one in group["failed"]
        ],
    }


def group_label(group: Mapping[str, Any]) -> str:
    """A group's name within its dataset."""
    return ", ".join(filter(None, (group["generator"], group["variant"])))


def _entry(entry: Mapping[str, Any] | None) -> tuple[str, list[str]]:
    """What is large in a cell of the table, and the lines below it."""
    if entry is None or entry.get("differs_in"):
        return over_seeds(entry), []
    below = [_within(entry)]
    if entry.get("ratio") is not None:
        below.append(f"{figure(entry['ratio'], 3)}× the floor of {figure(entry['floor'])}")
    return figure(entry["mean"]), below


def _ranking(ranked: Mapping[str, Any]) -> dict[str, Any]:
    rows = ranked.get("order", [])
    names = [row["name"] for row in rows]
    w = ranked.get("kendall_w")
    return {
        "label": label(ranked["number"]),
        "data": ranked["data"],
        "better": ranked["better"],
        "reason": ranked["reason"],
        "missing": ranked["missing"],
        "names": names,
        "rows": [
            {
                "name": row["name"],
                "ranks": ranks(row),
                "first": percent(row["first"]),
                "precedes": [
                    "" if other == row["name"] else percent(ranked["precedes"][row["name"]][other])
                    for other in names
                ],
            }
            for row in rows
        ],
        "agreement": "" if w is None else f"{figure(w, 2)} over {ranked['kendall_seeds']} seeds",
    }


def _cell(cell: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    report = f"{cell['run']}/report.html"
    shown = dict(cell) | {"report": report if (folder / report).is_file() else None}
    shown["said"] = cell["reason"] or cell["feasibility"] or ""
    shown["lost"] = [f"{one['name']}: {one['reason']}" for one in cell["not_computed"]]
    return shown
