"""What is doubtful about a set of images as a whole."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.decode import LOSSY
from zoo.data.imageset import PARTS
from zoo.data.splits import assign, merge_duplicates

FEW = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the files as a whole.

    Attributes:
        kind: `sizes`, `channels`, `types`, `compression`, `class of one`, `duplicates` or `names`.
        message: One line.
        files: The files that it is about, where they are few.
    """

    kind: str
    message: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """What is kept of an image once it has been read.

    Attributes:
        name: Its id.
        size: Width × height.
        channels: How many.
        dtype: Type of its values.
        encoding: As `zoo.data.decode.encoding` names it.
        label: Its class, if it has one.
        group: What it shares with others, where that is known.
        digest: Hash of its values.
    """

    name: str
    size: str
    channels: int
    dtype: str
    encoding: str
    label: str | None
    group: str | None
    digest: bytes


def image_facts(example: Mapping[str, Any]) -> Image:
    """The facts of an example with `id`, `image`, `encoding` and perhaps `label`."""
    pixels = example["image"]
    height, width, channels = pixels.shape
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype}".encode())
    for row in pixels:
        digest.update(row.tobytes())
    label, group = example.get("label"), example.get("group")
    return Image(
        str(example["id"]),
        f"{width}×{height}",
        channels,
        str(pixels.dtype),
        str(example["encoding"]),
        None if label is None else str(label),
        None if group is None else str(group),
        digest.digest(),
    )


def counts(images: Sequence[Image]) -> dict[str, dict[str, int]]:
    """Images by size, channels, type, encoding and class, the most frequent first."""
    return {
        "sizes": dict(Counter(image.size for image in images).most_common()),
        "channels": dict(Counter(str(image.channels) for image in images).most_common()),
        "types": dict(Counter(image.dtype for image in images).most_common()),
        "encodings": dict(Counter(i.encoding for i in images if i.encoding).most_common()),
        "classes": dict(Counter(i.label for i in images if i.label is not None).most_common()),
    }


def parts(images: Sequence[Image]) -> dict[str, dict[str, int]]:
    """Images and groups of each part under split seed 0; nothing where groups are not known.

    Groups with an equal image in common are joined; near duplicates are not looked for.
    """
    if not images or any(image.group is None for image in images):
        return {}
    groups = merge_duplicates(
        np.array([image.group for image in images]),
        np.array([image.digest.hex() for image in images]),
    )
    labels = np.array([image.label or "" for image in images])
    part_of = assign(groups, labels if any(labels) else None)
    return {
        part: {
            "images": int((part_of == part).sum()),
            "groups": len(np.unique(groups[part_of == part])),
        }
        for part in PARTS
    }


def findings(images: Sequence[Image]) -> Iterator[Finding]:
    """What is mixed, alone in its class, or there twice."""
    found = counts(images)
    for kind in ("sizes", "channels", "types"):
        if len(found[kind]) > 1:
            yield Finding(kind, f"mixed {kind}: {counted(found[kind])}")
    yield from _compression(images)
    for label, count in found["classes"].items():
        if count == 1:
            only = next(image.name for image in images if image.label == label)
            message = (
                f"class {label} has one image, {only}: it cannot be both trained on and held out"
            )
            yield Finding("class of one", message, (only,))
    yield from _duplicates(images)


def _compression(images: Sequence[Image]) -> Iterator[Finding]:
    known = [image for image in images if image.encoding]
    lossy = [image for image in known if image.encoding.endswith(LOSSY)]
    if not 0 < len(lossy) < len(known):
        return
    message = f"mixed lossy ({len(lossy):,}) and lossless ({len(known) - len(lossy):,}) images"
    of_class = Counter(image.label for image in known if image.label is not None)
    if len(of_class) > 1:
        of_lossy = Counter(image.label for image in lossy)
        if all(of_lossy[label] in (0, count) for label, count in of_class.items()):
            names = ", ".join(label for label in of_class if label and of_lossy[label])
            message += f", exactly by class (lossy: {names}): compression alone tells them apart"
        else:
            shares = (f"{label} {of_lossy[label]} of {n}" for label, n in of_class.items())
            message += f"; lossy by class: {', '.join(shares)}"
    yield Finding("compression", message)


def _duplicates(images: Sequence[Image]) -> Iterator[Finding]:
    same = defaultdict(list)
    for image in images:
        same[image.digest].append(image)
    for copies in same.values():
        if len(copies) > 1:
            names = tuple(image.name for image in copies)
            labels = sorted({image.label for image in copies if image.label is not None})
            more = f", in classes {', '.join(labels)}" if len(labels) > 1 else ""
            yield Finding(
                "duplicates", f"the same image {len(names)} times: {_some(names)}{more}", names
            )


def name_findings(names: Sequence[str]) -> Iterator[Finding]:
    """What is to be said of names that cannot be written everywhere."""
    if names:
        message = f"names not in UTF-8 or with control characters: {_some(names)}"
        yield Finding("names", message, tuple(names))


def counted(counts: Mapping[str, int]) -> str:
    """Names with how many there are of each; of many, the first."""
    shown = [f"{name} ({count:,})" for name, count in list(counts.items())[:FEW]]
    return _ended(shown, len(counts))


def _some(names: Sequence[str]) -> str:
    return _ended(list(names[:FEW]), len(names))


def _ended(shown: Sequence[str], count: int) -> str:
    return ", ".join(shown) + (f" and {count - len(shown):,} more" if count > len(shown) else "")
