"""Which mask belongs to which image: the file of the same name in a parallel folder."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.data.examples import Rejected
from zoo.data.folders import image_files, name_of
from zoo.errors import UsageError
from zoo_datasets.folder.units import Layout, Unit, is_image, stem

ENDINGS = ("_mask", "_masks")


@dataclass(frozen=True, slots=True)
class Masks:
    """The mask files of a folder.

    Attributes:
        layout: Where the images and the masks lie.
        by_stem: Path without ending to the files that are called so, `_mask` left out.
    """

    layout: Layout
    by_stem: Mapping[str, Sequence[Path]]

    @property
    def files(self) -> list[Path]:
        """All mask files, sorted."""
        return sorted({file for files in self.by_stem.values() for file in files})

    def of(self, unit: Unit, used: Iterable[Path]) -> Path | None:
        """The mask of an image that was read from some files of a unit, or nothing.

        Raises:
            zoo.data.examples.Rejected: If there are several.
        """
        names = [*map(self.layout.name, used), unit.name]
        found = {file for name in names for file in self.by_stem.get(stem(name), ())}
        if len(found) > 1:
            raise Rejected(f"has {len(found)} masks: {', '.join(sorted(f.name for f in found))}")
        return found.pop() if found else None


def find_masks(layout: Layout, units: Sequence[Unit]) -> Masks:
    """Find the masks of units, and tell which have none.

    Raises:
        zoo.errors.UsageError: If no mask is called as an image is.
    """
    assert layout.masks is not None
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for file in filter(is_image, image_files(layout.masks)):
        name = stem(name_of(file, layout.masks))
        for ending in ENDINGS:
            name = name.removesuffix(ending)
        by_stem[name].append(file)
    masks = Masks(layout, by_stem)
    good = [unit for unit in units if not unit.rejected]
    without = [unit.name for unit in good if not _has(masks, unit)]
    if good and len(without) == len(good):
        raise UsageError(
            f"{layout.masks} holds no mask with the name of an image, such as "
            f"{stem(good[0].name)}.tif or {stem(good[0].name)}_mask.png"
        )
    if without:
        more = f" and {len(without) - 5} more" if len(without) > 5 else ""
        told = f"no mask for {len(without)} of {len(good)} images: {', '.join(without[:5])}{more}"
        print(f"warning: {told}", file=sys.stderr)
    return masks


def _has(masks: Masks, unit: Unit) -> bool:
    try:
        return masks.of(unit, unit.paths()) is not None
    except Rejected:  # several, which is told when the image is read
        return True
