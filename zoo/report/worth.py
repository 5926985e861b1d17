"""The tables of what generated images are worth as training data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.report.contents import Contents
from zoo.report.grid import RANGE, SPREAD, Cell, Column, Line, Table, cell
from zoo.report.numbers import count, mean_sd, percent, span
from zoo.report.results import EXACT, with_interval

MEASURES = (
    ("accuracy", "Accuracy"),
    ("recall", "Recall"),
    ("precision", "Precision"),
    ("f1", "F1"),
)
TWO = (("accuracy", "Accuracy"), ("f1", "F1"))
Rows = Sequence[Mapping[str, Any]]


def worth(contents: Contents) -> dict[str, list[Table]]:
    """The tables of `utility.json` and of `segmentation.json`, those with rows."""
    tables = {"utility": _utility(contents.utility)}
    tables["segmentation"] = _segmentation(contents.segmentation)
    return {name: [table for table in made if table.lines] for name, made in tables.items()}


def _utility(found: Mapping[str, Any]) -> Iterator[Table]:
    text = "Macro averages over the classes, mean ± standard deviation over seeds."
    yield _classified(found.get("table") or [], "utility", text)
    yield _ratios(found)
    yield _compared(found.get("differences") or [], "utility-differences", TWO)
    yield _extremes(found)
    texts = {
        "imbalance": "The cut class left rare, repeated, weighed, or refilled with generated ones.",
        "low_data": "Classifiers have few real images. The generator has seen all of them.",
    }
    for kind, told in texts.items():
        for i, study in enumerate(found.get(kind) or [], 1):
            name = kind.replace("_", "-")
            of_class = (("recall_of_class", f"Recall of {study.get('class')}"),)
            yield _classified(study["table"], f"{name}-{i}", told, _cut(study))
            columns = (*(of_class if kind == "imbalance" else ()), *TWO)
            yield _compared(study["differences"], f"{name}-differences-{i}", columns)
    external = "The same trainings, tested on all images of the other data set."
    yield _classified(found.get("external") or [], "external", external, "On another data set")


def _cut(study: Mapping[str, Any]) -> str:
    what = study.get("class") or "Real images"
    return f"{what} cut to {percent(study['share'])}"


def _classified(
    rows: Rows, name: str, caption: str, title: str = "Classifiers on real test images"
) -> Table:
    columns = (
        Column("Classifier", left=True),
        Column("Trained on", left=True),
        *(Column(head, SPREAD, main=not i) for i, (_, head) in enumerate(MEASURES)),
        *(Column(head, EXACT, shown=("latex",)) for head in ("Real", "Generated", "Seeds")),
    )
    return Table(name, title, caption, columns, tuple(map(_arm, rows)))


def _arm(row: Mapping[str, Any]) -> Line:
    sizes = (row.get("real"), row.get("synthetic"), row.get("seeds"))
    note = (
        f"{count(sizes[0])} real and {count(sizes[1])} generated images, {sizes[2]} "
        f"seed{'' if sizes[2] == 1 else 's'}; by class"
    )
    by_class = [
        (
            f"{name}, {count(each['n'])} test images",
            f"recall {mean_sd(each['recall'])}, precision {mean_sd(each['precision'])}, "
            f"F1 {mean_sd(each['f1'])}",
        )
        for name, each in (row.get("per_class") or {}).items()
    ]
    measured = (cell(row.get(key), mean_sd) for key, _ in MEASURES)
    cells = (Cell(row["classifier"]), Cell(row["arm"]), *measured, *(cell(n, count) for n in sizes))
    return Line(cells, note=note, card=[("", by_class)] if by_class else ())


def _ratios(found: Mapping[str, Any]) -> Table:
    caption = (
        "What training on generated images alone reaches of training on real ones (TSTR / TRTR), "
        "with a 95 % interval over groups."
    )
    if majority := found.get("majority"):
        caption += (
            f" Always answering {majority['class']} would have an accuracy of "
            f"{percent(majority['accuracy'])} and an F1 of {percent(majority['f1'])}; a ratio of "
            "accuracies says little where classes are of unequal size."
        )
    columns = (
        *(Column("Classifier", left=True), Column("Of", left=True)),
        *(Column("Ratio", EXACT, main=True), Column("Interval", RANGE)),
    )
    lines = tuple(
        Line(
            (
                Cell(row["classifier"]),
                Cell("F1" if row["of"] == "f1" else row["of"]),
                cell(row["value"], percent),
                cell(row.get("interval"), lambda pair: span(pair, percent)),
            )
        )
        for row in found.get("ratios") or []
    )
    return Table("utility-ratios", "Synthetic over real", caption, columns, lines)


def _extremes(found: Mapping[str, Any]) -> Table:
    by = found.get("by")
    caption = (
        f"The values of {by} with the lowest and the highest accuracy, and how many test images "
        "are of them; of few images it may be chance."
    )
    columns = (
        *(Column("Classifier", left=True), Column("Trained on", left=True)),
        *(Column(head, ("",)) for head in ("Worst", "Best")),
    )
    lines = tuple(
        Line((Cell(row["classifier"]), Cell(row["arm"]), *map(_end, (row["worst"], row["best"]))))
        for row in found.get("extremes") or []
    )
    return Table("utility-by", f"By {by}", caption, columns, lines)


def _end(found: Mapping[str, Any]) -> Cell:
    quiet = f"{found['value']}, n = {count(found['n'])}"
    return Cell(percent(found["accuracy"]), (found["accuracy"],), quiet=quiet)


def _compared(rows: Rows, name: str, measures: Sequence[tuple[str, str]]) -> Table:
    caption = (
        "The same test images on both sides; the 95 % interval resamples whole groups of them and "
        "holds for these trainings. An interval on both sides of 0 shows no difference."
    )
    columns = (
        *(Column("Classifier", left=True), Column("Difference", left=True)),
        *(Column(head, ("", *RANGE)) for _, head in measures),
    )
    lines = tuple(
        Line(
            (
                Cell(row.get("classifier") or "U-Net"),
                Cell(f"{row['arm']} minus {row['against']}"),
                *(with_interval(row.get(key)) for key, _ in measures),
            )
        )
        for row in rows
    )
    return Table(name, "Paired differences", caption, columns, lines)


def _segmentation(found: Mapping[str, Any]) -> Iterator[Table]:
    columns = (
        Column("Trained on", left=True),
        *(Column("Dice", SPREAD, main=True), Column("IoU", SPREAD), Column("Images", EXACT)),
    )
    caption = (
        "Dice and IoU of the pixels of each source image, mean over source images, ± standard "
        "deviation over seeds."
    )
    lines = tuple(
        Line(
            (
                Cell(row["arm"]),
                *(cell(row.get(key), mean_sd) for key in ("dice", "iou")),
                cell(row.get("shown"), count),
            )
        )
        for row in found.get("table") or []
    )
    yield Table("segmentation", "A U-Net on real test images", caption, columns, lines)
    measures = (("dice", "Dice"), ("iou", "IoU"))
    yield _compared(found.get("differences") or [], "segmentation-differences", measures)
