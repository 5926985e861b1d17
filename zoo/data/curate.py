"""Curation, asked for and recorded: steps that change pixels, and steps that set images aside.

Nothing happens unless `--curate` names it. Steps that change pixels come first, in the order
written, on source images in the file's own values. Then steps that set images aside judge what
came out, in the order written, each on what the ones before have kept.
"""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import PARTS
from zoo.errors import UsageError
from zoo.plugins import unknown

if TYPE_CHECKING:
    from zoo.data.survey import Survey

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a step does and takes.

    Attributes:
        summary: What it does; the values are named in capitals.
        values: The default of each value.
        low: Smallest value.
        high: Largest value.
        odd: Whether a value is an odd integer.
        pixels: Whether it changes pixels, instead of setting images aside.
        caution: What is lost; empty if nothing but what the step is for.
    """

    summary: str
    values: tuple[float, ...] = ()
    low: float = 0.0
    high: float = np.inf
    odd: bool = False
    pixels: bool = False
    caution: str = ""


KINDS = {
    "median": Kind("median of SIZE×SIZE pixels", (3,), 3, 31, odd=True, pixels=True),
    "nlm": Kind("non-local means, H times the noise", (0.8,), 0.01, 10, pixels=True),
    "tv": Kind("total variation, WEIGHT times the noise", (1.0,), 0.01, 100, pixels=True),
    "background": Kind(
        "even out the background by a top-hat of RADIUS pixels",
        *((50,), 1, 10_000),
        pixels=True,
        caution="intensities are relative to each image's own background",
    ),
    "illumination": Kind(
        "divide by the image blurred by SIGMA pixels, mean kept",
        *((50,), 1, 10_000),
        pixels=True,
        caution="differences of intensity over distances beyond sigma are lost",
    ),
    "normalise": Kind(
        "stretch from percentile LOW to HIGH, channel by channel",
        *((0.5, 99.5), 0, 100),
        pixels=True,
        caution="absolute intensities, and ratios between channels, are lost image by image",
    ),
    "focus": Kind("set aside what is less sharp than LEAST", (0.1,), 0, 1),
    "artefacts": Kind("set aside blank images, and over MOST saturated", (0.05,), 0, 1),
    "unique": Kind("keep the first of exact duplicates"),
    "distinct": Kind("keep the first of near duplicates"),
    "balance": Kind("cut each class of the training part to the rarest one's number"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step with all its values; `str(step)` is what `parse` reads."""

    name: str
    values: tuple[float, ...] = ()

    def __str__(self) -> str:
        """`name:value,value`, defaults included."""
        values = ",".join(str(int(v)) if v == int(v) else repr(v) for v in self.values)
        return f"{self.name}:{values}" if values else self.name

    @property
    def changes_pixels(self) -> bool:
        """Whether it changes pixels, instead of setting images aside."""
        return KINDS[self.name].pixels


def parse(text: str) -> tuple[Step, ...]:
    """Steps from text such as `median:3,normalise:1,99,focus,unique`.

    A number belongs to the step before it.

    Raises:
        zoo.errors.UsageError: If a step is unknown or a value does not fit.
    """
    pieces: list[str] = []
    for piece in filter(None, (part.strip() for part in text.split(","))):
        if pieces and _is_number(piece):
            pieces[-1] += f",{piece}"
        else:
            pieces.append(piece)
    return tuple(_step(piece) for piece in pieces)


def describe(steps: Sequence[Step]) -> str:
    """The text that `parse` reads, with every value, for the recipe."""
    return ",".join(map(str, steps))


def cautions(steps: Sequence[Step]) -> tuple[str, ...]:
    """What the steps lose, one sentence for each, for the report."""
    return tuple(f"{s}: {KINDS[s.name].caution}" for s in steps if KINDS[s.name].caution)


def apply(image: Column, steps: Sequence[Step]) -> Column:
    """Change an image by the steps that change pixels, channel by channel.

    Args:
        image: (H, W, C), uint8, uint16, int16, int32 or float32, in the file's own values.
        steps: Others than those that change pixels are passed over.

    Returns:
        (H, W, C) of the same type; integers are rounded and clipped to the type's range.

    Raises:
        zoo.data.examples.Rejected: If a step has no meaning for the image.
    """
    from zoo.data import correction

    wanted = [step for step in steps if step.changes_pixels]
    if not wanted:
        return image
    planes = []
    for c in range(image.shape[2]):
        plane = image[..., c].astype(np.float64)
        for step in wanted:
            plane = getattr(correction, step.name)(plane, *step.values, image.dtype)
        planes.append(plane)
    return correction.restored(np.stack(planes, axis=-1), image.dtype)


def select(
    survey: "Survey",
    steps: Sequence[Step],
    *,
    parts: Column,
    labels: Column | None = None,
    reasons: Column,
) -> npt.NDArray[np.str_]:
    """Why each source image is set aside.

    Only whole images are taken out and none is moved, so a group stays in one part. Where copies
    lie in several parts, as official splits may have it, those outside `train` are kept.

    Args:
        survey: The n source images.
        steps: Those that change pixels are passed over.
        parts: (n,) part of each image, one of `zoo.data.imageset.PARTS`.
        labels: (n,) class of each image.
        reasons: (n,) why an image was set aside before; empty if it was not.

    Returns:
        (n,) reasons; empty where the image is kept.

    Raises:
        zoo.errors.UsageError: If classes are to be balanced and there are none.
    """
    reasons = np.array(reasons, dtype=object)
    held_out_first = np.argsort(np.asarray(parts) == PARTS[0], kind="stable")
    for step in steps:
        rows = held_out_first[reasons[held_out_first] == ""]
        if step.name == "focus":
            _judge_focus(reasons, rows, survey.columns, *step.values)
        elif step.name == "artefacts":
            _judge_artefacts(reasons, rows, survey.columns, *step.values)
        elif step.name == "unique":
            _drop_exact(reasons, rows, survey.columns)
        elif step.name == "distinct":
            _drop_near(reasons, rows, survey.columns, survey.pairs)
        elif step.name == "balance":
            training = rows[np.asarray(parts)[rows] == PARTS[0]]
            _balance(reasons, training, survey.columns, labels)
    return reasons.astype(str)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _step(text: str) -> Step:
    name, colon, given = text.partition(":")
    if name not in KINDS:
        raise unknown("curation step", name, KINDS)
    kind = KINDS[name]
    if not colon:
        return Step(name, tuple(map(float, kind.values)))
    numbers = [part.strip() for part in given.split(",")]
    values = tuple(float(number) for number in numbers if _is_number(number))
    rising = all(a < b for a, b in itertools.pairwise(values))
    fits = all(kind.low <= v <= kind.high and not (kind.odd and v % 2 != 1) for v in values)
    if not len(values) == len(numbers) == len(kind.values) or not rising or not fits:
        raise UsageError(f"curate={text}: expected {_expected(name)}")
    return Step(name, values)


def _expected(name: str) -> str:
    kind = KINDS[name]
    if not kind.values:
        return f"{name} without a value"
    bounds = f"from {kind.low:g}" + (f" to {kind.high:g}" if kind.high < np.inf else "")
    what = "an odd integer" if kind.odd else "a number"
    if len(kind.values) > 1:
        what = "two rising numbers"
    return f"{name}:{','.join(f'{v:g}' for v in kind.values)}, {what} {bounds}"


def _judge_focus(reasons: Column, rows: Column, facts: Mapping[str, Column], least: float) -> None:
    for row in rows[facts["focus"][rows] < least]:
        reasons[row] = f"focus {facts['focus'][row]:.3g}, less than {least:g}"


def _judge_artefacts(
    reasons: Column, rows: Column, facts: Mapping[str, Column], most: float
) -> None:
    for row in rows[facts["saturated"][rows] > most]:
        reasons[row] = f"{facts['saturated'][row]:.1%} saturated, more than {most:.1%}"
    for row in rows[facts["blank"][rows] > 0]:
        reasons[row] = "blank"


def _drop_exact(reasons: Column, rows: Column, facts: Mapping[str, Column]) -> None:
    first: dict[str, int] = {}
    for row in rows.tolist():
        kept = first.setdefault(str(facts["digest"][row]), row)
        if kept != row:
            reasons[row] = f"exact duplicate of {facts['id'][kept]}"


def _drop_near(reasons: Column, rows: Column, facts: Mapping[str, Column], near: Column) -> None:
    """Keep an image unless one that is kept looks like it; so a chain is thinned, not emptied."""
    like: dict[int, list[int]] = {}
    for one, other in near.tolist():
        like.setdefault(one, []).append(other)
        like.setdefault(other, []).append(one)
    kept: set[int] = set()
    for row in rows.tolist():
        if resembled := kept.intersection(like.get(row, ())):
            reasons[row] = f"near duplicate of {facts['id'][min(resembled)]}"
        else:
            kept.add(row)


def _balance(
    reasons: Column, rows: Column, facts: Mapping[str, Column], labels: Column | None
) -> None:
    if labels is None:
        raise UsageError("curate=balance: the images have no classes; choose a field as --label")
    of_class = np.asarray(labels)[rows]
    classes, counts = np.unique(of_class, return_counts=True)
    for name in classes:
        members = rows[of_class == name].tolist()
        members.sort(key=lambda row: hashlib.sha256(str(facts["id"][row]).encode()).digest())
        for row in members[counts.min() :]:
            reasons[row] = f"its class is cut to {counts.min()} training images"
