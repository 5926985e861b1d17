"""IDRiD's fundus photographs as examples."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from zoo.data.decode import encoding, encodings_of, frames
from zoo.data.examples import Rejected
from zoo.data.folders import attempted, content_key, open_folder, other_layout
from zoo.data.masks import Mask, foreground_of
from zoo.errors import UsageError
from zoo.plugins import unknown

IMAGES = "1. Original Images"
TRUTHS = {"grading": "2. Groundtruths", "segmentation": "2. All Segmentation Groundtruths"}
SPLITS = {"train": "a. Training Set", "test": "b. Testing Set"}
TABLES = {
    "train": "a. IDRiD_Disease Grading_Training Labels.csv",
    "test": "b. IDRiD_Disease Grading_Testing Labels.csv",
}
IMAGE, GRADE, EDEMA = "Image name", "Retinopathy grade", "Risk of macular edema"
# In the order of drawing: what comes later covers what came before.
LESIONS = {
    5: ("5. Optic Disc", "OD"),
    2: ("2. Haemorrhages", "HE"),
    3: ("3. Hard Exudates", "EX"),
    4: ("4. Soft Exudates", "SE"),
    1: ("1. Microaneurysms", "MA"),
}

Grades = dict[str, dict[str, str]]


class Idrid:
    """Fundus photographs, each its own group: the set names no patient.

    Args:
        path: The folder that holds `B. Disease Grading`, or for masks `A. Segmentation`, or one of
            these.
        part: `grading`: label = grade of retinopathy, 0 to 4. `segmentation`: masks with 1 for
            microaneurysms, 2 haemorrhages, 3 hard exudates, 4 soft exudates, 5 optic disc.

    Raises:
        zoo.errors.UsageError: If it is missing, has another layout, or there is no such part.
    """

    def __init__(self, path: str, *, part: Literal["grading", "segmentation"] = "grading") -> None:
        if part not in TRUTHS:
            raise unknown("part of idrid", part, list(TRUTHS))
        root = open_folder(path, scheme="idrid")
        self.part = part
        self.folder = _folder(root, TRUTHS[part])
        self.truths = self.folder / TRUTHS[part]
        self.images = {
            split: sorted((self.folder / IMAGES / name).glob("IDRiD_*.jpg"))
            for split, name in SPLITS.items()
        }
        if not any(self.images.values()):
            expected = f"{IMAGES}/{SPLITS['train']}/IDRiD_001.jpg"
            raise other_layout(self.folder, scheme="idrid", expected=expected)

    @property
    def content_key(self) -> str:
        """Hash of every file's state."""
        truths = sorted(path for path in self.truths.rglob("*") if path.is_file())
        images = [file for files in self.images.values() for file in files]
        return content_key([*images, *truths], self.part, "with codecs")

    @property
    def facts(self) -> dict[str, Any]:
        """Which part it is, and how its photographs are encoded."""
        images = [file for files in self.images.values() for file in files]
        return {"part": self.part, **encodings_of(images)}

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for split, files in self.images.items():
            grades = self._grades(split) if self.part == "grading" else {}
            for file in files:
                name = f"{split}/{file.stem}"
                yield from attempted(name, self._example(name, split, file, grades))
            for stem in sorted(set(grades) - {file.stem for file in files}):
                reason = f"{TABLES[split]} names it, but there is no {stem}.jpg"
                yield {"id": f"{split}/{stem}", "rejected": reason}

    def _example(
        self, name: str, split: str, file: Path, grades: Grades
    ) -> Iterator[dict[str, Any]]:
        if self.part == "grading" and file.stem not in grades:
            raise Rejected(f"has no grade in {TABLES[split]}")
        for frame in frames(file):
            truth: dict[str, Any] = dict(grades.get(file.stem, {}))
            if self.part == "segmentation":
                truth["mask"] = self._mask(split, file.stem, frame)
            yield {
                **truth,
                "id": name,
                "image": frame.pixels,
                "group": name,
                "split": split,
                "codec": encoding(file),
                "note": frame.note,
            }

    def _mask(self, split: str, stem: str, frame: Any) -> Mask:
        """The lesions of an image; one without a file has none of that kind."""
        mask: Mask = np.zeros(frame.pixels.shape[:2], np.uint16)
        files = {
            number: self.truths / SPLITS[split] / folder / f"{stem}_{ending}.tif"
            for number, (folder, ending) in LESIONS.items()
        }
        if not any(file.is_file() for file in files.values()):
            raise Rejected(f"has no mask in {TRUTHS['segmentation']}/{SPLITS[split]}")
        for number, file in files.items():
            if file.is_file():
                mask[foreground_of(file, frame) > 0] = number
        return mask

    def _grades(self, split: str) -> Grades:
        """Label and risk of macular oedema of each image that the official table names."""
        file = self.truths / TABLES[split]
        if not file.is_file():
            return {}
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as opened:
            table = csv.DictReader(opened)
            names = {(name or "").strip(): name for name in table.fieldnames or ()}
            if not {IMAGE, GRADE} <= set(names):
                raise UsageError(f"{file}: expected columns {IMAGE} and {GRADE}")
            rows = [{key: (row[names[key]] or "").strip() for key in names} for row in table]
        return {
            row[IMAGE]: {"label": row[GRADE], "macular_edema": row.get(EDEMA, "")}
            for row in rows
            if row[IMAGE] and row[GRADE]
        }


def _folder(root: Path, truths: str) -> Path:
    """The folder of a part: the one that holds its images and ground truths."""
    for folder in (root, *sorted(root.glob("*")), *sorted(root.glob("*/*"))):
        if (folder / IMAGES).is_dir() and (folder / truths).is_dir():
            return folder
    raise other_layout(root, scheme="idrid", expected=f"a folder with {IMAGES} and {truths}")
