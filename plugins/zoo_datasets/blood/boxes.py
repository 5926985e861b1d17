"""Boxes of a Pascal VOC annotation, and the crops that they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy.typing as npt

from zoo.data.examples import Rejected

MAX_ANNOTATION = 2**20  # bytes; the longest real one has about 10 kB
MIN_SIDE = 8  # pixels; platelets measure about 35, and boxes of one pixel are slips of the mouse
REPEATED = 0.8  # intersection over union of two boxes of one class that mean the same cell


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled box in pixels: first column and row, and the ones after the last."""

    label: str
    left: int
    top: int
    right: int
    bottom: int

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0, width) * max(0, height)
        return shared / (self.area + other.area - shared)

    @property
    def area(self) -> int:
        """In pixels."""
        return (self.right - self.left) * (self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What an XML file says: the image's name and (width, height), and its objects."""

    filename: str
    size: tuple[int, int]
    objects: tuple[ElementTree.Element, ...]


def parse(content: bytes) -> Annotation:
    """Read an annotation; whatever could declare entities is refused before it is parsed.

    Raises:
        zoo.data.examples.Rejected: If it is too long, no UTF-8, no XML, or declares a type.
    """
    if len(content) > MAX_ANNOTATION:
        raise Rejected(f"annotation of {len(content):,} bytes, more than {MAX_ANNOTATION:,}")
    try:
        text = content.decode("utf-8-sig")
        if "<!doctype" in text.lower() or "<!entity" in text.lower():
            raise Rejected("annotation declares entities or a document type")
        root = ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise Rejected(f"annotation is no XML: {error}") from None
    size = (_number(root, "size/width"), _number(root, "size/height"))
    return Annotation(root.findtext("filename") or "", size, tuple(root.iter("object")))


def read_box(element: ElementTree.Element, width: int, height: int) -> Box:
    """The box of an object, clipped to an image. Corners count pixels from 1, both inclusive.

    Raises:
        zoo.data.examples.Rejected: If a corner is missing, or too little of it is in the image.
    """
    left, top, right, bottom = (
        _number(element, f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")
    )
    label = (element.findtext("name") or "").strip()
    box = Box(label, max(0, left - 1), max(0, top - 1), min(width, right), min(height, bottom))
    if min(box.right - box.left, box.bottom - box.top) < MIN_SIDE:
        raise Rejected(
            f"box {left},{top} to {right},{bottom} covers less than {MIN_SIDE}×{MIN_SIDE} pixels "
            f"of the {width}×{height} image"
        )
    return box


def check_new(box: Box, before: Sequence[Box]) -> None:
    """Refuse a box that repeats an earlier one.

    Raises:
        zoo.data.examples.Rejected: If one of the same class covers nearly the same pixels.
    """
    for number, other in enumerate(before, start=1):
        if box.label == other.label and box.overlap(other) >= REPEATED:
            raise Rejected(f"repeats box {number} of those kept: the same class, the same place")


def crop(image: npt.NDArray[Any], box: Box) -> npt.NDArray[Any]:
    """The square around a box: as long as its longer side, moved inside where it would leave.

    So cells keep their shape when they are resized, and no pixel is invented. A box longer than
    the image is high or wide is cut to that length.

    Args:
        image: (H, W, C).
    """
    height, width = image.shape[:2]
    side = min(max(box.right - box.left, box.bottom - box.top), width, height)
    left = min(max(0, (box.left + box.right - side) // 2), width - side)
    top = min(max(0, (box.top + box.bottom - side) // 2), height - side)
    return image[top : top + side, left : left + side]


def _number(element: ElementTree.Element, path: str) -> int:
    text = (element.findtext(path) or "").strip()
    try:
        return round(float(text))
    except (ValueError, OverflowError):
        raise Rejected(f"{path} is {text or 'missing'}, not a number") from None
