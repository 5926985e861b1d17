"""What a report says of a dataset: where it is from, how it was cut, what is in each split."""

from collections import Counter
from typing import Any

import numpy as np

from zoo.data.crops import Crops
from zoo.data.imageset import PARTS, ImageSet
from zoo.data.source import Source
from zoo.data.splits import MIN_GROUPS
from zoo.data.view import View
from zoo.specs import Dataset


def origin(record: Dataset, source: Source) -> dict[str, Any]:
    """Licence, homepage, citation, archive with its hash, and other facts of the source."""
    stated = {
        "summary": record.summary,
        "licence": record.licence,
        "homepage": record.homepage,
        "citation": record.citation,
        "paper": record.paper,
    }
    known: dict[str, Any] = {key: value for key, value in stated.items() if value}
    known["verified_on_official_archive"] = record.verified
    if record.where:
        known["where"] = dict(record.where)
    return known | dict(source.facts)


def counts(
    images: ImageSet, crops: Crops, *, view: View, split_seed: int, label: str | None
) -> dict[str, Any]:
    """View, splits and what was left out."""
    height, width, channels = images.shape[1:]
    facts: dict[str, Any] = {
        "view": {
            "kind": view.kind,
            "image_size": [height, width],
            "channels": channels,
            "downscale": view.downscale,
            "min_foreground": view.min_foreground,
        },
        "images": len(images),
        **{key: crops.facts[key] for key in ("source_images", "source_sizes")},
        "tiles_without_foreground": crops.facts["without_foreground"],
        "notes": crops.facts["notes"],
        "split_seed": split_seed,
        "duplicates": "exact ones are in one part; near ones are not looked for",
        "splits": {part: _split(images, part) for part in PARTS},
    }
    if images.labels is not None:
        facts["label"] = label or "label"
    if joined := _joined(images, crops):
        facts["groups_joined_by_exact_duplicates"] = joined
    if (n := len(np.unique(images.groups))) < MIN_GROUPS:
        facts["no_held_out"] = (
            f"{n} group{'s' * (n != 1)}; held-out images need at least {MIN_GROUPS}, so all train "
            "and nothing is measured against held-out images"
        )
    return facts | {"rejected": crops.facts["rejected"]}


def _split(images: ImageSet, part: str) -> dict[str, Any]:
    chosen = images.split(part)
    facts: dict[str, Any] = {"images": len(chosen), "groups": len(np.unique(chosen.groups))}
    if chosen.labels is not None:
        found = Counter(chosen.labels.tolist())
        facts |= {name: found.get(i, 0) for i, name in enumerate(images.class_names)}
    return facts


def _joined(images: ImageSet, crops: Crops) -> int:
    return len(np.unique(crops.columns["group"])) - len(np.unique(images.groups))
