"""The tables of what was measured on a run's images."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.report.contents import Contents
from zoo.report.copies import rows_by_space
from zoo.report.grid import RANGE, SPREAD, Cell, Column, Line, Table, cell, number
from zoo.report.numbers import (
    CONTROLS,
    Row,
    comparable,
    control_table,
    count,
    figure,
    metric_rows,
    percent,
    required,
    span,
)
from zoo.report.readers import rating

EXACT = ("",)
SHARES = ("accuracy", "precision", "recall", "f1")
ARROWS = {"lower": " ↓", "higher": " ↑"}
SCORES = (
    Column("Score", left=True),
    Column("Value", EXACT, main=True),
    Column("Subsample range", RANGE),
    Column("Floor", EXACT),
    Column("Ratio", EXACT),
    Column("Real", EXACT, shown=("latex",)),
    Column("Generated", EXACT, shown=("latex",)),
    Column("m", EXACT, shown=("latex",)),
    *(Column(name, shown=()) for name in ("Name", "Better", "Features", "Split", "Floor is")),
)
FLOOR = (
    "Floor: held-out real images against held-out real images. Ratio: score over floor, both at "
    "the same number m of images; 1 would be as close as real images are to each other. Subsample "
    "range: over subsamples of groups without replacement, m images on each side. These have fewer "
    "images than the value, which may therefore lie outside the range; it is not a confidence "
    "interval. ↓: lower is better; ↑: higher is better."
)


def scores(contents: Contents) -> Table:
    """Every score with its numbers of images, range and floor."""
    metrics = {metric["name"]: metric for metric in contents.evaluation.get("metrics") or []}
    lines = tuple(_score(row, metrics[row.name]) for row in metric_rows(contents.evaluation))
    caption = " ".join(filter(None, [_of(contents), _sizes(metrics.values()), FLOOR]))
    title = "Every score with its protocol"
    return Table("scores", title, caption, SCORES, lines, sections="Compared")


def _of(contents: Contents) -> str:
    return f"{contents.generator} on {contents.dataset['name']}."


def _sizes(metrics: Any) -> str:
    """Numbers of images and how the floor was cut, as far as all scores agree."""
    known = [(m.get("n_real"), m.get("n_fake"), comparable(m)) for m in metrics]
    sizes = {(real, fake) for real, fake, _ in known}
    floors = {str(card["floor"]) for _, _, card in known if card.get("floor")}
    said = ""
    if len(sizes) == 1 and None not in (pair := next(iter(sizes))):
        said = f"n = {count(pair[0])} real and {count(pair[1])} generated images."
    return f"{said} Floor here: {floors.pop()}.".strip() if len(floors) == 1 else said


def _score(row: Row, metric: Mapping[str, Any]) -> Line:
    facts = comparable(metric)
    sizes = f"{row.counts[0]} real, {row.counts[1]} generated"
    resampled = f"; range, floor and ratio at {row.m} each" if row.m else ""
    told = f"{resampled}; protocol" if row.protocol else "; no protocol recorded"
    m = facts.get("m") if row.m else None
    names = ("features", "split", "floor")
    cells = (
        Cell(row.label + ARROWS.get(row.better, "")),
        Cell(row.value, (metric.get("value"),)),
        Cell(row.interval, tuple(metric.get("interval") or ())),
        Cell(row.floor, (metric.get("floor"),)),
        Cell(row.ratio, (metric.get("ratio"),)),
        cell(metric.get("n_real"), count),
        cell(metric.get("n_fake"), count),
        cell(m, count),
        *(Cell(text) for text in (row.name, row.better)),
        *(Cell(str(facts.get(name) or "")) for name in names),
    )
    section = row.side[:1].upper() + row.side[1:]
    return Line(cells, section=section, note=sizes + told, card=row.protocol)


def detectors(contents: Contents) -> Table:
    """Accuracy and the rest of each detector on test images."""
    found = contents.detection
    columns = (
        Column("Detector", left=True),
        Column("Accuracy", EXACT, main=True),
        Column("Interval", RANGE),
        Column("± sd over seeds", EXACT),
        *(Column(name, EXACT) for name in ("Precision", "Recall", "F1", "AUROC")),
        Column("n (real groups)", ("images", "real groups")),
    )
    caption = "Positive class: generated. Chance: 50 %. Interval: resampled over groups."
    if not found.get("valid"):
        caption = f"Void, because a control failed: its numbers say nothing. {caption}"
    lines = tuple(map(_detector, found.get("detectors") or []))
    void = not found.get("valid")
    title = "Detectors on test images"
    return Table("detectors", title, f"{_of(contents)} {caption}", columns, lines, void=void)


def _detector(row: Mapping[str, Any]) -> Line:
    sizes = (row.get("n"), row.get("n_groups_real"))
    first, *rest = (cell(row.get(name), percent) for name in SHARES)
    ranged = cell(row.get("interval"), lambda pair: span(pair, percent))
    cells = (Cell(row["name"]), first, ranged, cell(row.get("sd"), percent), *rest)
    n = Cell(f"{count(sizes[0])} ({count(sizes[1])})", sizes)
    return Line((*cells, number(row.get("auroc"), 3), n), note=_confusion(row))


def _confusion(row: Mapping[str, Any]) -> str:
    if not row.get("confusion"):
        return ""
    seeds = f"{row['seeds']} seeds together: " if (row.get("seeds") or 0) > 1 else ""
    real, fake = (
        f"{count(called[0])} called real, {count(called[1])} called generated"
        for called in row["confusion"]
    )
    return f"{seeds}real: {real}; generated: {fake}"


def controls(contents: Contents) -> Table:
    """What must hold before the table of detectors says anything."""
    kinds, rows = control_table(contents.detection)
    columns = [Column(CONTROLS.get(kind, kind), EXACT, left=True) for kind in kinds]
    lines = tuple(
        Line((Cell(detector), *(_control(held.get(kind)) for kind in kinds)))
        for detector, held in rows
    )
    caption = (
        "Real against real and shuffled labels must be at chance, or something leaks; real against "
        "noise must be found, or 50 % would mean nothing."
    )
    title = "Controls of the table of detectors"
    return Table("controls", title, caption, (Column("Detector", left=True), *columns), lines)


def _control(row: Mapping[str, Any] | None) -> Cell:
    if row is None:
        return Cell("–")
    text = f"{percent(row['accuracy'])}, {'passed' if row['passed'] else 'failed'}"
    quiet = f"required {required(row['required'])}"
    mark = "pass" if row["passed"] else "fail"
    return Cell(text, (row["accuracy"],), quiet=quiet, mark=mark)


def memorisation(contents: Contents) -> Table:
    """Every test for copies with its reference."""
    columns = (
        Column("Test", left=True),
        Column("Value", EXACT, main=True),
        Column("Reference", EXACT),
        Column("Difference", RANGE),
        Column("Margin", EXACT),
        Column("Flagged", shown=("latex",)),
    )
    lines = tuple(_tests(rows_by_space(contents.memorisation)))
    facts = (contents.memorisation.get("protocol") or {}).get("comparable") or {}
    names = {"n_fake": "generated", "n_held_out": "held-out", "n_train": "training"}
    sizes = [f"{count(facts[key])} {name}" for key, name in names.items() if key in facts]
    caption = (
        f"{_of(contents)} {'n = ' if sizes else ''}{', '.join(sizes)}{' images. ' if sizes else ''}"
        "Reference: held-out images, which cannot have been copied, or a guess. Difference: value "
        "less reference, 95 % interval over groups; a test is flagged if all of it lies beyond the "
        "margin."
    )
    title = "Every test with its reference"
    return Table("memorisation", title, caption, columns, lines, sections="Space")


def _tests(spaces: Sequence[tuple[str, Any]]) -> Iterator[Line]:
    for space, rows in spaces:
        for test, kind in rows:
            sign = "+" if kind.worse == "higher" else "−"
            flagged = " (flagged)" * bool(test.get("flagged"))
            name = Cell(kind.label + flagged, mark="fail" if flagged else "")
            cells = (
                *(name, number(test["value"], 3), number(test["reference"], 3)),
                cell(test.get("interval"), _short),
                Cell(sign + figure(test["margin"], 2), (test["margin"],)),
                Cell("yes" if flagged else "no"),
            )
            yield Line(cells, section=space, title=kind.meaning)


def _short(pair: Any) -> str:
    return span(pair, lambda value: figure(value, 2))


def readers(contents: Contents) -> Table:
    """What each reader answered."""
    columns = (
        Column("Reader", left=True),
        Column("Right", ("", *RANGE), main=True),
        Column("p", EXACT),
        Column("Generated recognised", ("", *RANGE)),
        Column("Real recognised", ("", *RANGE)),
        Column("Realism of real", SPREAD),
        Column("Realism of generated", SPREAD),
        Column("Seconds an image", EXACT),
        Column("Images", EXACT, shown=("latex",)),
    )
    caption = (
        "Share of right answers with Wilson’s 95 % interval; realism from 1 to 5, mean ± standard "
        "deviation. p: exact binomial test against guessing."
    )
    rows = contents.turing.get("readers") or []
    lines = tuple(_reader(place, row) for place, row in enumerate(rows, 1))
    return Table("readers", "Each reader alone", caption, columns, lines)


def _reader(place: int, row: Mapping[str, Any]) -> Line:
    """A reader's row; one that was published has no code."""
    told = [row.get("role") or "", "" if row.get("complete") else f"{count(row['answered'])} only"]
    realism = row.get("realism") or {}
    cells = (
        Cell(row.get("reader", str(place)), quiet=", ".join(filter(None, told))),
        with_interval(row["accuracy"]),
        number(row.get("p_guessing"), 2),
        with_interval(row["generated_recognised"]),
        with_interval(row["real_recognised"]),
        *(cell(realism.get(side), rating) for side in ("real", "generated")),
        number(row.get("median_seconds"), 2),
        cell(row.get("answered"), count),
    )
    return Line(cells)


def with_interval(found: Mapping[str, Any] | None) -> Cell:
    """A share with its interval under it."""
    if not found:
        return Cell("–")
    interval = found.get("interval") or (None, None)
    quiet = "" if interval[0] is None else span(interval, percent)
    return Cell(percent(found["value"]), (found["value"], *interval), quiet=quiet)
