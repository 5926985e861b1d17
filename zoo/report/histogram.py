"""How often raw values occur, with the bounds between which they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from zoo.data.intensity import Intensity
from zoo.report.numbers import figure, percent
from zoo.report.plot import INK, SERIES, Curve, legend, plotted

BINS = 128
LINES = ("-", ":", "-.", (0, (8, 2)))  # of the channels, to be told apart without colours
AT_ONCE = 512  # images, so that memory does not grow with their number


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of sampled raw values.

    Attributes:
        edges: (bins + 1,) raw values; each bin holds one if they are integers and few.
        counts: (C, bins).
    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]


def histogram(
    samples: npt.NDArray[Any], rows: npt.NDArray[np.int64], *, channels: int
) -> Histogram:
    """Count the samples of some images, channel by channel.

    Args:
        samples: (n, k, 4) raw values, may be memory-mapped.
        rows: Which images, ascending, at least one.
        channels: The first of the four that are counted.
    """
    parts = [rows[i : i + AT_ONCE] for i in range(0, len(rows), AT_ONCE)]
    ends = [(s.min(), s.max()) for s in (samples[part][..., :channels] for part in parts)]
    edges = _edges(float(min(e[0] for e in ends)), float(max(e[1] for e in ends)), samples.dtype)
    counts = np.zeros((channels, len(edges) - 1), np.int64)
    for part in parts:
        shown = samples[part]
        for c in range(channels):
            counts[c] += np.histogram(shown[..., c], edges)[0]
    return Histogram(edges, counts)


def drawn(found: Histogram, intensity: Intensity, names: Sequence[str] = ()) -> Curve:
    """The histogram with the mapping's bounds.

    Args:
        found: What `histogram` returned.
        intensity: The mapping to stored values.
        names: Of the channels; by default their numbers.
    """
    channels = len(found.counts)
    labels = list(names) if len(names) == channels else [f"channel {c}" for c in range(channels)]
    low, high = _bounds(intensity)

    def draw(axes: Axes) -> None:
        for c, counts in enumerate(found.counts):
            look: Any = {"color": SERIES[c], "linewidth": 1.2, "linestyle": LINES[c]}
            axes.stairs(counts, found.edges, label=labels[c], **look)
        for c, bounds in enumerate(zip(low, high, strict=True)):
            for value in bounds:
                colour = INK if channels == 1 else SERIES[c]
                axes.axvline(value, color=colour, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)
        axes.set_xlabel("raw value, units of the files")
        axes.set_ylabel("sampled pixels, log scale")
        if channels > 1:
            legend(axes, channels)

    stored = _mapping(intensity, labels, low, high)
    alt = (
        f"Histogram of {found.counts[0].sum():,} raw values of {channels} channels, from "
        f"{figure(found.edges[0])} to {figure(found.edges[-1])}. {stored}"
    )
    said = {"title": "Raw values", "caption": stored, "alt": alt}
    return plotted("intensity", draw, **said, size=(6.4, 3.0))


def _edges(low: float, high: float, dtype: np.dtype[Any]) -> npt.NDArray[np.float64]:
    """Bins from the lowest to the highest value, integers in the middle of theirs."""
    if dtype.kind == "f":
        return np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    per_bin = -(-(high - low + 1) // (2 * BINS))  # whole numbers, or bins would differ in them
    return np.arange(low - 0.5, high + 0.5 + per_bin, per_bin)


def _bounds(intensity: Intensity) -> tuple[list[float], list[float]]:
    facts = intensity.facts()
    return facts.get("low", []), facts.get("high", [])


def _mapping(
    intensity: Intensity, labels: Sequence[str], low: Sequence[float], high: Sequence[float]
) -> str:
    """What becomes of raw values, in words."""
    if not low:
        return "Values are stored as they are."
    named = "; ".join(
        f"{label}: " * (len(low) > 1) + f"{figure(a)} and {figure(b)}"
        for label, a, b in zip(labels, low, high, strict=True)
    )
    per_image = ", medians of each image’s own bounds" * (intensity.facts()["per"] == "image")
    return (
        f"Dashed: what is stored as the lowest and as the highest value, {named}{per_image}. "
        f"{percent(intensity.clipped)} of the sampled training pixels lie outside and are clipped."
    )
