"""The files of a folder, put together into what becomes one image each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from zoo.data.decode import SUFFIXES
from zoo.data.folders import image_files, name_of
from zoo.data.table import same

SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")


@dataclass(frozen=True, slots=True)
class Unit:
    """A file, or the files that make up one field of view.

    Attributes:
        name: The file's path in the folder, or the values of the pattern's fields.
        files: Point in time and depth to the files of its channels; one file is at (0, 0).
        group: What must not be parted by a split.
        fields: Label, split and other facts.
        rejected: Why it is set aside; empty if it is not.
    """

    name: str
    files: Mapping[tuple[int, int], tuple[Path, ...]]
    group: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    rejected: str = ""

    def paths(self) -> list[Path]:
        """All its files."""
        return [path for files in self.files.values() for path in files]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the images and the masks of a folder lie, and what its sub-folders mean.

    Attributes:
        root: Where the images lie: the folder, or `images` in it.
        masks: Where the masks lie, if anywhere.
        files: Every file that may be an image, sorted.
        split: Whether the first folders are the official split: all are called train, val, test
            or alike.
        classes: Whether the first folder, or the next one after the split, is the class.
    """

    root: Path
    masks: Path | None
    files: tuple[Path, ...]
    split: bool = False
    classes: bool = False

    @property
    def images(self) -> list[Path]:
        """The files of a kind that is read."""
        return [file for file in self.files if is_image(file)]

    def fields(self, file: Path) -> dict[str, str]:
        """Official split and class of a file, from the folders on its way."""
        folders = list(self.folders(file))
        fields = {"split": folders.pop(0)} if self.split else {}
        return fields | ({"label": folders[0] if folders else "."} if self.classes else {})

    def folders(self, file: Path) -> tuple[str, ...]:
        """The folders on the way to a file."""
        return PurePosixPath(self.name(file)).parts[:-1]

    def name(self, file: Path) -> str:
        """The file's path in the folder of the images."""
        return name_of(file, self.root)


def find_layout(top: Path, masks: Path | None) -> Layout:
    """Find images and masks; `images` beside `masks` is recognised.

    Args:
        top: The folder.
        masks: Where the masks lie, if that was said.
    """
    root, beside = top / "images", masks or top / "masks"
    if root.is_dir() and beside.is_dir() and _alone(top, root, beside):
        masks = beside
    else:
        root = top
    without = [] if masks is None else [masks]
    layout = Layout(root, masks, tuple(sorted(image_files(root, without=without))))
    folders = [layout.folders(file) for file in layout.images]
    split = bool(folders) and all(f and f[0].lower() in SPLITS for f in folders)
    return replace(layout, split=split, classes=any(len(f) > split for f in folders))


def file_units(layout: Layout) -> Iterator[Unit]:
    """Each file for itself; it is its own group, because a name says nothing to rely on."""
    for file in layout.files:
        name = layout.name(file)
        if is_image(file):
            yield Unit(name, {(0, 0): (file,)}, name, layout.fields(file))
        else:
            reason = f"not of a kind that is read: {', '.join(SUFFIXES)}"
            yield Unit(name, {(0, 0): (file,)}, rejected=reason)


def is_image(file: Path) -> bool:
    """Whether a file's name ends as those of images do, or it is DICOM under a name without."""
    if file.name.lower().endswith(SUFFIXES):
        return True
    nameless = not file.suffix or file.suffix[1:].isdecimal()
    return nameless and file.is_file() and _is_dicom(file)


def stem(name: str) -> str:
    """A path without the ending of an image, in one spelling of its letters."""
    ending = max((s for s in SUFFIXES if name.lower().endswith(s)), key=len, default="")
    return same(name.removesuffix(name[len(name) - len(ending) :]) if ending else name)


def _is_dicom(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _alone(top: Path, *folders: Path) -> bool:
    """Whether nothing else under a folder may be an image."""
    return next(image_files(top, without=folders), None) is None
