"""Curves as SVG: readable in a page of either colour scheme, and as files by themselves."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

# Okabe & Ito's colours, told apart by readers with any colour vision; page.css gives each
# variable a second value for dark pages.
INK, MUTED, RULE, PAPER = "#1b1f24", "#5b6470", "#d5d9de", "#fefefe"
GENERATOR, DISCRIMINATOR = "#0072b2", "#d55e00"
SERIES = (GENERATOR, DISCRIMINATOR, "#009e73", "#cc79a7", "#8c6d00", "#5d5d9c")
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    PAPER: "none",
    **{colour: f"var(--series-{i})" for i, colour in enumerate(SERIES)},
}
MARKERS = "osD^vP"
BINS = 100
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}


@dataclass(frozen=True)
class Curve:
    """A figure.

    Attributes:
        name: Of the file, without its ending.
        svg: Content of the file.
        title: A few words.
        caption: What it shows and how to read it.
        alt: The same for who does not see it.
    """

    name: str
    svg: str
    title: str
    caption: str
    alt: str

    def inline(self) -> Markup:
        """The SVG as part of a page, in the page's colours and type."""
        svg = self.svg[self.svg.index("<svg") :]
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
        svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg)
        svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg)
        svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{self.name}-", svg)
        for colour, variable in VARIABLES.items():
            svg = svg.replace(colour, variable)
        return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(self.alt)}"', 1))


Rows = Sequence[Mapping[str, float]]


def training_curves(rows: Rows, at_equilibrium: Mapping[str, float]) -> list[Curve]:
    """Losses, discriminator outputs and gradient norms, those that were logged.

    Args:
        rows: What training logged, by step.
        at_equilibrium: Value of each loss at equilibrium, drawn as a dashed line.
    """
    shown = (
        ("losses", "Losses", "loss", ("d_loss", "g_loss")),
        ("outputs", "Discriminator outputs", "mean of D(x)", ("d_real", "d_fake")),
        ("gradients", "Gradient norms", "gradient norm", ("d_grad_norm", "g_grad_norm")),
        ("variety", "Variety of samples", "MS-SSIM or share", VARIETY),
        ("overfitting", "Over-fitting of the discriminator", "share or sign", OVERFITTING),
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
        for column in columns:
            _trace(axes, rows, axis, column)
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
    return Curve(name, svg(name, draw), title, caption, alt)


def _marks(columns: list[str], at_equilibrium: Mapping[str, float]) -> str:
    shown = {key: f"{at_equilibrium[key]:.3g}" for key in columns if key in at_equilibrium}
    if len(set(shown.values())) == 1:
        return next(iter(shown.values()))
    return ", ".join(f"{LABELS[key]} {value}" for key, value in shown.items())


def _trace(axes: Axes, rows: Rows, axis: str, column: str) -> None:
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
    axes.plot(x, middle, color=COLOURS[column], label=LABELS[column])


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
        axes.set_ylabel("accuracy")
        lowest = min(0.45, *(row["accuracy"] - 0.03 for row in curve))
        axes.set_ylim(lowest, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        legend(axes, len(detectors))

    last = ", ".join(
        f"{r['detector']} {r['accuracy']:.0%}" for r in curve if r["step"] == steps[-1]
    )
    return Curve(
        "detectors",
        svg("detectors", draw, size=(4.8, 3.3)),
        "Detector accuracy over training",
        "Each detector is trained anew against each stored snapshot. Dashed: chance, 50 %.",
        f"Accuracy of {len(detectors)} detectors at {len(steps)} snapshots; at the last: {last}.",
    )


def svg(name: str, draw: Callable[[Axes], None], size: tuple[float, float] = (4.2, 3.0)) -> str:
    """A figure with one pair of axes as the text of an SVG file, in the style of all others.

    Args:
        name: Of the figure; the same name and content give the same bytes.
        draw: What is drawn.
        size: (width, height) in inches.
    """
    style: Any = {**STYLE, "svg.hashsalt": name}
    with mpl.rc_context(style):
        canvas = Canvas(figsize=size, layout="constrained")
        FigureCanvasAgg(canvas)
        draw(canvas.add_subplot())
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "zoo"})
    return buffer.getvalue()


def legend(axes: Axes, entries: int) -> None:
    """Name so many lines above the axes."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=2 if entries <= 4 else 3,
        borderaxespad=0.2,
        handlelength=1.4,
        columnspacing=1.2,
    )


def _last(rows: Rows, column: str) -> float:
    return next((row[column] for row in reversed(rows) if column in row), float("nan"))
