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


def _scaled(raw: Raw, low: Any, high: Any, top: float) -> npt.NDArray[np.float64]:
    scaled: npt.NDArray[np.float64] = np.floor((raw - low) * (top / (high - low)) + 0.5)
    return np.clip(scaled, 0, top, out=scaled)


@functools.lru_cache(maxsize=8)
def _table(dtype: str, low: float, high: float, top: float) -> Raw:
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, limits.max + 1, dtype=np.float64)
    return _scaled(values, low, high, top).astype(np.uint8 if top < 256 else np.uint16)
