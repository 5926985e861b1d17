"""Source images that a person should look at, each with the number that says why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.survey import Survey
from zoo.progress import progress
from zoo.report.numbers import figure, percent

SHOWN = 6
AT_ONCE = 512  # images, so that memory does not grow with their number
FAR = 10.0  # robust standard deviations: noise and skewed measures do not reach it

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outlier:
    """A source image that stands out.

    Attributes:
        row: In the survey.
        value: What it was judged by.
        said: The same in words, such as `focus 0.04`.
    """

    row: int
    value: float
    said: str


def outliers(survey: Survey, rows: Rows, *, channels: int) -> dict[str, list[Outlier]]:
    """The `blank`, the `blurred`, the `saturated` and the `far` among some source images.

    The six most extreme of each, the most extreme first, and all that are farther than `FAR`;
    blank ones are not judged further. How far an image is: brightness of each channel (median of
    its sampled raw values), logarithm of the contrast, focus, and mean and standard deviation of
    its thumbnail, each as distance from the median of the set in units of 1.4826 times the median
    absolute deviation, or of 1.2533 times the mean absolute deviation where that is 0 (Iglewicz
    and Hoaglin, 1993, How to detect and handle outliers). The largest of these counts.

    Args:
        survey: The source images.
        rows: Which of them, ascending.
        channels: Of the images.
    """
    columns = survey.columns
    blank = columns["blank"][rows] > 0
    alone, rest = rows[blank], rows[~blank]
    focus, saturated = columns["focus"][rest], columns["saturated"][rest]
    blurred = np.argsort(focus, kind="stable")[:SHOWN]
    bright = np.argsort(-saturated, kind="stable")[: min(SHOWN, int((saturated > 0).sum()))]
    return {
        "blank": [Outlier(int(row), 1.0, "blank") for row in alone[:SHOWN]],
        "blurred": [_judged(rest[i], focus[i], f"focus {figure(focus[i], 2)}") for i in blurred],
        "saturated": [
            _judged(rest[i], saturated[i], f"{percent(saturated[i])} saturated") for i in bright
        ],
        "far": list(_far(survey, rest, channels)),
    }


def distances(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Robust distances (n, k) of values (n, k) from the median of their column, with their sign."""
    apart = values - np.median(values, axis=0)
    deviation = np.abs(apart)
    scale = 1.4826 * np.median(deviation, axis=0)
    scale = np.where(scale > 0, scale, 1.2533 * deviation.mean(axis=0))
    far: npt.NDArray[np.float64] = np.divide(
        apart, scale, out=np.zeros_like(apart), where=scale > 0
    )
    return far


def _judged(row: Any, value: Any, said: str) -> Outlier:
    return Outlier(int(row), float(value), said)


def _far(survey: Survey, rows: Rows, channels: int) -> Iterator[Outlier]:
    if not len(rows):
        return
    measured = _measured(survey, rows, channels)
    names = [
        f"brightness of channel {c}" if channels > 1 else "brightness" for c in range(channels)
    ]
    names += ["contrast", "focus", "mean of the thumbnail", "spread of the thumbnail"]
    far = distances(measured)
    most = np.abs(far).argmax(axis=1)
    distance = np.abs(far).max(axis=1)
    for i in np.argsort(-distance, kind="stable")[: max(SHOWN, int((distance > FAR).sum()))]:
        side = "above" if far[i, most[i]] > 0 else "below"
        said = f"{names[most[i]]}, {figure(distance[i], 3)} robust sd {side}"
        yield _judged(rows[i], distance[i], said)


def _measured(survey: Survey, rows: Rows, channels: int) -> npt.NDArray[np.float64]:
    """What makes an image near or far, (n, channels + 4)."""
    measured = np.empty((len(rows), channels + 4))
    contrast = survey.columns["contrast"][rows]
    measured[:, channels] = np.log10(np.maximum(contrast, np.finfo(np.float32).tiny))
    measured[:, channels + 1] = survey.columns["focus"][rows]
    with progress("Looking for outliers", len(rows), "images") as advance:
        for i in range(0, len(rows), AT_ONCE):
            part = rows[i : i + AT_ONCE]
            chosen = slice(i, i + len(part))
            measured[chosen, :channels] = np.median(survey.samples[part][..., :channels], axis=1)
            thumbnails = survey.thumbnails[part]
            measured[chosen, channels + 2] = thumbnails.mean(axis=(1, 2))
            measured[chosen, channels + 3] = thumbnails.std(axis=(1, 2))
            advance(len(part))
    return measured
