"""The images of a unit: the planes of a file, or of the files of a field of view."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.decode import frames
from zoo.data.examples import Rejected
from zoo.data.frames import Frame, Reading, planes
from zoo_datasets.folder.pattern import PLANES
from zoo_datasets.folder.units import Unit

Shown = tuple[Frame, list[Path]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads units.

    Attributes:
        reading: Which planes and channels are wanted.
        apart: What is in files of its own, out of `z`, `t` and `channel`; a number along these
            is one of the file names.
    """

    reading: Reading
    apart: tuple[str, ...] = ()

    @property
    def of_a_file(self) -> Reading:
        """What is wanted of each file."""
        return Reading(
            z=None if "z" in self.apart else self.reading.z,
            t=None if "t" in self.apart else self.reading.t,
            channels=None if "channel" in self.apart else self.reading.channels,
        )

    def frames(self, unit: Unit) -> Iterator[Shown]:
        """The images of a unit, each with the files that it was read from.

        Raises:
            zoo.data.examples.Rejected: If a file cannot be read, or does not fit the others.
        """
        if set(PLANES) & set(self.apart):
            yield from self._grid(unit)
            return
        for files in unit.files.values():
            for frame in _stacked(files, self.of_a_file):
                yield frame, list(files)

    def _grid(self, unit: Unit) -> Iterator[Shown]:
        """Planes chosen or projected over the points in time and the depths of a unit."""
        times, depths = (sorted({spot[axis] for spot in unit.files}) for axis in (0, 1))
        like: list[Frame] = []
        used: list[Path] = []

        def read(t: int, z: int) -> npt.NDArray[Any]:
            files = unit.files[times[t], depths[z]]
            used.extend(files)
            frame = _only(files, self.of_a_file)
            if not like:
                like.append(frame)
            _check_alike([like[0], frame], "planes")
            return frame.pixels

        numbers = {"t": times, "z": depths}
        sizes = {axis: len(numbers[axis]) for axis in PLANES}
        reading = Reading(z=self._choice("z", depths), t=self._choice("t", times))
        for place, pixels, note in planes(read, sizes, reading=reading):
            notes = "; ".join(filter(None, [like[0].note, note]))
            yield replace(like[0], pixels=pixels, place=_place(place, numbers), note=notes), used[:]
            used.clear()

    def _choice(self, axis: str, numbers: Sequence[int]) -> str | int | None:
        """What is wanted along an axis, a number of the file names as a position among them."""
        choice: str | int | None = getattr(self.reading, axis)
        if axis not in self.apart:
            return None
        if isinstance(choice, int):
            if choice not in numbers:
                raise Rejected(f"has no {axis} {choice}; it has {numbers[0]} to {numbers[-1]}")
            return numbers.index(choice)
        return choice


def _only(files: Sequence[Path], reading: Reading) -> Frame:
    """The one image of the files of a plane."""
    found = list(_stacked(files, reading))
    if len(found) > 1:
        raise Rejected(f"{files[0].name} holds {len(found)} images; a file of one plane holds one")
    return found[0]


def _stacked(files: Sequence[Path], reading: Reading) -> Iterator[Frame]:
    """The images of one file, or of several with their channels put together."""
    if len(files) == 1:
        yield from _opened(files[0], reading)
        return
    for parts in zip_longest(*(_opened(file, reading) for file in files)):
        for file, part in zip(files, parts, strict=True):
            if part is None:
                raise Rejected(f"{file.name} holds fewer images than the other channels")
            if part.pixels.shape[2] != 1:
                raise Rejected(f"{file.name} holds {part.pixels.shape[2]} channels, not one")
        _check_alike(parts, "channels")
        sizes = {part.pixel_size for part in parts}
        yield Frame(
            np.concatenate([part.pixels for part in parts], axis=2),
            place=parts[0].place,
            note="; ".join(dict.fromkeys(part.note for part in parts if part.note)),
            pixel_size=sizes.pop() if len(sizes) == 1 else None,
        )


def _opened(file: Path, reading: Reading) -> Iterator[Frame]:
    if not file.is_file():
        raise Rejected("no regular file, or a broken link")
    return frames(file, reading=reading)


def _check_alike(parts: Sequence[Frame], what: str) -> None:
    kinds = {(part.pixels.shape, part.pixels.dtype.name, part.place) for part in parts}
    if len(kinds) > 1:
        shown = (f"{s[1]}×{s[0]} {dtype} {place}".strip() for s, dtype, place in sorted(kinds))
        raise Rejected(f"{what} that differ: {', '.join(shown)}")


def _place(place: str, numbers: dict[str, list[int]]) -> str:
    """A place by the numbers of the file names instead of positions."""
    parts = [part for part in place.split("-") if part]
    named = (f"{part[0]}{numbers[part[0]][int(part[1:])]:03d}" for part in parts)
    return "-".join(named)
