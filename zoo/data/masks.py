"""Mask images to numbered instances."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.decode import LOSSY, decode, encoding, frames
from zoo.data.examples import Rejected
from zoo.data.frames import Frame, Reading

Mask = npt.NDArray[np.uint16]
# What programs write for foreground; any other single value is the number of an instance.
FOREGROUND = (1, 255, 65535)
PARTED = "binary mask parted into its connected components"


class MaskReader:
    """Reads the masks of images one after the other.

    The planes of a mask file are taken in the order in which those of its image come, so that a
    volume is decoded once.

    Args:
        reading: What is read of the images' files.
    """

    def __init__(self, reading: Reading | None = None) -> None:
        self.reading = reading or Reading()
        self._file: Path | None = None
        self._planes: Iterator[Frame] = iter(())

    def read(self, file: Path, frame: Frame) -> tuple[Mask, str]:
        """The instances of one image.

        Args:
            file: A label image or a binary one, of any format that is read.
            frame: The image, for its size and its place in its file.

        Returns:
            (H, W) instances, 0 is background; and what was changed, or nothing.

        Raises:
            zoo.data.examples.Rejected: If it is no mask of this image; the reason names the file.
        """
        try:
            plane = self._next(file, frame.place) if frame.place else self._single(file)
            mask, note = instances_of(plane.pixels, lossy=encoding(file).endswith(LOSSY))
            if mask.shape != frame.pixels.shape[:2]:
                raise Rejected(f"{_size(mask)} pixels for an image of {_size(frame.pixels)}")
        except OSError as error:
            raise Rejected(f"mask {file.name}: {error.strerror}") from None
        except Rejected as reason:
            raise Rejected(f"mask {file.name}: {reason}") from None
        return mask, note

    def _next(self, file: Path, place: str) -> Frame:
        if file != self._file:
            self._file, self._planes = file, self._frames(file)
        for plane in self._planes:
            if plane.place == place:
                return plane
        raise Rejected(f"has no plane {place}")

    def _single(self, file: Path) -> Frame:
        """A mask of one plane needs no choice; one of several is chosen from as its image is."""
        planes = list(islice(frames(file, reading=Reading(z="all", t="all")), 2))
        if len(planes) == 1:
            return planes[0]
        if {self.reading.z, self.reading.t} & {"max", "mean"}:
            raise Rejected("holds several planes; a projection needs a mask of one")
        return next(self._frames(file))

    def _frames(self, file: Path) -> Iterator[Frame]:
        return frames(file, reading=Reading(z=self.reading.z, t=self.reading.t))


def instances_of(pixels: npt.NDArray[Any], *, lossy: bool = False) -> tuple[Mask, str]:
    """Number the instances of a mask.

    A label image keeps its numbers. A binary one, whose foreground is 1, 255 or 65535, is parted
    into connected components (8 neighbours).

    Args:
        pixels: (H, W) or (H, W, C) of equal channels, whole numbers from 0.
        lossy: Whether compression may have changed values: then what is above half of the
            largest value is foreground.

    Returns:
        (H, W) instances, and what was changed, or nothing.

    Raises:
        zoo.data.examples.Rejected: If the channels differ, or the values are no numbers of
            instances.
    """
    plane = _grey(pixels)
    if lossy:
        return components(plane > plane.max() / 2), f"lossy mask cut at half, {PARTED}"
    values = _values(plane)
    if values[-1] in FOREGROUND and (len(values) == 1 or (len(values) == 2 and not values[0])):
        return components(plane > 0), PARTED
    if values[-1] <= np.iinfo(np.uint16).max:
        return plane.astype(np.uint16), ""
    numbers = np.searchsorted(values, plane) + (values[0] != 0)
    return _numbered(numbers), "instances numbered again, to fit 16 bits"


def paired(image: Path, mask: Path) -> Iterator[tuple[Frame, Mask]]:
    """The planes of a volume with those of its mask, which keeps its numbers as they are.

    Args:
        image: A file of one plane or of several.
        mask: A file of as many, whole numbers from 0 to 65535.

    Yields:
        Frame, and the numbers (H, W) of its mask.

    Raises:
        zoo.data.examples.Rejected: If one cannot be read, or they do not fit; the reason names
            the mask.
    """
    masks = frames(mask)
    for frame in frames(image):
        try:
            plane = next(masks, None)
            if plane is None or plane.place != frame.place:
                raise Rejected(f"has no plane {frame.place}")
            numbers = _whole(plane.pixels)
            if numbers.shape != frame.pixels.shape[:2]:
                raise Rejected(f"{_size(numbers)} pixels for an image of {_size(frame.pixels)}")
        except Rejected as reason:
            raise Rejected(f"mask {mask.name}: {reason}") from None
        yield frame, numbers


def foreground_of(mask: Path, frame: Frame) -> Mask:
    """What a mask shows in any colour but black, as 1.

    Args:
        mask: A file of one image.
        frame: The image that it belongs to, for its size.

    Raises:
        zoo.data.examples.Rejected: If it cannot be read, or has another size; the reason names it.
    """
    if not mask.is_file():
        raise Rejected(f"has no mask {mask.name}")
    try:
        pixels, _ = decode(mask)
        if pixels.shape[:2] != frame.pixels.shape[:2]:
            raise Rejected(f"{_size(pixels)} pixels for an image of {_size(frame.pixels)}")
    except Rejected as reason:
        raise Rejected(f"mask {mask.name}: {reason}") from None
    foreground: Mask = np.asarray(pixels.any(axis=2), np.uint16)
    return foreground


def components(foreground: npt.NDArray[np.bool_]) -> Mask:
    """Connected components (8 neighbours) of a foreground (H, W), numbered from 1.

    Raises:
        zoo.data.examples.Rejected: If there are more than 16 bits can number.
    """
    from skimage.measure import label

    return _numbered(label(foreground))


def _numbered(numbers: npt.NDArray[Any]) -> Mask:
    if (most := int(numbers.max())) > np.iinfo(np.uint16).max:
        raise Rejected(f"{most} instances are more than 16 bits can number")
    return numbers.astype(np.uint16)


def _whole(pixels: npt.NDArray[Any]) -> Mask:
    plane = _grey(pixels)
    if (values := _values(plane))[-1] > np.iinfo(np.uint16).max:
        raise Rejected(f"holds {values[-1]:g}, more than 65535")
    numbers: Mask = plane.astype(np.uint16)
    return numbers


def _values(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values that occur, sorted; whole numbers from 0."""
    values = np.unique(plane)
    if values[0] < 0 or (values != np.rint(values)).any():
        raise Rejected(f"holds {values[0]:g} to {values[-1]:g}, which are no numbers of instances")
    return values


def _grey(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if pixels.ndim == 2:
        return pixels
    if (pixels != pixels[..., :1]).any():
        raise Rejected("colours are no numbers of instances; one channel is needed")
    return pixels[..., 0]


def _size(image: npt.NDArray[Any]) -> str:
    return f"{image.shape[1]}×{image.shape[0]}"
