"""Slices of SLIVER07's CT scans as examples."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.data.examples import Rejected
from zoo.data.folders import attempted, content_key, open_folder, other_layout
from zoo.data.masks import paired

SCAN = re.compile(r"liver-orig(\d+)\.mhd")
EXPECTED = "liver-orig001.mhd with its .raw and liver-seg001.mhd, in any sub-folder"
TERMS = (
    "to be used exclusively for developing segmentation algorithms of the liver; any other use "
    "requires explicit permission from the maintainers; not to be passed on; no commercial use "
    "(sliver07.grand-challenge.org/Rules)"
)


class Sliver07:
    """Axial slices in Hounsfield units, group = scan; masks hold 1 for the liver.

    Args:
        path: The folder that holds the scans and their segmentations, in any sub-folders.
        all_slices: Also those without liver.

    Raises:
        zoo.errors.UsageError: If it is missing or has another layout.
    """

    def __init__(self, path: str, *, all_slices: bool = False) -> None:
        root = open_folder(path, scheme="sliver07")
        self.all_slices = all_slices
        self.scans = {
            found[1]: file
            for file in sorted(root.rglob("liver-orig*.mhd"))
            if (found := SCAN.fullmatch(file.name))
        }
        self.truths = {file.name: file for file in sorted(root.rglob("liver-seg*.mhd"))}
        if not self.scans:
            raise other_layout(root, scheme="sliver07", expected=EXPECTED)

    @property
    def content_key(self) -> str:
        """Hash of every file's state, pixels included, and of the option."""
        return content_key([*self.scans.values(), *self.truths.values()], self.all_slices)

    @property
    def facts(self) -> dict[str, Any]:
        """How many scans there are, and what they may be used for."""
        return {"scans": len(self.scans), "terms": TERMS}

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for number, scan in self.scans.items():
            yield from attempted(scan.stem, self._examples(number, scan))

    def _examples(self, number: str, scan: Path) -> Iterator[dict[str, Any]]:
        truth = self.truths.get(f"liver-seg{number}.mhd")
        if truth is None:
            raise Rejected(f"has no segmentation liver-seg{number}.mhd")
        for frame, mask in paired(scan, truth):
            if self.all_slices or mask.any():
                pixel_size = {"pixel_size": frame.pixel_size} if frame.pixel_size else {}
                yield {
                    **pixel_size,
                    "id": f"{scan.stem}#{frame.place}",
                    "image": frame.pixels,
                    "mask": (mask > 0).astype(mask.dtype),
                    "group": scan.stem,
                    "note": frame.note,
                }
