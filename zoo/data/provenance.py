"""What a report says of a dataset: where it is from, how it was cut, what is in each split."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.data.crops import Crops
from zoo.data.decode import encodings
from zoo.data.imageset import PARTS, ImageSet
from zoo.data.plan import Plan
from zoo.data.splits import MIN_GROUPS
from zoo.data.survey import Survey
from zoo.data.view import View
from zoo.specs import Dataset


def origin(record: Dataset, found: Mapping[str, Any]) -> dict[str, Any]:
    """Licence, homepage, citation, archive with its hash, and other facts of the source."""
    stated = {
        "summary": record.summary,
        "licence": record.licence,
        "homepage": record.homepage,
        "citation": record.citation,
        "paper": record.paper,
    }
    known: dict[str, Any] = {key: value for key, value in stated.items() if value}
    if record.archives:
        known["verified_on_official_archive"] = record.verified
    if record.where:
        known["where"] = dict(record.where)
    return known | _encodings(found) | dict(found)


def _encodings(facts: Mapping[str, Any]) -> dict[str, Any]:
    """How many files of a prepared dataset have each encoding, where its builder counted them."""
    formats = facts.get("contents", {}).get("by", {}).get("codec")
    return encodings(formats) if formats else {}


def counts(images: ImageSet, crops: Crops, plan: Plan, *, view: View) -> dict[str, Any]:
    """View, splits, intensity and what was left out."""
    height, width, channels = images.shape[1:]
    facts: dict[str, Any] = {
        "view": {
            "kind": view.kind,
            "image_size": [height, width],
            "channels": channels,
            "downscale": view.downscale,
            "min_foreground": view.min_foreground,
            **({"share_cut_off": crops.facts["cut_off"]} if crops.facts["cut_off"] else {}),
            **_margins(crops),
        },
        "intensity": images.intensity.facts(),
        **_pixel_size(crops),
        "images": len(images),
        **{key: crops.facts[key] for key in ("source_images", "source_sizes")},
        "tiles_without_foreground": crops.facts["without_foreground"],
        "notes": crops.facts["notes"],
        "splits": {part: _split(images, part) for part in PARTS},
    }
    if joined := _joined(crops.survey, plan):
        facts["groups_joined_by_duplicates"] = joined
    if plan.torn:
        facts["groups_torn_by_official_split"] = plan.torn
    if left_out := Counter(plan.reasons[plan.reasons != ""].tolist()):
        facts["left_out"] = dict(left_out.most_common())
    if (images.parts == PARTS[0]).all():
        facts["no_held_out"] = f"{_why_none(plan)}, so nothing is measured against held-out images"
    return facts | {"rejected": crops.facts["rejected"]}


def _margins(crops: Crops) -> dict[str, Any]:
    """What to cut off an exported image: known if all images were filled up alike."""
    margins = crops.facts["margins"]
    if not np.any(margins):
        return {}
    if len(margins) == 1:
        return {"margins": margins[0]}
    return {"margins": "differ, so that exported images keep them"}


def _pixel_size(crops: Crops) -> dict[str, Any]:
    """(y, x) in µm of a pixel of the training images, or the range of both."""
    sizes = crops.survey.columns["pixel_size"][crops.columns["row"]] * crops.columns["scale"]
    if not np.isfinite(sizes).all():
        return {}
    low, high = sizes.min(axis=0), sizes.max(axis=0)
    if np.allclose(low, high, rtol=1e-3):
        return {"pixel_size_um": [float(f"{side:.6g}") for side in sizes.mean(axis=0)]}
    return {"pixel_size_um_range": [low.tolist(), high.tolist()]}


def _split(images: ImageSet, part: str) -> dict[str, Any]:
    chosen = images.split(part)
    facts: dict[str, Any] = {"images": len(chosen), "groups": len(np.unique(chosen.groups))}
    if chosen.labels is not None:
        found = Counter(chosen.labels.tolist())
        facts |= {name: found.get(i, 0) for i, name in enumerate(images.class_names)}
    return facts


def _why_none(plan: Plan) -> str:
    if (plan.parts != PARTS[0]).any():
        return "all held-out images are left out"
    n = len(np.unique(plan.groups))
    return f"{n} group{'s' * (n != 1)}; held-out images need at least {MIN_GROUPS}: all train"


def _joined(survey: Survey, plan: Plan) -> int:
    return len(np.unique(survey.columns["group"])) - len(np.unique(plan.groups))
