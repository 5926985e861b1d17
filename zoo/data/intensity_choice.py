"""Which mapping of raw values a set gets: decided on its training images alone."""

import numpy as np
import numpy.typing as npt

from zoo.data.intensity import Bounds, Choice, Intensity, Raw
from zoo.errors import UsageError

LEAST_USED = 0.25  # of the range, by all but the brightest thousandth of the pixels
FAINT, FEW_FAINT = 1 / 12, 0.1  # of the range; of the images, whose brightest sample is below
MOST_SAMPLED = 4096  # training images, whose pixels are sampled: two million values
ROWS_AT_ONCE = 1024


def choose(
    choice: Choice,
    raw_dtype: str,
    *,
    extremes: tuple[Bounds, Bounds],
    windows: Bounds | None,
    samples: Raw,
    training: npt.NDArray[np.bool_],
    held_out: npt.NDArray[np.bool_],
) -> Intensity:
    """The mapping of a set, decided on its training images alone.

    Args:
        choice: What was asked for.
        raw_dtype: Type of the raw values.
        extremes: Smallest and largest value of each source image and channel, each (n, C).
        windows: (n, 2) windows that the files state, NaN where there is none, or `None`.
        samples: (n, k, C) values of random pixels of each source image, memory-mapped.
        training: (n,) which source images train.
        held_out: (n,) which are held out.

    Raises:
        zoo.errors.UsageError: If raw values that are no integers of 16 bits are to be kept, or
            the files state no window.
    """
    kind = choice.kind
    stated = windows is not None and bool(np.isfinite(windows).all())
    if kind == "auto":
        kind = "none" if raw_dtype == "uint8" else "file" if stated else "range"
    if kind == "none":
        if raw_dtype not in ("uint8", "uint16"):
            raise UsageError(f"intensity=none: {raw_dtype} values cannot be stored as they are")
        return Intensity(kind, raw_dtype)
    if kind == "file" and not stated:
        raise UsageError("intensity=file: not every image states a window; try range or percentile")
    low, high = _bounds(kind, choice, extremes, windows, samples, training)
    high = np.where(high > low, high, low + 1.0)
    some = _spread(training)
    least, most = (b[some] if b.ndim == 2 else b[None] for b in (low, high))
    shown = samples[some]
    outside = (shown < least[:, None]) | (shown > most[:, None])
    beyond = np.any((extremes[0] < low) | (extremes[1] > high), axis=1)
    return Intensity(
        kind,
        raw_dtype,
        low=low,
        high=high,
        clipped=float(np.mean(outside)),
        held_out_clipped=int(np.sum(beyond & held_out)),
        typical=_typical(low, high, training) if low.ndim == 2 else None,
    )


def caution(
    choice: Choice, intensity: Intensity, samples: Raw, training: npt.NDArray[np.bool_]
) -> str:
    """What a user should know of a mapping that was not asked for; empty if there is nothing.

    Args:
        choice: What was asked for.
        intensity: What `choose` made of it.
        samples: As `choose` takes them.
        training: As `choose` takes it.
    """
    if choice.kind == "auto" and intensity.clipped > 0:
        return (
            f"the window that the files state clips {intensity.clipped:.1%} of the "
            "training pixels; --intensity range keeps all values"
        )
    low, high = intensity.low, intensity.high
    if intensity.kind != "range" or intensity.typical or low is None or high is None:
        return ""
    shown = samples[_spread(training)]
    used = np.percentile(shown, 99.9, axis=(0, 1)) - low
    if (used >= LEAST_USED * (high - low)).all():
        faint = float((shown.max(axis=1) < low + FAINT * (high - low)).any(axis=1).mean())
        if faint < FEW_FAINT:
            return ""
        return (
            f"{faint:.0%} of the training images use less than a twelfth of the range of values, "
            "as images of fewer bits do; --intensity range/image shows each by its own"
        )
    return (
        "a few bright pixels take most of the range of values; --intensity percentile would clip "
        "them (0.1 % at each end) and show the rest brighter"
    )


def _bounds(
    kind: str,
    choice: Choice,
    extremes: tuple[Bounds, Bounds],
    windows: Bounds | None,
    samples: Raw,
    training: npt.NDArray[np.bool_],
) -> tuple[Bounds, Bounds]:
    channels = extremes[0].shape[1]
    if kind == "window":
        return np.full(channels, choice.low), np.full(channels, choice.high)
    if kind == "file":
        assert windows is not None
        repeated = np.repeat(windows[:, :, None], channels, axis=2)
        if (windows == windows[0]).all():
            return repeated[0, 0], repeated[0, 1]
        return repeated[:, 0], repeated[:, 1]
    if kind == "range":
        if choice.per_image:
            return extremes
        return extremes[0][training].min(axis=0), extremes[1][training].max(axis=0)
    at = (choice.low, choice.high)
    if not choice.per_image:
        low, high = np.percentile(samples[_spread(training)], at, axis=(0, 1))
        return low.astype(np.float64), high.astype(np.float64)
    starts = range(0, len(samples), ROWS_AT_ONCE)
    parts = [np.percentile(samples[i : i + ROWS_AT_ONCE], at, axis=1) for i in starts]
    low, high = np.concatenate(parts, axis=1).astype(np.float64)
    return low, high


def _typical(low: Bounds, high: Bounds, training: npt.NDArray[np.bool_]) -> tuple[Bounds, Bounds]:
    return np.median(low[training], axis=0), np.median(high[training], axis=0)


def _spread(training: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Training images whose samples are looked at: all, or so many of them evenly spread."""
    rows = np.flatnonzero(training)
    if len(rows) <= MOST_SAMPLED:
        return rows
    return rows[np.arange(MOST_SAMPLED) * len(rows) // MOST_SAMPLED]
