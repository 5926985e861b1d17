"""Slices of ACDC's end-diastolic and end-systolic volumes as examples."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.examples import Rejected
from zoo.data.folders import attempted, content_key, open_folder, other_layout
from zoo.data.masks import paired

SPLITS = ("training", "testing")
PHASES = ("ED", "ES")
VOLUME = re.compile(r"(patient\d+)_frame(\d+)\.nii(\.gz)?")
EXPECTED = (
    "training/patient001/ with Info.cfg, patient001_frame01.nii.gz and patient001_frame01_gt.nii.gz"
)


@dataclass(frozen=True, slots=True)
class Volume:
    """A heart at one point of its cycle.

    Attributes:
        file: The NIfTI file.
        patient: Such as `patient001`.
        frame: Number of the point in time, from 1.
        split: `training`, `testing`, or nothing.
    """

    file: Path
    patient: str
    frame: int
    split: str

    @property
    def truth(self) -> Path:
        """The volume's ground truth."""
        name, dot, ending = self.file.name.partition(".nii")
        return self.file.with_name(f"{name}_gt{dot}{ending}")


class Acdc:
    """Short-axis slices; label = pathology group, group = patient.

    Masks hold 1 for the right ventricle, 2 for the myocardium and 3 for the left ventricle.

    Args:
        path: The folder that holds `training` and `testing`, or one of these.

    Raises:
        zoo.errors.UsageError: If it is missing or has another layout.
    """

    def __init__(self, path: str) -> None:
        root = open_folder(path, scheme="acdc")
        tops = (root, root / "database", root / "ACDC", root / "ACDC" / "database")
        parts = [top / split for top in tops for split in SPLITS if (top / split).is_dir()]
        self.volumes = [volume for part in parts or [root] for volume in _volumes(part)]
        if not self.volumes:
            raise other_layout(root, scheme="acdc", expected=EXPECTED)

    @property
    def content_key(self) -> str:
        """Hash of every file's state."""
        infos = {volume.file.with_name("Info.cfg") for volume in self.volumes}
        pairs = [file for volume in self.volumes for file in (volume.file, volume.truth)]
        return content_key([*pairs, *sorted(infos)])

    @property
    def facts(self) -> dict[str, Any]:
        """How many patients there are."""
        return {"patients": len({volume.patient for volume in self.volumes})}

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for volume in self.volumes:
            name = f"{volume.patient}/frame{volume.frame:02d}"
            yield from attempted(name, _examples(name, volume))


def _volumes(part: Path) -> Iterator[Volume]:
    split = part.name if part.name in SPLITS else ""
    for file in sorted(part.glob("patient*/*.nii*")):
        if found := VOLUME.fullmatch(file.name):
            yield Volume(file, found[1], int(found[2]), split)


def _examples(name: str, volume: Volume) -> Iterator[dict[str, Any]]:
    info = _info(volume.file.with_name("Info.cfg"))
    if not volume.truth.is_file():
        raise Rejected(f"has no ground truth {volume.truth.name}")
    phases = [phase for phase in PHASES if info.get(phase) == str(volume.frame)]
    facts = {"label": info["Group"], "group": volume.patient, "phase": (phases or [""])[0]}
    facts |= {"split": volume.split} if volume.split else {}
    for frame, mask in paired(volume.file, volume.truth):
        place = f"#{frame.place}" if frame.place else ""
        pixel_size = {"pixel_size": frame.pixel_size} if frame.pixel_size else {}
        yield {
            **facts,
            **pixel_size,
            "id": f"{name}{place}",
            "image": frame.pixels,
            "mask": mask,
            "note": frame.note,
        }


def _info(file: Path) -> dict[str, str]:
    """`Info.cfg`: one `key: value` on a line, among them ED, ES and Group."""
    if not file.is_file():
        raise Rejected("has no Info.cfg")
    lines = (line.partition(":") for line in file.read_text("utf-8", "replace").splitlines())
    info = {key.strip(): value.strip() for key, _, value in lines}
    if not info.get("Group"):
        raise Rejected("has an Info.cfg without Group")
    return info
