"""All numbers that the report of a dataset states, as JSON values."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.curate import cautions, parse, select
from zoo.data.decode import LOSSY
from zoo.data.imageset import PARTS, ImageSet
from zoo.data.loading import MIN_TRAINING, Opened
from zoo.data.plan import Plan
from zoo.data.survey import Survey
from zoo.report.histogram import Histogram
from zoo.report.outliers import FAR, Outlier

LISTED = 100
DOUBTFUL = parse("artefacts:1,unique,distinct")  # 1: none is set aside for saturation

Rows = npt.NDArray[np.int64]


def facts(opened: Opened, counted: Histogram, found: Mapping[str, list[Outlier]]) -> dict[str, Any]:
    """Everything that is known of a dataset.

    Args:
        opened: The dataset.
        counted: Histogram of its raw values.
        found: What `zoo.report.outliers.outliers` returned.
    """
    images, survey, plan = opened.images, opened.survey, opened.plan
    kept = np.flatnonzero(plan.reasons == "")
    return {
        "name": images.name,
        "fingerprint": images.fingerprint,
        "source_images": len(survey),
        "used": len(kept),
        "training_images": int((images.parts == PARTS[0]).sum()),
        "least_training_images": MIN_TRAINING,
        "shape": list(images.shape),
        "raw_dtype": images.intensity.raw_dtype,
        "stored_dtype": images.dtype.name,
        "masks": _masks(images),
        "groups": _groups(plan, kept),
        "classes": _classes(images, plan, kept),
        "encodings": _encodings(survey, plan, kept),
        "histogram": {"edges": counted.edges.tolist(), "counts": counted.counts.tolist()},
        "duplicates": _duplicates(survey, plan),
        "outliers": {kind: _outliers(survey, rows) for kind, rows in found.items()},
        "counts": {**_counts(survey, kept), "far": sum(each.value > FAR for each in found["far"])},
        "left_out": _left_out(survey, plan),
        "cautions": list(cautions(parse(images.provenance.get("curate", "")))),
        "provenance": dict(images.provenance),
    }


def doubtful(opened: Opened) -> list[tuple[str, str]]:
    """(id, reason) of blank images and of all copies but one, in the order of the set."""
    plan, survey = opened.plan, opened.survey
    reasons = select(survey, DOUBTFUL, parts=plan.parts, reasons=plan.reasons)
    rows = np.flatnonzero(reasons != plan.reasons)
    return [(str(survey.columns["id"][row]), str(reasons[row])) for row in rows]


def pairs(survey: Survey) -> Iterator[tuple[str, int, int]]:
    """(`exact` or `near`, row, row) of copies, the two kinds taking turns while there are both."""
    exact, near = _exact(survey), _near(survey)
    for i in range(max(len(exact), len(near))):
        for kind, found in (("exact", exact), ("near", near)):
            if i < len(found):
                yield kind, int(found[i, 0]), int(found[i, 1])


def _exact(survey: Survey) -> Rows:
    """(m, 2): the first of equal images with each of the others."""
    _, first, of = np.unique(survey.columns["digest"], return_index=True, return_inverse=True)
    rows = np.arange(len(of))
    others = rows[first[of] != rows]
    return np.stack([first[of][others], others], axis=1)


def _near(survey: Survey) -> Rows:
    digests = survey.columns["digest"][survey.pairs]
    near: Rows = survey.pairs[digests[:, 0] != digests[:, 1]]
    return near


def _duplicates(survey: Survey, plan: Plan) -> dict[str, Any]:
    exact, near = _exact(survey), _near(survey)
    both = np.concatenate([exact, near])
    kept = (plan.reasons[both] == "").all(axis=1)
    labels = np.zeros(len(survey), np.int64) if plan.labels is None else plan.labels
    ids = survey.columns["id"]
    return {
        "exact_copies": len(exact),
        "near_pairs": len(near),
        "pairs_in_use": int(kept.sum()),
        "pairs_of_different_classes": int((labels[both[:, 0]] != labels[both[:, 1]]).sum()),
        "exact": [[str(ids[a]), str(ids[b])] for a, b in exact[:LISTED]],
        "near": [[str(ids[a]), str(ids[b])] for a, b in near[:LISTED]],
    }


def _masks(images: ImageSet) -> dict[str, int]:
    if images.instances is None:
        return {}
    return {"images": len(images), "objects": int(images.fields["objects"].sum())}


def _groups(plan: Plan, kept: Rows) -> dict[str, Any]:
    names, sizes = np.unique(plan.groups[kept], return_counts=True)
    largest = int(sizes.argmax())
    return {
        "number": len(names),
        "median_source_images": float(np.median(sizes)),
        "largest": {"group": str(names[largest]), "source_images": int(sizes[largest])},
        "with_one_source_image": int((sizes == 1).sum()),
    }


def _classes(images: ImageSet, plan: Plan, kept: Rows) -> list[dict[str, Any]]:
    if plan.labels is None or images.labels is None:
        return []
    rows = []
    for label, name in enumerate(plan.class_names):
        sources = kept[plan.labels[kept] == label]
        mine = images.labels == label
        rows.append(
            {
                "name": name,
                "source_images": len(sources),
                "groups": len(np.unique(plan.groups[sources])),
                "images": {part: int((mine & (images.parts == part)).sum()) for part in PARTS},
            }
        )
    return rows


def _encodings(survey: Survey, plan: Plan, kept: Rows) -> dict[str, Any]:
    """How many source images a lossy file holds, where the dataset says so of each."""
    if "codec" not in survey.fields:
        return {}
    lossy = np.char.endswith(survey.columns["codec"][kept].astype(str), LOSSY)
    by_class = {}
    for label, name in enumerate(plan.class_names):
        assert plan.labels is not None
        mine = plan.labels[kept] == label
        by_class[name] = {"images": int(mine.sum()), "lossy": int(lossy[mine].sum())}
    return {"images": len(kept), "lossy": int(lossy.sum()), "by_class": by_class}


def _outliers(survey: Survey, found: list[Outlier]) -> list[dict[str, Any]]:
    return [
        {"id": str(survey.columns["id"][each.row]), "value": each.value, "said": each.said}
        for each in found[:LISTED]
    ]


def _counts(survey: Survey, kept: Rows) -> dict[str, int]:
    """How many of the images in use the steps `artefacts` and `focus` would set aside."""
    columns = {name: survey.columns[name][kept] for name in ("blank", "saturated", "focus")}
    ((most,), (least,)) = (step.values for step in parse("artefacts,focus"))
    blank = columns["blank"] > 0
    return {
        "blank": int(blank.sum()),
        "saturated": int((columns["saturated"] > most).sum()),
        "blurred": int(((columns["focus"] < least) & ~blank).sum()),
    }


def _left_out(survey: Survey, plan: Plan) -> dict[str, Any]:
    rows = np.flatnonzero(plan.reasons != "")
    ids = survey.columns["id"]
    return {
        "number": len(rows),
        "images": [{"id": str(ids[i]), "reason": str(plan.reasons[i])} for i in rows[:LISTED]],
    }
