"""What training logged and what detectors reached, as curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from zoo.report.plot import (
    DISCRIMINATOR,
    GENERATOR,
    INK,
    MARKERS,
    SERIES,
    Curve,
    legend,
    marked,
    plotted,
)

BINS = 100

Rows = Sequence[Mapping[str, float]]


def training_curves(rows: Rows, at_equilibrium: Mapping[str, float]) -> list[Curve]:
    """Losses, discriminator outputs and gradient norms, those that were logged.

    Args:
        rows: What training logged, by step.
        at_equilibrium: Value of each loss at equilibrium, drawn as a dashed line.
    """
    shown = (
        ("losses", "Losses", "loss (no unit)", ("d_loss", "g_loss")),
        ("outputs", "Discriminator outputs", "mean of D(x), 0 to 1", ("d_real", "d_fake")),
        ("gradients", "Gradient norms", "gradient norm, log scale", ("d_grad_norm", "g_grad_norm")),
        ("variety", "Variety of samples", "MS-SSIM or share, 0 to 1", VARIETY),
        (
            "overfitting",
            "Over-fitting of the discriminator",
            "share or sign, −1 to 1",
            OVERFITTING,
        ),
    )
    curves = []
    for name, title, label, columns in shown:
        logged = [column for column in columns if sum(column in row for row in rows) > 1]
        if logged:
            curves.append(_training_curve(name, title, label, rows, logged, at_equilibrium))
    return curves


VARIETY = ("ms_ssim", "ms_ssim_real", "coverage", "duplicates")
OVERFITTING = ("overfit", "real_sign", "augment_probability")
LABELS = {
    "d_loss": "discriminator D",
    "g_loss": "generator G",
    "d_real": "real images",
    "d_fake": "generated images",
    "d_grad_norm": "discriminator D",
    "g_grad_norm": "generator G",
    "ms_ssim": "MS-SSIM of generated",
    "ms_ssim_real": "MS-SSIM of real",
    "coverage": "coverage of real",
    "duplicates": "near-duplicates",
    "overfit": "held-out towards generated",
    "real_sign": "sign of D on real images",
    "augment_probability": "ADA’s probability",
}
COLOURS = {
    "d_loss": DISCRIMINATOR,
    "g_loss": GENERATOR,
    "d_real": SERIES[2],
    "d_fake": SERIES[3],
    "d_grad_norm": DISCRIMINATOR,
    "g_grad_norm": GENERATOR,
    "ms_ssim": GENERATOR,
    "ms_ssim_real": SERIES[2],
    "coverage": SERIES[4],
    "duplicates": DISCRIMINATOR,
    "overfit": DISCRIMINATOR,
    "real_sign": SERIES[2],
    "augment_probability": SERIES[5],
}


def _training_curve(
    name: str,
    title: str,
    label: str,
    rows: Rows,
    columns: list[str],
    at_equilibrium: Mapping[str, float],
) -> Curve:
    axis = "kimg" if all("kimg" in row for row in rows) else "step"
    lines = {at_equilibrium[key]: COLOURS[key] for key in columns if key in at_equilibrium}

    def draw(axes: Axes) -> None:
        for place, column in enumerate(columns):
            _trace(axes, rows, axis, column, place)
        for value, colour in lines.items():
            shared = INK if len(lines) < len(columns) else colour
            axes.axhline(value, color=shared, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel("real images shown, thousands" if axis == "kimg" else "training step")
        axes.set_ylabel(label)
        if name == "outputs":
            axes.set_ylim(-0.03, 1.03)
        if name == "gradients":
            axes.set_yscale("log")
        legend(axes, len(columns))

    ends = [f"{LABELS[key]} ends at {_last(rows, key):.3g}" for key in columns]
    caption = f"Line: median, band: range, of {BINS} bins or fewer."
    if lines:
        caption += f" Dashed: equilibrium of this loss, {_marks(columns, at_equilibrium)}."
    alt = f"{title} over training: {'; '.join(ends)}."
    return plotted(name, draw, title=title, caption=caption, alt=alt)


def _marks(columns: list[str], at_equilibrium: Mapping[str, float]) -> str:
    shown = {key: f"{at_equilibrium[key]:.3g}" for key in columns if key in at_equilibrium}
    if len(set(shown.values())) == 1:
        return next(iter(shown.values()))
    return ", ".join(f"{LABELS[key]} {value}" for key, value in shown.items())


def _trace(axes: Axes, rows: Rows, axis: str, column: str, place: int) -> None:
    logged = [row for row in rows if column in row and np.isfinite(row[column])]
    if not logged:
        return
    size = -(-len(logged) // BINS)  # equal bins: unequal ones would differ in noise
    points = np.array([(row[axis], row[column]) for row in logged])
    filled = [points[i : i + size] for i in range(0, len(points), size)]
    x = [part[:, 0].mean() for part in filled]
    if size > 1:
        low, high = ([f(part[:, 1]) for part in filled] for f in (np.min, np.max))
        axes.fill_between(x, low, high, color=COLOURS[column], alpha=0.18, linewidth=0)
    middle = [np.median(part[:, 1]) for part in filled]
    axes.plot(x, middle, color=COLOURS[column], label=LABELS[column], **marked(place, len(x)))


def detection_curve(curve: Sequence[Mapping[str, Any]]) -> Curve | None:
    """Detector accuracy against training step, or `None` with fewer than two snapshots.

    Args:
        curve: Rows with `step`, `detector` and `accuracy` (0 to 1).
    """
    detectors = list(dict.fromkeys(str(row["detector"]) for row in curve))
    steps = sorted({row["step"] for row in curve})
    if len(steps) < 2:
        return None

    def draw(axes: Axes) -> None:
        for i, detector in enumerate(detectors):
            rows = sorted((r["step"], r["accuracy"]) for r in curve if r["detector"] == detector)
            marker = MARKERS[(i + i // len(SERIES)) % len(MARKERS)]  # no pair of both repeats soon
            style: Any = {"color": SERIES[i % len(SERIES)], "marker": marker}
            axes.plot(*zip(*rows, strict=True), label=detector, markersize=4, **style)
        axes.axhline(0.5, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel("training step")
        axes.set_ylabel("accuracy, % of test images")
        lowest = min(0.45, *(row["accuracy"] - 0.03 for row in curve))
        axes.set_ylim(lowest, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
        legend(axes, len(detectors))

    last = ", ".join(
        f"{r['detector']} {r['accuracy']:.0%}" for r in curve if r["step"] == steps[-1]
    )
    return plotted(
        "detectors",
        draw,
        title="Detector accuracy over training",
        caption="Each detector is trained anew against each stored snapshot. Dashed: chance, 50 %.",
        alt=f"Accuracy of {len(detectors)} detectors at {len(steps)} snapshots; at the last: "
        f"{last}.",
        size=(4.8, 3.3),
    )


def _last(rows: Rows, column: str) -> float:
    return next((row[column] for row in reversed(rows) if column in row), float("nan"))
