"""What a report shows of detection beside the table: robustness, spectrum, matrices."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from zoo.report.grid import RANGE, Cell, Column, Line, Table, cell, number
from zoo.report.numbers import count, percent, span
from zoo.report.plot import GENERATOR, SERIES, Curve, legend, marked, plotted

CHANGES = {"jpeg": "JPEG", "blur": "blur", "noise": "noise", "resize": "resize"}
CHANGED = (
    "Real and generated images are changed alike; the detectors, of the first seed, have seen no "
    "changed image. An accuracy that falls to 50 % went by what the change removes. JPEG: quality. "
    "Blur: standard deviation in pixels. Noise: standard deviation in grey levels of 255. Resize: "
    "the factor to which images are reduced before they are enlarged again."
)
MATRICES = {
    "leave_one_out": (
        "Leave one generator out",
        "Detectors trained against all other generators on this data, tested on the images of the "
        "one left out. First seed only.",
    ),
    "matrix": (
        "Trained on one run, tested on another",
        "Real and generated images of the first run to train, of the second to test. Where both "
        "are the same, the test groups are still held out. First seed only.",
    ),
}


def robustness(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Accuracy on changed test images, a column for each change and strength.

    Args:
        rows: With `detector`, `change`, `strength` and `accuracy`.
    """
    names = list(dict.fromkeys(_column(row) for row in rows))
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(str(row["detector"]), {})[_column(row)] = row["accuracy"]
    columns = (Column("Detector", left=True), *(Column(name, ("",)) for name in names))
    lines = tuple(
        Line((Cell(detector), *(cell(held.get(name), percent) for name in names)))
        for detector, held in found.items()
    )
    title = "Accuracy on changed test images"
    return Table("robustness", title, CHANGED, columns, lines)


def _column(row: Mapping[str, Any]) -> str:
    return f"{CHANGES.get(row['change'], row['change'])} {row['strength']:g}"


def matrices(across: Mapping[str, Any]) -> list[Table]:
    """The matrices over runs that were measured."""
    return [_matrix(name, across[name]) for name in MATRICES if across.get(name)]


def _matrix(name: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    title, caption = MATRICES[name]
    if any(row.get("valid") is False for row in rows):
        caption += " Struck out: a control of one of the runs failed."
    columns = (
        *(Column(head, left=True) for head in ("Detector", "Trained on", "Tested on")),
        *(Column("Accuracy", ("",), main=True), Column("Interval", RANGE)),
        *(Column("AUROC", ("",)), Column("n", ("",))),
        Column("Controls passed", shown=("latex",)),
    )
    return Table(name, title, caption, columns, tuple(map(_tested, rows)))


def _tested(row: Mapping[str, Any]) -> Line:
    void = row.get("valid") is False
    names = (row["detector"], ", ".join(row["trained_on"]), row["tested_on"])
    cells = (
        *map(Cell, names),
        cell(row["accuracy"], percent),
        cell(row.get("interval"), lambda pair: span(pair, percent)),
        *(number(row.get("auroc"), 3), cell(row.get("n"), count)),
        Cell("no" if void else "yes"),
    )
    return Line(cells, void=void)


def spectrum_curve(spectrum: Mapping[str, Any] | None) -> Curve | None:
    """Radial power of real and of generated test images, or `None` if it was not measured."""
    if not spectrum:
        return None
    frequency = spectrum["cycles_per_pixel"]

    marks = [marked(place, len(frequency)) for place in (0, 1)]

    def draw(axes: Axes) -> None:
        axes.plot(frequency, spectrum["real"], color=SERIES[2], label="real images", **marks[0])
        shown: Any = {"color": GENERATOR, "label": "generated images"}
        axes.plot(frequency, spectrum["generated"], **shown, **marks[1])
        axes.set_xlabel("frequency, cycles per pixel")
        axes.set_ylabel("power, dB")
        legend(axes, 2)

    gap = [fake - real for real, fake in zip(spectrum["real"], spectrum["generated"], strict=True)]
    widest = max(range(len(gap)), key=lambda i: abs(gap[i]))
    difference = f"{gap[widest]:+.1f} dB".replace("-", "−")
    where = f"{frequency[widest]:.2f} cycles per pixel"
    return plotted(
        "spectrum",
        draw,
        title="Power by frequency",
        caption=f"Mean of the logarithm over rings and {spectrum['n']:,} test images. The curves "
        f"are furthest apart at {where}: generated less real, {difference}.",
        alt=f"Power of real and of generated images by frequency, furthest apart at {where}.",
    )
