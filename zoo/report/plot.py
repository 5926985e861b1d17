"""Curves as SVG and PDF: readable in a page of either colour scheme, in grey, and by themselves."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from zoo.runs import write_bytes, write_text

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
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
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
        svg: Content of the SVG file, its text as text.
        pdf: Content of the PDF file.
        title: A few words.
        caption: What it shows and how to read it.
        alt: The same for who does not see it.
    """

    name: str
    svg: str
    pdf: bytes
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


def plotted(
    name: str,
    draw: Callable[[Axes], None],
    *,
    title: str,
    caption: str,
    alt: str,
    size: tuple[float, float] = (4.2, 3.0),
) -> Curve:
    """A figure with one pair of axes in the style of all others.

    Args:
        name: Of the figure; the same name and content give the same bytes.
        draw: What is drawn.
        title: A few words.
        caption: What it shows and how to read it.
        alt: The same for who does not see it.
        size: (width, height) in inches.
    """
    style: Any = {**STYLE, "svg.hashsalt": name}
    with mpl.rc_context(style):
        canvas = Canvas(figsize=size, layout="constrained")
        FigureCanvasAgg(canvas)
        draw(canvas.add_subplot())
        vector, printed = io.StringIO(), io.BytesIO()
        canvas.savefig(vector, format="svg", metadata={"Date": None, "Creator": "zoo"})
        dateless: Any = {"CreationDate": None, "Creator": "zoo", "Producer": "zoo"}
        canvas.savefig(printed, format="pdf", metadata=dateless)
    return Curve(name, vector.getvalue(), printed.getvalue(), title, caption, alt)


def write_curve(curve: Curve, folder: Path) -> None:
    """Write a figure's SVG and PDF files."""
    write_text(folder / f"{curve.name}.svg", curve.svg)
    write_bytes(folder / f"{curve.name}.pdf", curve.pdf)


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


def marked(place: int, points: int) -> dict[str, Any]:
    """Markers by which a line is known without its colour, about eight along it.

    Args:
        place: Of the line among the others.
        points: Of the line.
    """
    every = max(1, points // 8)
    first = (place * every // 4) % every
    return {"marker": MARKERS[place % len(MARKERS)], "markevery": (first, every), "markersize": 4.5}
