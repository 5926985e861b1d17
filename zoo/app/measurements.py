"""What was measured of a run: verdicts in words, then the numbers, then what is missing."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import streamlit as st

from zoo.app.training import findings
from zoo.app.words import plain, told
from zoo.report import numbers
from zoo.report.contents import Contents, read
from zoo.report.copies import rows_by_space
from zoo.report.findings import findings as found_in
from zoo.report.numbers import figure, mean_sd, percent, span
from zoo.report.readers import together
from zoo.runs import Run

Rows = Sequence[Sequence[Any]]
Missing = list[tuple[str, str]]
ARROWS = {"lower": " ↓", "higher": " ↑"}
# What measures a part of a finished run again.
COMMANDS = {
    "detection": "zoo detect {run}",
    "memorisation": "zoo memorisation {run}",
    "utility": "zoo utility {run}",
    "segmentation": "zoo segment {run}",
    "readers": "zoo turing make {run}",
}


def show(run: Run) -> None:
    """Draw the screen of a run."""
    contents = read(run)
    findings(found_in(contents))
    for part in (_scores, _detection, _copies, _utility, _segmentation, _readers):
        part(contents)
    _missing(run, contents)
    _report(run)


def table(title: str, columns: Sequence[str], rows: Rows, note: str = "") -> None:
    """A table of texts, shown as they are; nothing without rows."""
    if not rows:
        return
    st.markdown(f"**{title}**")
    cells = [[plain(cell) for cell in row] for row in rows]
    st.table(
        {name: [row[i] for row in cells] for i, name in enumerate(columns)},
        border="horizontal",
        hide_index=True,
        alt=title,
    )
    if note:
        st.caption(note)


def _scores(contents: Contents) -> None:
    metrics = numbers.metric_rows(contents.evaluation)
    sides = {side: list(rows) for side, rows in groupby(metrics, lambda row: row.side)}
    for first, (side, rows) in enumerate(sides.items()):
        with st.expander(f"Scores: {plain(side)}") if first else st.container():
            _side(f"Scores: {plain(side)}", rows)
    if metrics:
        st.caption(
            "Ratio: the score over that of real against real images, both at the same number of "
            "images; 1 would be as close as real images are to each other. ↓: lower is better, "
            "↑: higher is better."
        )
        _card("Protocol of the first score", metrics[0].protocol)


def _side(title: str, rows: list[numbers.Row]) -> None:
    cells = [(f"{r.label}{ARROWS.get(r.better, '')}", r.value, r.floor, r.ratio) for r in rows]
    table(title, ("Score", "Value", "Real to real", "Ratio"), cells)


def _card(title: str, card: list[tuple[str, list[tuple[str, str]]]]) -> None:
    if not card:
        return
    with st.expander(title):
        for heading, rows in card:
            table(heading, ("What", "Value"), rows)


def _detection(contents: Contents) -> None:
    found = contents.detection
    void = "" if found.get("valid") else " These numbers are void: a control failed."
    table(
        "Detectors that tell generated from real images",
        ("Detector", "Right", "Interval", "Test images"),
        [
            (r["name"], percent(r["accuracy"]), span(r.get("interval"), percent), r.get("n", "–"))
            for r in found.get("detectors") or []
        ],
        "50 % is guessing. Near 100 % is usual for a plain GAN." + void,
    )
    _card("Protocol of the detection", numbers.protocol(found.get("protocol")))


def _copies(contents: Contents) -> None:
    found = contents.memorisation
    rows = [
        (kind.label, space, figure(test["value"], 3), figure(test["reference"], 3), _flag(test))
        for space, tests in rows_by_space(found)
        for test, kind in tests
    ]
    table(
        "Tests for copies of training images",
        ("Test", "Compared by", "Value", "Reference", "Flagged"),
        rows,
        told(found.get("limits", "")),
    )
    if rows and (picture := contents.pictures.get("copies")):
        st.image(
            str(picture),
            caption="The likeliest copies: generated left, its nearest training image right.",
            alt="Pairs of a generated image and the training image nearest to it",
            width="stretch",
        )
    _card("Protocol of the tests for copies", numbers.protocol(found.get("protocol")))


def _flag(test: Mapping[str, Any]) -> str:
    return "flagged" if test["flagged"] else "no"


def _utility(contents: Contents) -> None:
    found = contents.utility
    table(
        "Worth as training data",
        ("Classifier", "Trained on", "Accuracy", "F1"),
        [
            (row["classifier"], row["arm"], mean_sd(row["accuracy"]), mean_sd(row["f1"]))
            for row in found.get("table") or []
        ],
        "On real test images; mean ± standard deviation over trainings.",
    )
    _card("Protocol of the utility", numbers.protocol(found.get("protocol")))


def _segmentation(contents: Contents) -> None:
    found = contents.segmentation
    table(
        "A U-Net on real test images",
        ("Trained on", "Dice", "IoU"),
        [(r["arm"], mean_sd(r["dice"]), mean_sd(r["iou"])) for r in found.get("table") or []],
    )
    _card("Protocol of the segmentation", numbers.protocol(found.get("protocol")))


def _readers(contents: Contents) -> None:
    found = contents.turing
    if not found.get("readers"):
        return
    table("All readers together", ("What", "Value"), together(found), told(found["limits"]))
    _card("Protocol of the reader study", numbers.protocol(found.get("protocol")))


def _missing(run: Run, contents: Contents) -> None:
    st.markdown("**Not measured**")
    lines = [f"{plain(name)}: {told(reason)}" for name, reason in _reasons(contents)]
    commands = [COMMANDS[name].format(run=run.path) for name in COMMANDS if _lacks(contents, name)]
    if lines:
        st.markdown("\n".join(f"- {line}" for line in lines))
    if commands:
        st.caption("In a terminal, these measure what is missing:")
        st.code("\n".join(commands), language=None, wrap_lines=True)
    if not lines and not commands:
        st.caption("Everything that zoo measures was measured.")


def _reasons(contents: Contents) -> Missing:
    """(what was not measured, why), with what lacks the same thing in one line."""
    parts = (contents.evaluation, contents.detection, contents.memorisation, contents.utility)
    items = [item for part in parts for item in part.get("not_computed") or []]
    lost = [(numbers.full_name(item["name"]), item["reason"]) for item in items]
    wanted = {name: why for name, why in contents.missing.items() if _applies(contents, name)}
    by_reason: dict[str, list[str]] = {}
    for name, reason in [*wanted.items(), *lost]:
        by_reason.setdefault(reason, []).append(name)
    return [(", ".join(names), reason) for reason, names in by_reason.items()]


def _lacks(contents: Contents, name: str) -> bool:
    if name == "readers":
        return not contents.turing.get("readers")
    return name in contents.missing and _applies(contents, name)


def _applies(contents: Contents, name: str) -> bool:
    """Whether a run can have a part: masks and classes are not for all."""
    if name == "segmentation":
        return bool(contents.setting("with_mask", False))
    if name == "utility":
        return bool(contents.manifest.get("class_shares"))
    return True


def _report(run: Run) -> None:
    if not run.report_path.is_file():
        st.caption(told(f"There is no report yet; `zoo report {run.path}` makes it."))
        return
    st.download_button(
        "Download the report (HTML)",
        run.report_path.read_bytes(),
        f"{run.path.resolve().name}-report.html",
        "text/html",
        on_click="ignore",
    )
    st.caption("One file with every figure and protocol; it opens in any browser, without network.")
