"""What a report shows of detection beside the table: robustness, spectrum, matrices."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from zoo.report.figures import GENERATOR, SERIES, Curve, legend, svg
from zoo.report.numbers import percent

CHANGES = {"jpeg": "JPEG", "blur": "blur", "noise": "noise", "resize": "resize"}
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


def robustness_table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Columns for each change and strength, and for each detector its accuracies.

    Args:
        rows: With `detector`, `change`, `strength` and `accuracy`.
    """
    columns = list(dict.fromkeys(_column(row) for row in rows))
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(str(row["detector"]), {})[_column(row)] = percent(row["accuracy"])
    cells = {name: [(c, held.get(c, "–")) for c in columns] for name, held in found.items()}
    return {"columns": columns, "rows": list(cells.items())}


def _column(row: Mapping[str, Any]) -> str:
    return f"{CHANGES.get(row['change'], row['change'])} {row['strength']:g}"


def matrix_tables(across: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The matrices that were measured, each with its title and how to read it."""
    return [
        {
            "name": name,
            "title": title,
            "caption": caption,
            "rows": across[name],
            "void": any(row.get("valid") is False for row in across[name]),
        }
        for name, (title, caption) in MATRICES.items()
        if across.get(name)
    ]


def spectrum_curve(spectrum: Mapping[str, Any] | None) -> Curve | None:
    """Radial power of real and of generated test images, or `None` if it was not measured."""
    if not spectrum:
        return None
    frequency = spectrum["cycles_per_pixel"]

    def draw(axes: Axes) -> None:
        axes.plot(frequency, spectrum["real"], color=SERIES[2], label="real images")
        axes.plot(frequency, spectrum["generated"], color=GENERATOR, label="generated images")
        axes.set_xlabel("frequency, cycles per pixel")
        axes.set_ylabel("power, dB")
        legend(axes, 2)

    gap = [fake - real for real, fake in zip(spectrum["real"], spectrum["generated"], strict=True)]
    widest = max(range(len(gap)), key=lambda i: abs(gap[i]))
    difference = f"{gap[widest]:+.1f} dB".replace("-", "−")
    where = f"{frequency[widest]:.2f} cycles per pixel"
    return Curve(
        "spectrum",
        svg("spectrum", draw),
        "Power by frequency",
        f"Mean of the logarithm over rings and {spectrum['n']:,} test images. The curves are "
        f"furthest apart at {where}: generated less real, {difference}.",
        f"Power of real and of generated images by frequency, furthest apart at {where}.",
    )
