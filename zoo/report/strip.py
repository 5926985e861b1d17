"""The same latents over training, a row of images for each of a few steps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zoo.report.contents import Contents
from zoo.runs.pictures import grid_png, tiles

ROWS = 6
COLUMNS = 8


@dataclass(frozen=True)
class StripRow:
    """Samples of the first latents at one step.

    Attributes:
        step: Training step.
        kimg: Thousands of real images shown by then, or `None`.
        png: A picture of up to eight samples side by side.
        size: (width, height) of the picture in pixels.
    """

    step: int
    kimg: float | None
    png: bytes
    size: tuple[int, int]


def strip(contents: Contents) -> list[StripRow]:
    """At most six evenly spaced rows, the first and the last step among them."""
    if len(contents.image_shape) < 2 or not contents.samples:
        return []
    height, width = contents.image_shape[:2]
    steps = list(contents.samples)
    chosen = sorted({steps[i] for i in np.linspace(0, len(steps) - 1, ROWS).round().astype(int)})
    rows = []
    for step in chosen:
        images = tiles(contents.samples[step].read_bytes(), height, width)[:COLUMNS]
        if len(images):
            size = (len(images) * (width + 2) - 2, height)
            png = grid_png(images, COLUMNS)
            rows.append(StripRow(step, _kimg(contents.rows, step), png, size))
    return rows


def _kimg(rows: list[dict[str, float]], step: int) -> float | None:
    logged: list[Mapping[str, float]] = [row for row in rows if row.get("kimg") and row["step"]]
    return step * logged[-1]["kimg"] / logged[-1]["step"] if logged else None
