"""Raw values to stored ones and back: linear, recorded, and inverted when images are exported.

Networks see integers scaled by their type's largest value, so a 12-bit image kept as it is in 16
bits would be nearly black. What is not 8-bit is therefore spread over the whole of uint16.
"""

import functools
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.errors import UsageError

Raw = npt.NDArray[Any]
Bounds = npt.NDArray[np.float64]

KINDS = ("auto", "none", "range", "percentile", "window", "file")
PERCENTILES = (0.1, 99.9)
LEAST_USED = 0.25  # of the range, by all but the brightest thousandth of the pixels
MOST_SAMPLED = 4096  # training images, whose pixels are sampled: two million values
ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Choice:
    """What `--intensity` asks for.

    Attributes:
        kind: `auto` (`none` for 8 bits, `file` where every image has a window, else `range`),
            `none`, `range` (smallest to largest), `percentile`, `window` (given) or `file` (the
            window that each file states).
        low: Percentile, or raw value of a window.
        high: Percentile, or raw value of a window.
        per_image: Each image by its own values instead of one mapping for the set.
    """

    kind: str = "auto"
    low: float = 0.0
    high: float = 0.0
    per_image: bool = False


def parse(text: str) -> Choice:
    """A choice from text such as `percentile:1,99`, `window:-100,300` or `range/image`.

    Raises:
        zoo.errors.UsageError: If it is none; the message lists the choices.
    """
    head, _, scope = text.strip().partition("/")
    kind, colon, numbers = head.partition(":")
    try:
        given = tuple(float(part) for part in numbers.split(",")) if colon else ()
    except ValueError:
        given = (np.nan,)
    low_high = given or (PERCENTILES if kind == "percentile" else (0.0, 0.0))
    takes = {"percentile": (0, 2), "window": (2,)}.get(kind, (0,))
    if (
        kind not in KINDS
        or scope not in ("", "image", "set")
        or len(given) not in takes
        or (given and not given[0] < given[1])
        or (kind == "percentile" and not 0 <= low_high[0] < low_high[1] <= 100)
    ):
        raise UsageError(
            f"intensity={text}: expected auto, none, range, percentile[:LOW,HIGH], "
            "window:LOW,HIGH or file; range/image and percentile/image take each image's own"
        )
    return Choice(kind, low_high[0], low_high[1], scope == "image" or kind == "file")


@dataclass(frozen=True, eq=False)
class Intensity:
    """A linear mapping of raw values onto the whole range of the stored type.

    Attributes:
        kind: As in `Choice`; `none` stores raw values as they are.
        raw_dtype: Type of the raw values.
        low: Raw values that are stored as 0: (C,), or (N, C) per image.
        high: Raw values that are stored as the largest: (C,), or (N, C) per image.
        clipped: Share of the training pixels that lie outside, 0 to 1.
        held_out_clipped: Number of held-out source images with a value outside.
        typical: Of a mapping per image the medians of the training images' low and high, each
            (C,), which stand for those of new images.
    """

    kind: str = "none"
    raw_dtype: str = "uint8"
    _: KW_ONLY
    low: Bounds | None = None
    high: Bounds | None = None
    clipped: float = 0.0
    held_out_clipped: int = 0
    typical: tuple[Bounds, Bounds] | None = None

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """uint8 for 8-bit images, else uint16."""
        return np.dtype(np.uint8 if self.raw_dtype == "uint8" else np.uint16)

    def apply(self, raw: Raw, rows: Any = None) -> Raw:
        """Raw images (…, H, W, C) as stored ones, rounded half up and clipped.

        Args:
            raw: Raw values.
            rows: Which images they are, for a mapping per image.
        """
        if self.low is None or self.high is None:
            return raw
        top = float(np.iinfo(self.stored_dtype).max)
        if self.low.ndim == 2:
            low, high = (bound[rows][..., None, None, :] for bound in (self.low, self.high))
            return _scaled(raw, low, high, top).astype(self.stored_dtype)
        if raw.dtype.itemsize > 2:
            return _scaled(raw, self.low, self.high, top).astype(self.stored_dtype)
        stored = np.empty(raw.shape, self.stored_dtype)
        for c, bounds in enumerate(zip(self.low.tolist(), self.high.tolist(), strict=True)):
            table = _table(raw.dtype.str, *bounds, top)
            np.take(
                table, raw[..., c].astype(np.intp) - np.iinfo(raw.dtype).min, out=stored[..., c]
            )
        return stored

    def invert(self, stored: Raw) -> Raw:
        """Stored images (…, H, W, C) in raw values and in the raw type.

        What was not clipped comes back at most one raw unit off where the raw values span no more
        than the stored ones. A mapping per image has no inverse for new images; they get its
        typical bounds.
        """
        if self.low is None or self.high is None:
            return stored.astype(self.raw_dtype)
        low, high = self.typical or (self.low, self.high)
        raw = low + stored * ((high - low) / np.iinfo(stored.dtype).max)
        if self.raw_dtype == "float32":
            return raw.astype(np.float32)
        limits = np.iinfo(self.raw_dtype)
        return np.clip(np.floor(raw + 0.5), limits.min, limits.max).astype(self.raw_dtype)

    def facts(self) -> dict[str, Any]:
        """What `data.json` holds of it; `from_facts` reads it again."""
        facts: dict[str, Any] = {
            "mapping": "identity" if self.low is None else "linear",
            "by": self.kind,
            "raw_dtype": self.raw_dtype,
            "stored_dtype": self.stored_dtype.name,
        }
        if self.low is None or self.high is None:
            return facts
        per_image = self.typical is not None
        low, high = (bound.tolist() for bound in self.typical or (self.low, self.high))
        return facts | {
            "per": "image" if per_image else "set",
            "low": low,
            "high": high,
            "clipped_share_of_training_pixels": self.clipped,
            "held_out_images_with_clipped_pixels": self.held_out_clipped,
            **({"inverse": "by the median bounds, not exact"} if per_image else {}),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Intensity":
        """The mapping of a run; one per image comes back with its typical bounds."""
        raw_dtype = str(facts.get("raw_dtype", "uint8"))
        if facts.get("mapping") != "linear":
            return cls("none", raw_dtype)
        low, high = (np.array(facts[key], np.float64) for key in ("low", "high"))
        return cls(str(facts.get("by")), raw_dtype, low=low, high=high)


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
            f"the window that the files state clips {100 * intensity.clipped:.2g} % of the "
            "training pixels; --intensity range keeps all values"
        )
    low, high = intensity.low, intensity.high
    if intensity.kind != "range" or intensity.typical or low is None or high is None:
        return ""
    used = np.percentile(samples[_spread(training)], 99.9, axis=(0, 1)) - low
    if (used >= LEAST_USED * (high - low)).all():
        return ""
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


def _scaled(raw: Raw, low: Any, high: Any, top: float) -> npt.NDArray[np.float64]:
    scaled: npt.NDArray[np.float64] = np.floor((raw - low) * (top / (high - low)) + 0.5)
    return np.clip(scaled, 0, top, out=scaled)


@functools.lru_cache(maxsize=8)
def _table(dtype: str, low: float, high: float, top: float) -> Raw:
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, limits.max + 1, dtype=np.float64)
    return _scaled(values, low, high, top).astype(np.uint8 if top < 256 else np.uint16)
