"""The images that one file holds, and which of them are wanted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.examples import Rejected
from zoo.errors import UsageError

WORDS = ("all", "max", "mean", "middle")
Choice = str | int | None


@dataclass(frozen=True, slots=True)
class Frame:
    """One image of a file.

    Attributes:
        pixels: (H, W, C), C from 1 to 4, uint8, uint16, int16, int32 or finite float32, in the
            file's own values.
        place: Where in the file, such as `z003` or `t1-z003`; empty if the file gives one image.
        note: What was changed, such as `alpha channel dropped`, or nothing.
        pixel_size: (y, x) in micrometres, if the file says.
        window: (low, high) in the values of `pixels`: what the file says to show.
        group: Pseudonym of the patient that the file names, or nothing.
    """

    pixels: npt.NDArray[Any]
    place: str = ""
    note: str = ""
    pixel_size: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Which planes and channels of a file are wanted.

    Attributes:
        z: `all`, `max`, `mean` or `middle` of the planes in depth, or the number of one from 0.
            Without, all slices of a volume; any other file of several is refused.
        t: The same for the points in time.
        channels: Indices of the channels, from 0, in the order wanted; without, all.

    Raises:
        zoo.errors.UsageError: If a choice is none of these. Text such as `"3"` and `"0,2"` is
            taken as numbers.
    """

    z: Choice = None
    t: Choice = None
    channels: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "z", _choice("z", self.z))
        object.__setattr__(self, "t", _choice("t", self.t))
        object.__setattr__(self, "channels", _indices(self.channels))


def planes(
    read: Callable[[int, int], npt.NDArray[Any]],
    sizes: dict[str, int],
    *,
    reading: Reading,
    volume: str = "",
) -> Iterator[tuple[str, npt.NDArray[Any], str]]:
    """The planes of a file that a reading wants, one at a time.

    Args:
        read: Gives plane `(t, z)` as an array.
        sizes: How many planes there are along `"t"` and `"z"`.
        reading: What is wanted.
        volume: Axes that are given whole where nothing is chosen, such as `"z"`.

    Yields:
        Place, plane, and what was chosen in words.

    Raises:
        zoo.data.examples.Rejected: If a choice is missing, or beyond what the file holds.
    """
    missing = [axis for axis in "tz" if sizes[axis] > 1 and axis not in volume]
    if missing := [axis for axis in missing if getattr(reading, axis) is None]:
        held = " and ".join(f"{sizes[axis]} frames along {axis}" for axis in missing)
        options = " and ".join(f"--{axis}" for axis in missing)
        raise Rejected(f"holds {held}; choose {options} max, mean, middle, all or a number")
    for t_place, times, t_note in _wanted("t", sizes["t"], reading.t):
        for z_place, depths, z_note in _wanted("z", sizes["z"], reading.z):
            pixels = _projected(read, times, depths, reading)
            places, notes = filter(None, (t_place, z_place)), filter(None, (t_note, z_note))
            yield "-".join(places), pixels, ", ".join(notes)


def _choice(axis: str, value: Choice) -> Choice:
    if isinstance(value, str):
        value = int(value) if value.isdecimal() else value.lower() or None
    if value in (None, *WORDS) or (isinstance(value, int) and value >= 0):
        return value
    raise UsageError(f"no {axis} {value!r}; choose from {', '.join(WORDS)} or a number from 0")


def _indices(value: Any) -> tuple[int, ...] | None:
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if parts is None or parts == [""]:
        return None
    if not 1 <= len(parts) <= 4 or not all(str(part).isdecimal() for part in parts):
        raise UsageError(f"no channels {value!r}; give 1 to 4 numbers from 0, as in 0,1,2")
    return tuple(int(part) for part in parts)


def _wanted(axis: str, size: int, choice: Choice) -> Iterator[tuple[str, range, str]]:
    """Each image along an axis: its place, the planes that it is made of, and its note.

    One at a time, as a header may claim more than there is memory to list.
    """
    if isinstance(choice, int) and choice >= size:
        raise Rejected(f"holds {size} frames along {axis}, from 0: no --{axis} {choice}")
    if size < 1:
        raise Rejected(f"holds no frames along {axis}")
    if size == 1:
        yield "", range(1), ""
    elif choice in (None, "all"):
        width = len(str(size - 1))
        yield from ((f"{axis}{i:0{width}d}", range(i, i + 1), "") for i in range(size))
    elif choice in ("max", "mean"):
        yield "", range(size), f"{choice} of {size} along {axis}"
    else:
        index = size // 2 if choice == "middle" else int(str(choice))
        yield "", range(index, index + 1), f"{axis} {index} of {size}"


def _projected(
    read: Callable[[int, int], npt.NDArray[Any]], times: range, depths: range, reading: Reading
) -> npt.NDArray[Any]:
    """One plane, or the projection of several: along z, then along t."""
    along_z = (
        _over((read(t, z) for z in depths), len(depths), mean=reading.z == "mean") for t in times
    )
    return _over(along_z, len(times), mean=reading.t == "mean")


def _over(images: Iterator[npt.NDArray[Any]], count: int, *, mean: bool) -> npt.NDArray[Any]:
    first = next(images)
    if count == 1:
        return first
    if not mean:
        total = first.copy()
        for image in images:
            np.maximum(total, image, out=total)
        return total
    total = first.astype(np.float64)
    for image in images:
        total += image
    total /= count
    return (total if first.dtype.kind == "f" else np.rint(total)).astype(first.dtype)
