"""The files of a zip archive, found by what their names say, wherever its folders put them."""

import contextlib
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.archive import open_zip, read_entry
from zoo.data.decode import decode
from zoo.data.examples import Rejected
from zoo.progress import progress

Key = tuple[str, ...]
Example = dict[str, Any]
IMAGES = (".tif", ".tiff", ".dib", ".png", ".bmp")


@dataclass(frozen=True, slots=True)
class Members:
    """Entries of an archive under the groups that a pattern finds in their names.

    Attributes:
        archive: Open for reading.
        entries: Groups of the name to the entries; several if a name occurs in several folders.
        strangers: Images whose names say nothing.
    """

    archive: zipfile.ZipFile
    entries: dict[Key, list[zipfile.ZipInfo]]
    strangers: tuple[str, ...]

    def content(self, *key: str) -> bytes:
        """The bytes of the one file of a name.

        Raises:
            zoo.data.examples.Rejected: If there is none, it is damaged, or several differ.
        """
        contents = {read_entry(self.archive, entry) for entry in self.entries.get(key, ())}
        if len(contents) == 1:
            return contents.pop()
        found = "several different files" if contents else "no file"
        raise Rejected(f"{found} for {' '.join(key)} in {Path(str(self.archive.filename)).name}")

    def pixels(self, *key: str) -> npt.NDArray[Any]:
        """(H, W) of the one image of a name, in its own values.

        Raises:
            zoo.data.examples.Rejected: If it cannot be read, or has colours.
        """
        pixels, _ = decode(self.content(*key))
        if pixels.shape[2] != 1:
            raise Rejected(f"{pixels.shape[2]} channels in the file for {' '.join(key)}, not one")
        return pixels[..., 0]

    def annotation(self, *key: str, shape: tuple[int, ...]) -> tuple[npt.NDArray[Any] | None, str]:
        """The image of a name if there is one of that shape, and why it is left out if it is."""
        if key not in self.entries:
            return None, ""
        try:
            pixels = self.pixels(*key)
            if pixels.shape != shape:
                raise Rejected(f"{pixels.shape} for an image of {shape}")
        except Rejected as reason:
            return None, f"mask left out: {reason}"
        return pixels, ""

    def rejected(self) -> Iterator[Example]:
        """An example of every stranger, to be set aside."""
        for name in self.strangers:
            yield {"id": name, "rejected": "its name is not of this set's form"}


@contextlib.contextmanager
def members(path: Path, pattern: re.Pattern[str]) -> Iterator[Members]:
    """Open an archive whose files' names match a pattern.

    Files that macOS and web servers leave behind are passed over.
    """
    with open_zip(path) as archive:
        entries: dict[Key, list[zipfile.ZipInfo]] = defaultdict(list)
        strangers = []
        for entry in archive.infolist():
            place = PurePosixPath(entry.filename)
            if entry.is_dir() or "__MACOSX" in place.parts or place.name.startswith("."):
                continue
            if match := pattern.fullmatch(place.name):
                entries[match.groups()].append(entry)
            elif place.suffix.lower() in IMAGES:
                strangers.append(entry.filename)
        yield Members(archive, dict(entries), tuple(sorted(strangers)))


def examples(
    label: str, keys: Sequence[Key], make: Callable[..., Example], name: Callable[..., str]
) -> Iterator[Example]:
    """Make the example of every key, or set it aside with the reason, showing how far it is.

    Args:
        label: What is read.
        keys: What tells the images apart.
        make: A key's parts to its example.
        name: A key's parts to the example's id.
    """
    with progress(f"Reading {label}", len(keys), "images") as advance:
        for key in keys:
            try:
                yield {"id": name(*key), **make(*key)}
            except Rejected as reason:
                yield {"id": name(*key), "rejected": str(reason)}
            advance(1)


def stack(channels: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """(H, W, C) of images of one place.

    Raises:
        zoo.data.examples.Rejected: If their shapes differ.
    """
    if len(shapes := {channel.shape for channel in channels}) > 1:
        raise Rejected(f"channels of different shapes: {', '.join(map(str, sorted(shapes)))}")
    return np.stack(channels, axis=2)
