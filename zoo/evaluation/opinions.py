"""Opinions on generated images in numbers."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from zoo.evaluation.turing.statistics import share
from zoo.feedback import BAD, GOOD, WITHDRAWN, Opinion, in_force

LIMITS = (
    "These are opinions of whoever clicked, on images of their choice: no measurement of how real "
    "images look, and none of readers who did not know what they saw. Intervals take opinions as "
    "independent, which those of one session and on one image are not."
)


def sums(opinions: Sequence[Opinion]) -> dict[str, Any]:
    """Counts and shares of the opinions in force; `zoo.feedback.summary` documents them."""
    held = in_force(opinions)
    return {
        "opinions": len(held),
        "images": len({one.image for one in held}),
        "sessions": len({one.session for one in held}),
        "good": _good(held),
        "by_class": _parts(held, lambda one: [one.image.label] if one.image.label else []),
        "by_step": _parts(held, lambda one: [one.image.step]),
        "by_truncation": _parts(held, lambda one: [one.image.truncation]),
        "by_tag": _parts(held, lambda one: one.tags),
        "by_day": _parts(held, lambda one: [one.time[:10]]),
        "repeated": _repeated(held),
        "withdrawn": sum(one.opinion == WITHDRAWN for one in opinions),
        "limits": LIMITS,
    }


def rejected(opinions: Iterable[Opinion]) -> list[tuple[Any, ...]]:
    """Rows of the images that more sessions call bad than good, as `zoo.feedback.HEADER` names."""
    rows = []
    for image, held in sorted(_by_image(in_force(opinions)).items()):
        good, bad = (sum(one.opinion == kind for one in held) for kind in (GOOD, BAD))
        if bad > good:
            tags = sorted({tag for one in held for tag in one.tags})
            made = (image.seed, image.index, image.label, image.truncation, image.step)
            rows.append((*made, good, bad, "; ".join(tags)))
    return rows


def _good(held: Sequence[Opinion]) -> dict[str, Any]:
    return share(sum(one.opinion == GOOD for one in held), len(held))


def _parts(
    held: Iterable[Opinion], of: Callable[[Opinion], Iterable[Hashable]]
) -> list[dict[str, Any]]:
    """The share of good opinions for each value that they have, values in their order."""
    parts: dict[Any, list[Opinion]] = defaultdict(list)
    for one in held:
        for value in of(one):
            parts[value].append(one)
    return [{"of": value, **_good(parts[value])} for value in sorted(parts)]


def _by_image(held: Iterable[Opinion]) -> dict[Any, list[Opinion]]:
    images: dict[Any, list[Opinion]] = defaultdict(list)
    for one in held:
        images[one.image].append(one)
    return images


def _repeated(held: Iterable[Opinion]) -> dict[str, Any]:
    """How many images several sessions judged, and in how many of them all say the same."""
    several = [group for group in _by_image(held).values() if len(group) > 1]
    agreeing = sum(len({one.opinion for one in group}) == 1 for group in several)
    return {"images": len(several), "agreeing": agreeing, **share(agreeing, len(several))}
