"""Training images on disk: cut once, then memory-mapped, so that memory does not grow with n."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.columns import ColumnWriter, read_columns
from zoo.data.examples import Rejected, Rejection, check_image
from zoo.data.stack import Stack
from zoo.data.sums import check_sums, sums_of
from zoo.data.survey import Survey, SurveyWriter, read_survey
from zoo.data.view import Crop, View
from zoo.errors import UsageError, ZooError
from zoo.runs.files import write_json

FORMAT = 7


MOST_CUT_OFF = 0.05  # of an image, before it is told


@dataclass(frozen=True, slots=True)
class Crops:
    """Training images as they lie on disk, in raw values.

    Attributes:
        pixels: (N, H, W, C), memory-mapped.
        masks: (N, H, W) instances, memory-mapped, or `None`.
        columns: `id`, `row` in the survey, `scale` (N, 2) in source pixels per pixel and, with
            masks, the number of `objects`; each (N,).
        survey: The source images that they were cut from.
        facts: Counts, rejected files, notes and the `content` hash.
    """

    pixels: npt.NDArray[Any]
    masks: npt.NDArray[np.uint16] | None
    columns: Mapping[str, npt.NDArray[Any]]
    survey: Survey
    facts: Mapping[str, Any]


def read_crops(folder: Path) -> Crops:
    """Open what `write_crops` wrote.

    Raises:
        zoo.errors.ZooError: If a file is missing or damaged.
    """
    masks = folder / "masks.npy"
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        check_sums(folder, facts.get("sums", {}))
        return Crops(
            pixels=np.load(folder / "pixels.npy", mmap_mode="r"),
            masks=np.load(masks, mmap_mode="r") if masks.is_file() else None,
            columns=read_columns(folder / "crops"),
            survey=read_survey(folder),
            facts=facts,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ZooError(f"{folder} is damaged ({error})") from error


def write_crops(
    folder: Path,
    examples: Iterable[Mapping[str, Any]],
    *,
    view: View,
    tell: Callable[[Rejection], None],
    rejected: Iterable[Rejection] = (),
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Cut the examples and write pixels, masks, columns, survey and facts into a folder.

    Args:
        folder: An empty folder.
        examples: As `zoo.specs.Dataset` describes them; one with `rejected` instead of an image
            is set aside with that reason.
        view: How to cut.
        tell: Called with each file that is set aside.
        rejected: What was set aside before.
        origin: Facts of the source, which are kept.

    Raises:
        zoo.errors.UsageError: If the view keeps the images' own sizes and these differ.
    """
    writer = _Writer(folder, view, tell, list(rejected), dict(origin or {}))
    try:
        for example in examples:
            writer.add(example)
        writer.finish()
    finally:
        writer.close()


@dataclass
class _Writer:
    folder: Path
    view: View
    tell: Callable[[Rejection], None]
    rejected: list[Rejection]
    origin: dict[str, Any]
    notes: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    skipped: int = 0
    first: tuple[np.dtype[Any], int] | None = None
    masked: set[bool] = field(default_factory=set)
    cut_off: float = 0.0
    margins: set[tuple[int, int, int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.content = hashlib.sha256()
        self.survey = SurveyWriter(self.folder)
        self.columns = ColumnWriter(self.folder / "crops")
        self.pixels = Stack(self.folder / "pixels.npy")
        self.masks = Stack(self.folder / "masks.npy")

    def add(self, example: Mapping[str, Any]) -> None:
        name = str(example["id"])
        try:
            if reason := example.get("rejected"):
                raise Rejected(reason)
            image, mask = self._checked(example)
            crops, skipped = self.view.cut(image, mask)
        except Rejected as reason:
            self.rejected.append(Rejection(name, str(reason)))
            self.tell(self.rejected[-1])
            return
        self.first = self.first or (image.dtype, image.shape[2])
        self.sizes[image.shape[:2]] += 1
        self.skipped += skipped
        self.notes.update(filter(None, [example.get("note")]))
        if self.view.size is None and len(self.sizes) > 1:
            return  # read on, only to name all the sizes
        self._append(self.survey.add(example, image), str(example["id"]), crops)

    def _checked(self, example: Mapping[str, Any]) -> tuple[Any, Any]:
        image, mask = check_image(example["image"]), example.get("mask")
        dtype, channels = self.first or (image.dtype, image.shape[2])
        if image.dtype != dtype:
            raise Rejected(f"{image.dtype} pixels, while the first image has {dtype}")
        if {image.shape[2], channels} not in ({channels}, {1, 3}):
            raise Rejected(f"{image.shape[2]} channels, while the first has {channels}")
        if mask is not None and mask.shape != image.shape[:2]:
            raise Rejected(f"mask of {mask.shape} for an image of {image.shape[:2]}")
        return image, mask

    def _append(self, row: int, source: str, crops: list[Crop]) -> None:
        for crop in crops:
            name = f"{source}:{crop.place}" if crop.place else source
            facts: dict[str, Any] = {"id": name, "row": row, "scale": crop.scale}
            if crop.mask is not None:
                facts["objects"] = len(np.unique(crop.mask[crop.mask > 0]))
                self.masks.append(crop.mask)
            self.masked.add(crop.mask is not None)
            self.margins.add(crop.margins)
            self.cut_off += crop.cut_off
            self.pixels.append(crop.pixels)
            self.columns.add(facts)
            self._update(name, crop)

    def _update(self, name: str, crop: Crop) -> None:
        self.content.update(f"{name}:{crop.pixels.shape}:{crop.pixels.dtype}".encode())
        self.content.update(np.ascontiguousarray(crop.pixels).data)
        if crop.mask is not None:
            self.content.update(np.ascontiguousarray(crop.mask).data)

    def finish(self) -> None:
        if self.view.size is None and len(self.sizes) > 1:
            raise UsageError(_sizes_differ(self.sizes))
        if not self.columns.count:
            raise ZooError(_nothing_left(self.rejected, self.skipped))
        self.pixels.finish()
        if self.masked == {True}:
            self.masks.finish()
        elif True in self.masked:
            self.notes["masks left out, because not every image has one"] += 1
            print("warning: masks are left out: not every image has one", file=sys.stderr)
            self.masks.remove()
            self.columns.drop("objects")
        if (share := self.cut_off / self.columns.count) > MOST_CUT_OFF:
            print(
                f"warning: resizing to the wanted shape cuts {share:.0%} of each image off, at two "
                "sides; --view pad or another --image-size keeps all",
                file=sys.stderr,
            )
        self.columns.finish()
        self.survey.finish()
        facts = {**self._facts(), "sums": sums_of(self.folder)}
        write_json(self.folder / "facts.json", facts)

    def _facts(self) -> dict[str, Any]:
        return {
            "content": self.content.hexdigest(),
            "origin": self.origin,
            "source_images": sum(self.sizes.values()),
            "source_sizes": {f"{w}x{h}": n for (h, w), n in self.sizes.most_common()},
            "without_foreground": self.skipped,
            "cut_off": self.cut_off / self.columns.count,
            "margins": [list(margins) for margins in sorted(self.margins)],
            "notes": dict(self.notes),
            "rejected": [{"file": r.file, "reason": r.reason} for r in self.rejected],
        }

    def close(self) -> None:
        self.pixels.close()
        self.masks.close()
        self.survey.close()
        self.columns.close()


def _nothing_left(rejected: Sequence[Rejection], skipped: int) -> str:
    text = (
        f"no training image is left: {len(rejected)} files set aside, "
        f"{skipped} tiles without foreground"
    )
    return f"{text}; {rejected[0].file}: {rejected[0].reason}" if rejected else text


def _sizes_differ(sizes: Counter[tuple[int, int]]) -> str:
    shown = ", ".join(f"{h}x{w} ({n})" for (h, w), n in sizes.most_common(6))
    more = f" and {len(sizes) - 6} more" if len(sizes) > 6 else ""
    side = max(8, min(min(size) for size in sizes) // 8 * 8)
    return (
        f"the images have {len(sizes)} sizes, {shown}{more}: choose one, as --image-size {side}, "
        "with --view tile, resize, crop or pad"
    )
