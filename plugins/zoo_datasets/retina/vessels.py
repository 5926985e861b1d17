"""Fundus photographs of DRIVE and CHASE_DB1 with the vessels that the first observer drew."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.data.decode import encoding, encodings_of, frames
from zoo.data.folders import attempted, content_key, open_folder, other_layout
from zoo.data.masks import foreground_of

DRIVE_SPLITS = ("training", "test")
DRIVE_IMAGE = re.compile(r"(\d+)_(training|test)\.tif")
CHASE_IMAGE = re.compile(r"Image_(\d+)([LR])\.jpg")
EYES = {"L": "left", "R": "right"}


@dataclass(frozen=True, slots=True)
class Eye:
    """A photograph and its mask.

    Attributes:
        name: The image's id.
        image: Its file.
        mask: The file with its vessels.
        facts: Group, split and other fields.
    """

    name: str
    image: Path
    mask: Path
    facts: Mapping[str, str] = field(default_factory=dict)

    def examples(self) -> Iterator[dict[str, Any]]:
        """The example; vessels are 1 in its mask."""
        for frame in frames(self.image):
            mask = foreground_of(self.mask, frame)
            found = {"id": self.name, "image": frame.pixels, "mask": mask, "note": frame.note}
            yield {**self.facts, **found, "codec": encoding(self.image)}


class Vessels:
    """Photographs of one of the sets.

    Attributes:
        eyes: The photographs, in order.
    """

    eyes: list[Eye]

    @property
    def content_key(self) -> str:
        """Hash of every file's state."""
        files = (file for eye in self.eyes for file in (eye.image, eye.mask))
        return content_key(files, "with codecs")

    @property
    def facts(self) -> dict[str, Any]:
        """How many photographs there are, and how they are encoded."""
        return {"photographs": len(self.eyes), **encodings_of(eye.image for eye in self.eyes)}

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for eye in self.eyes:
            yield from attempted(eye.name, eye.examples())


class Drive(Vessels):
    """DRIVE; each photograph is its own group, because its site names no patient.

    Args:
        path: The folder that holds `training` and `test`.

    Raises:
        zoo.errors.UsageError: If it is missing or has another layout.
    """

    def __init__(self, path: str) -> None:
        root = open_folder(path, scheme="drive")
        tops = (root, root / "DRIVE")
        self.eyes = [eye for top in tops for split in DRIVE_SPLITS for eye in _drive(top / split)]
        if not self.eyes:
            expected = "training/images/21_training.tif with training/1st_manual/21_manual1.gif"
            raise other_layout(root, scheme="drive", expected=expected)


class ChaseDb1(Vessels):
    """CHASE_DB1; both eyes of a child are one group.

    Args:
        path: The folder that holds `Image_01L.jpg` and `Image_01L_1stHO.png`.

    Raises:
        zoo.errors.UsageError: If it is missing or has another layout.
    """

    def __init__(self, path: str) -> None:
        root = open_folder(path, scheme="chase-db1")
        files = sorted(root.rglob("Image_*.jpg"))
        self.eyes = [eye for file in files for eye in _chase(file)]
        if not self.eyes:
            expected = "Image_01L.jpg with Image_01L_1stHO.png"
            raise other_layout(root, scheme="chase-db1", expected=expected)


def _drive(part: Path) -> Iterator[Eye]:
    for file in sorted((part / "images").glob("*.tif")):
        if found := DRIVE_IMAGE.fullmatch(file.name):
            mask = part / "1st_manual" / f"{found[1]}_manual1.gif"
            yield Eye(file.stem, file, mask, {"group": file.stem, "split": part.name})


def _chase(file: Path) -> Iterator[Eye]:
    if found := CHASE_IMAGE.fullmatch(file.name):
        mask = file.with_name(f"{file.stem}_1stHO.png")
        yield Eye(file.stem, file, mask, {"group": f"child {found[1]}", "eye": EYES[found[2]]})
