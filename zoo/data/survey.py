"""What is known of each source image before it is split, scaled or shown: one row each."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.duplicates import near_duplicates, thumbnail
from zoo.data.quality import measure
from zoo.data.stack import Stack

SAMPLED = 512  # pixels of each image, for percentiles of the set
CHANNELS = 4
NOT_KEPT = ("rejected", "note")
SCALARS = (str, int, float, np.generic)
PREFIX = "column_"  # a field may be called `file`, which is an argument of `np.savez`

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Survey:
    """The source images of a dataset, n of them.

    Attributes:
        columns: `id`, `group`, `digest` (of the pixels), `height`, `width`, `low` and `high`
            (n, 4) per channel, `window` (n, 2) and `pixel_size` (n, 2) in µm, NaN where not
            stated, what `zoo.data.quality.measure` found, and every other field of the examples.
        thumbnails: (n, side, side) uint8, memory-mapped.
        samples: (n, 512, 4) raw values of random pixels, memory-mapped.
        pairs: (m, 2) rows that show nearly the same picture.
    """

    columns: Mapping[str, Column]
    thumbnails: npt.NDArray[np.uint8]
    samples: Column
    pairs: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.columns["id"])

    @property
    def fields(self) -> dict[str, Column]:
        """The examples' own fields, `label` among them."""
        return {name: self.columns[name] for name in self.columns if name not in OWN}


OWN = (
    *("id", "group", "digest", "height", "width", "low", "high", "window", "pixel_size"),
    *("focus", "saturated", "contrast", "blank"),
)


def read_survey(folder: Path) -> Survey:
    """Open what `SurveyWriter` wrote.

    Raises:
        OSError: If a file is missing.
        ValueError: If a file is damaged.
    """
    return Survey(
        load_columns(folder / "survey.npz"),
        np.load(folder / "thumbnails.npy", mmap_mode="r"),
        np.load(folder / "samples.npy", mmap_mode="r"),
        np.load(folder / "pairs.npy"),
    )


@dataclass
class SurveyWriter:
    """Collects the rows of a survey; pictures go to disk at once."""

    folder: Path
    columns: dict[str, list[Any]] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        self.thumbnails = Stack(self.folder / "thumbnails.npy")
        self.samples = Stack(self.folder / "samples.npy")

    def add(self, example: Mapping[str, Any], image: Column) -> int:
        """Add a source image (H, W, C) and return its row."""
        digest = digest_of(image)
        row: dict[str, Any] = {k: v for k, v in example.items() if isinstance(v, SCALARS)}
        row = {key: value for key, value in row.items() if key not in NOT_KEPT}
        row |= {"id": str(example["id"]), "group": str(example.get("group", example["id"]))}
        row |= {"digest": digest, "height": image.shape[0], "width": image.shape[1]}
        row |= {"window": _pair(example.get("window"))}
        row |= {"pixel_size": _pair(example.get("pixel_size")), **measure(image)}
        row |= {"low": _four(image.min(axis=(0, 1))).tolist()}
        row |= {"high": _four(image.max(axis=(0, 1))).tolist()}
        for name in {**self.columns, **row}:
            self.columns.setdefault(name, [None] * self.count).append(row.get(name))
        self.thumbnails.append(thumbnail(image))
        rng = np.random.Generator(np.random.Philox(key=int(digest[:16], 16)))
        flat = image.reshape(-1, image.shape[2])
        self.samples.append(_four(flat[rng.integers(0, len(flat), SAMPLED)]))
        self.count += 1
        return self.count - 1

    def finish(self) -> None:
        """Write the columns, and look for near duplicates."""
        self.thumbnails.finish()
        self.samples.finish()
        save_columns(self.folder / "survey.npz", self.columns)
        thumbnails = np.load(self.folder / "thumbnails.npy", mmap_mode="r")
        np.save(self.folder / "pairs.npy", near_duplicates(thumbnails))

    def close(self) -> None:
        """Close the files."""
        self.thumbnails.close()
        self.samples.close()


def digest_of(image: Column) -> str:
    """Hash of an image's shape, type and pixels."""
    digest = hashlib.sha256(f"{image.shape}:{image.dtype}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()[:32]


def save_columns(path: Path, columns: Mapping[str, list[Any]]) -> None:
    """Write the columns that are text, numbers or truth values; what a row lacks is "" or NaN."""
    arrays = {PREFIX + name: _column(values) for name, values in sorted(columns.items())}
    buffer = io.BytesIO()
    kept: dict[str, Any] = {k: v for k, v in arrays.items() if v.dtype.kind in "Uiufb"}
    np.savez(buffer, **kept)
    path.write_bytes(buffer.getvalue())


def load_columns(path: Path) -> dict[str, Column]:
    """Read what `save_columns` wrote."""
    with np.load(path, allow_pickle=False) as columns:
        return {name.removeprefix(PREFIX): columns[name] for name in columns}


def _column(values: list[Any]) -> Column:
    if None not in values:
        return np.array(values)
    text = any(isinstance(value, str) for value in values)
    missing = "" if text else np.nan
    return np.array([missing if value is None else value for value in values])


def _pair(value: Any) -> tuple[float, float]:
    return (np.nan, np.nan) if value is None else (float(value[0]), float(value[1]))


def _four(pixels: Column) -> Column:
    """(…, C) with the last channel repeated, as grey images may turn out to be mixed in."""
    return pixels[..., np.minimum(np.arange(CHANNELS), pixels.shape[-1] - 1)]
