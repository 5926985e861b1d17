"""What is known of each source image before it is split, scaled or shown: one row each."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.columns import ColumnWriter, read_columns
from zoo.data.duplicates import near_duplicates, thumbnail
from zoo.data.quality import measure
from zoo.data.stack import Stack

SAMPLED = 512  # pixels of each image, for percentiles of the set
CHANNELS = 4
NOT_FIELDS = ("id", "group", "rejected", "note", "window", "pixel_size")
SCALARS = (str, int, float, np.generic)

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
        stored = self.columns.items()
        return {name.removeprefix(THEIRS): values for name, values in stored if name not in OWN}


OWN = (
    *("id", "group", "digest", "height", "width", "low", "high", "window", "pixel_size"),
    *("focus", "saturated", "contrast", "blank"),
)
THEIRS = "field "  # begins the column of a field that is called as one of these


def read_survey(folder: Path) -> Survey:
    """Open what `SurveyWriter` wrote.

    Raises:
        OSError: If a file is missing.
        ValueError: If a file is damaged.
    """
    return Survey(
        read_columns(folder / "survey"),
        np.load(folder / "thumbnails.npy", mmap_mode="r"),
        np.load(folder / "samples.npy", mmap_mode="r"),
        np.load(folder / "pairs.npy"),
    )


class SurveyWriter:
    """Writes the rows of a survey into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.columns = ColumnWriter(folder / "survey")
        self.thumbnails = Stack(folder / "thumbnails.npy")
        self.samples = Stack(folder / "samples.npy")

    def add(self, example: Mapping[str, Any], image: Column) -> int:
        """Add a source image (H, W, C) and return its row.

        Where the example has `raw`, what it was before curation, copies are found by that.
        """
        original = example.get("raw", image)
        digest = digest_of(original)
        fields = ((k, v) for k, v in example.items() if isinstance(v, SCALARS))
        row: dict[str, Any] = {_column(k): v for k, v in fields if k not in NOT_FIELDS}
        row |= {"id": str(example["id"]), "group": str(example.get("group", example["id"]))}
        row |= {"digest": digest, "height": image.shape[0], "width": image.shape[1]}
        row |= {"window": _pair(example.get("window"))}
        row |= {"pixel_size": _pair(example.get("pixel_size")), **measure(image)}
        row |= {"low": _four(image.min(axis=(0, 1))).tolist()}
        row |= {"high": _four(image.max(axis=(0, 1))).tolist()}
        self.columns.add(row)
        self.thumbnails.append(thumbnail(original))
        rng = np.random.Generator(np.random.Philox(key=int(digest[:16], 16)))
        flat = image.reshape(-1, image.shape[2])
        self.samples.append(_four(flat[rng.integers(0, len(flat), SAMPLED)]))
        return self.columns.count - 1

    def finish(self) -> None:
        """Write the columns, and look for near duplicates."""
        self.thumbnails.finish()
        self.samples.finish()
        self.columns.finish()
        thumbnails = np.load(self.folder / "thumbnails.npy", mmap_mode="r")
        np.save(self.folder / "pairs.npy", near_duplicates(thumbnails))

    def close(self) -> None:
        """Close the files."""
        self.columns.close()
        self.thumbnails.close()
        self.samples.close()


def _column(field: str) -> str:
    return f"{THEIRS}{field}" if field in OWN or field.startswith(THEIRS) else field


def digest_of(image: Column) -> str:
    """Hash of an image's shape, type and pixels."""
    digest = hashlib.sha256(f"{image.shape}:{image.dtype}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()[:32]


def _pair(value: Any) -> tuple[float, float]:
    return (np.nan, np.nan) if value is None else (float(value[0]), float(value[1]))


def _four(pixels: Column) -> Column:
    """(…, C) with the last channel repeated, as grey images may turn out to be mixed in."""
    return pixels[..., np.minimum(np.arange(CHANNELS), pixels.shape[-1] - 1)]
