"""The pictures in the report of a dataset; only what they show is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import PARTS, ImageSet
from zoo.data.survey import Survey
from zoo.data.view import resize
from zoo.report.scale import Bar, bar_of, pixel_width
from zoo.runs.pictures import encode_png, grid_png

COLUMNS = 8
SIDE = 96  # pixels: images that are larger are shown smaller
OF_A_PART = 24
CLASSES = 12


@dataclass(frozen=True)
class Sheet:
    """A contact sheet.

    Attributes:
        title: What is shown, such as the name of a part.
        shown: How many images, evenly spread over the whole.
        total: Out of how many.
        png: The picture.
        scale: Its scale bar, if the size of a pixel is known.
    """

    title: str
    shown: int
    total: int
    png: bytes
    scale: Bar | None

    @property
    def columns(self) -> int:
        """Images in a row."""
        return min(COLUMNS, self.shown)


@dataclass(frozen=True)
class Thumbnail:
    """A source image, grey, its smallest value black and its largest white.

    Attributes:
        id: Its id.
        png: The picture, square.
        ratio: Width over height of the source image.
        said: What is said of it.
    """

    id: str
    png: bytes
    ratio: float
    said: str


def sheets_of_parts(images: ImageSet) -> Iterator[Sheet]:
    """Images of each part that holds any."""
    for part in PARTS:
        if len(chosen := images.split(part)):
            yield _sheet(part, chosen, OF_A_PART)


def sheets_of_classes(images: ImageSet) -> Iterator[Sheet]:
    """A row of training images of each of the first twelve classes."""
    if images.labels is None:
        return
    training = images.parts == PARTS[0]
    for label, name in enumerate(images.class_names[:CLASSES]):
        chosen = np.flatnonzero(training & (images.labels == label))
        if len(chosen):
            yield _sheet(name, images.take(chosen), COLUMNS)


def thumbnail_of(survey: Survey, row: int, said: str) -> Thumbnail:
    """The thumbnail of a source image."""
    height, width = (float(survey.columns[side][row]) for side in ("height", "width"))
    png = encode_png(np.asarray(survey.thumbnails[row])[..., None])
    return Thumbnail(str(survey.columns["id"][row]), png, width / height, said)


def _sheet(title: str, images: ImageSet, most: int) -> Sheet:
    spread = [i * len(images) // most for i in range(most)] if len(images) > most else []
    which = spread or list(range(len(images)))
    shown = [_small(images[i]) for i in which]
    png = grid_png(np.stack(shown), COLUMNS)
    size = pixel_width(images.provenance)
    shrunk = images.shape[2] / shown[0].shape[1]
    scale = bar_of(png, None if size is None else size * shrunk)
    return Sheet(title, len(which), len(images), png, scale)


def _small(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The image (H, W, C), no side longer than `SIDE`."""
    factor = max(image.shape[:2]) / SIDE
    if factor <= 1:
        return image
    height, width = (max(1, round(side / factor)) for side in image.shape[:2])
    return resize(image, (height, width))
