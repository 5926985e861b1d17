"""Image files under a folder as examples."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.data.decode import SUFFIXES, encoding, encodings_of
from zoo.data.folders import attempted, content_key, open_folder
from zoo.data.frames import Frame, Reading
from zoo.data.masks import MaskReader
from zoo.data.table import Table, read_table
from zoo.errors import UsageError
from zoo_datasets.folder.masks import find_masks
from zoo_datasets.folder.pattern import PLANES, check_planes, parse, pattern_units
from zoo_datasets.folder.planes import Reader
from zoo_datasets.folder.table import NAME, described
from zoo_datasets.folder.units import Unit, file_units, find_layout


class Folder:
    """Images under a folder, hidden files left out.

    A file's class is the first folder on its way; folders called train, val and test are the
    official split. Each file is its own group, all its frames together, because a file name says
    nothing that could be relied on unless a pattern or a table says what it means.

    Args:
        path: The folder.
        pattern: How the files are named, such as `{well}_{field}_z{z}_c{channel}.tif`. Files that
            differ only in channel, z or t are one image; the other fields are its group.
        masks: Folder of masks of the same names, in `path` or anywhere; without, `masks` beside
            `images` is taken.
        labels: CSV with `path` and any of label, group, split and further fields; without,
            `labels.csv` in the folder is taken.
        z: `all`, `max`, `mean`, `middle` or a number, where there are several planes in depth.
        t: The same for the points in time.
        channels: Indices of the wanted channels, such as `"0,2"`; without, all.

    Raises:
        zoo.errors.UsageError: If a folder or file is missing, holds no image, or cannot be
            understood with these options.
    """

    def __init__(
        self,
        path: str,
        *,
        pattern: str | None = None,
        masks: str | None = None,
        labels: str | None = None,
        z: str | int | None = None,
        t: str | int | None = None,
        channels: str | tuple[int, ...] | None = None,
    ) -> None:
        top = open_folder(path, scheme="folder")
        reading = Reading(z=z, t=t, channels=channels)  # type: ignore[arg-type]  # or text
        self.layout = find_layout(top, _folder(top, masks))
        if not self.layout.images:
            raise UsageError(f"folder:{path} holds no images; read are {', '.join(SUFFIXES)}")
        self.pattern, self.channels = pattern, [""]
        apart: tuple[str, ...] = ()
        units = list(file_units(self.layout))
        if pattern:
            template = parse(pattern)
            apart = tuple(name for name in (*PLANES, "channel") if name in template.names)
            units, self.channels = pattern_units(self.layout, template, reading.channels)
            check_planes(units, z=reading.z, t=reading.t)
        self.reader = Reader(reading, apart)
        self.table = _table(top, labels)
        self.units = self._described(units)
        self._check_classes(top)
        self.masks = find_masks(self.layout, self.units) if self.layout.masks else None

    @property
    def content_key(self) -> str:
        """Hash of every file's state, masks and table included, and of the options."""
        files = [*self.layout.files, *(self.masks.files if self.masks else ())]
        files += [self.table.file] if self.table else []
        return content_key(files, self.pattern, self.reader)

    @property
    def facts(self) -> dict[str, Any]:
        """How many files have each encoding, how many a lossy one, and what was told of them."""
        good = (unit for unit in self.units if not unit.rejected)
        read = (file for unit in good for file in unit.paths() if file.is_file())
        told = {
            "pattern": self.pattern,
            "channels": [name for name in self.channels if name],
            "labels": self.table and self.table.file.name,
            "masks": self.layout.masks and self.layout.masks.name,
        }
        known = {key: value for key, value in told.items() if value}
        return {**encodings_of(read), **known}

    def __len__(self) -> int:
        return len(self.units)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        masks = MaskReader(self.reader.reading)
        for unit in self.units:
            if unit.rejected:
                yield {"id": unit.name, "rejected": unit.rejected}
            else:
                yield from attempted(unit.name, self._examples(unit, masks))

    def _examples(self, unit: Unit, masks: MaskReader) -> Iterator[Mapping[str, Any]]:
        codec = next(filter(None, map(encoding, unit.paths())), "")
        for frame, used in self.reader.frames(unit):
            yield {"codec": codec, **self._example(unit, frame, used, masks)}

    def _example(
        self, unit: Unit, frame: Frame, used: list[Path], masks: MaskReader
    ) -> dict[str, Any]:
        name = f"{unit.name}#{frame.place}" if frame.place else unit.name
        group = frame.group if frame.group and unit.group == unit.name else unit.group
        example: dict[str, Any] = {**unit.fields, "id": name, "group": group}
        example |= {"image": frame.pixels, "note": frame.note}
        if frame.pixel_size:
            example["pixel_size"] = frame.pixel_size
        if frame.window:
            example["window"] = frame.window
        if self.masks and (file := self.masks.of(unit, used)):
            # Planes in files of their own have masks in files of their own.
            single = replace(frame, place="") if set(PLANES) & set(self.reader.apart) else frame
            example["mask"], note = masks.read(file, single)
            example["note"] = "; ".join(filter(None, [frame.note, note]))
        return example

    def _check_classes(self, top: Path) -> None:
        """Refuse to train on masks as if they were images of a second class."""
        classes = {unit.fields.get("label", "").lower() for unit in self.units if not unit.rejected}
        if {"images", "masks"} <= classes:
            raise UsageError(
                f"folder:{top}: images and masks would be two classes; give a folder that holds "
                "nothing but `images` and `masks`, or the images' folder and --masks FOLDER"
            )

    def _described(self, units: list[Unit]) -> list[Unit]:
        """The units with what the table says of them; what is doubtful is told."""
        told: list[str] = []
        if self.table:
            units, told = described(units, self.table, self.layout)
        by_label = defaultdict(list)
        for unit in units:
            if not unit.rejected and "label" in unit.fields:
                by_label[unit.fields["label"]].append(unit.name)
        told += [
            f"label {label} has one image, {names[0]}: it cannot be both trained on and held out"
            for label, names in sorted(by_label.items())
            if len(names) == 1
        ]
        for line in told:
            print(f"warning: {line}", file=sys.stderr)
        return units


def _folder(top: Path, masks: str | None) -> Path | None:
    """The folder of masks that an option names."""
    if not masks:
        return None
    for folder in (top / Path(masks).expanduser(), Path(masks).expanduser()):
        if folder.is_dir():
            if folder.samefile(top):
                raise UsageError(f"--masks {masks}: masks need a folder apart from the images")
            return folder
    raise UsageError(f"--masks {masks}: no such folder, neither here nor in {top}")


def _table(top: Path, labels: str | None) -> Table | None:
    """The table that an option names, or `labels.csv` in the folder."""
    if not labels:
        return read_table(top / NAME) if (top / NAME).is_file() else None
    for file in (Path(labels).expanduser(), top / labels):
        if file.is_file():
            return read_table(file)
    raise UsageError(f"--labels {labels}: no such file, neither here nor in {top}")
