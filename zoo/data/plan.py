"""Which source images train, which are held out, and which are left out: decided before cutting."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.curate import Step, select
from zoo.data.lists import listed
from zoo.data.splits import assign, assign_official, merge_duplicates
from zoo.data.survey import Survey
from zoo.errors import UsageError
from zoo.plugins import unknown

Text = npt.NDArray[np.str_]

LARGEST_GROUP = 0.3  # of all images


@dataclass(frozen=True, eq=False)
class Plan:
    """What becomes of each of n source images.

    Attributes:
        groups: (n,) groups, those joined that share an exact or near duplicate.
        parts: (n,) names out of `zoo.data.PARTS`.
        labels: (n,) indices into `class_names`, or `None`.
        class_names: Names of the classes; empty without labels.
        reasons: (n,) why an image is left out; empty if it is kept.
        torn: Number of groups that an official split tears apart.
    """

    groups: Text
    parts: Text
    labels: npt.NDArray[np.int64] | None
    class_names: tuple[str, ...]
    reasons: Text
    torn: int = 0

    @property
    def training(self) -> npt.NDArray[np.bool_]:
        """(n,) which images train."""
        chosen: npt.NDArray[np.bool_] = (self.parts == "train") & (self.reasons == "")
        return chosen

    @property
    def held_out(self) -> npt.NDArray[np.bool_]:
        """(n,) which images are held out."""
        chosen: npt.NDArray[np.bool_] = (self.parts != "train") & (self.reasons == "")
        return chosen


def make_plan(
    survey: Survey,
    *,
    label: str | None,
    split: str,
    split_seed: int,
    steps: Sequence[Step],
    accept: str | Path | None,
    reject: str | Path | None,
    set_aside: Sequence[str] = (),
) -> Plan:
    """Split the source images by group, then choose among them.

    Choosing comes second, so that no choice moves an image to another part.

    Raises:
        zoo.errors.UsageError: If there is no such label field or no official split, or a list
            names nothing that is there.
    """
    columns = survey.columns
    labels, class_names = _labels(survey.fields, label)
    groups = merge_duplicates(columns["group"], columns["digest"], survey.pairs)
    own, _ = _labels(survey.fields, None)  # so that choosing another label moves no image
    parts, torn = _parts(columns, groups, own, split, split_seed)
    _warn_of_one_group(groups)
    kept = listed(columns["id"], accept, reject, set_aside=set_aside)
    reasons = np.full(len(kept), "") if kept.all() else np.where(kept, "", "not listed")
    reasons = select(survey, steps, parts=parts, labels=labels, reasons=reasons)
    return Plan(groups, parts, labels, class_names, reasons, torn)


def _parts(
    columns: Mapping[str, Any],
    groups: Text,
    labels: npt.NDArray[np.int64] | None,
    split: str,
    seed: int,
) -> tuple[Text, int]:
    if split == "grouped":
        _warn_of_official_split(columns, groups)
        return assign(groups, labels, seed=seed), 0
    if "split" not in columns:
        raise UsageError("there is no official split; leave out --split official")
    parts, torn = assign_official(columns["split"], groups, seed=seed)
    if torn:
        print(
            f"warning: the official split tears {torn} groups apart; their images train",
            file=sys.stderr,
        )
    return parts, torn


def _warn_of_official_split(columns: Mapping[str, Any], groups: Text) -> None:
    """Where images name no group, the official split may know of patients that they do not name."""
    several = "split" in columns and len(np.unique(columns["split"])) > 1
    if several and len(np.unique(groups)) == len(groups):
        print(
            "warning: the images name no patient or slide, and there is an official split, which "
            "may go by them: --split official takes it",
            file=sys.stderr,
        )


def _warn_of_one_group(groups: Text) -> None:
    _, counts = np.unique(groups, return_counts=True)
    if len(counts) > 1 and counts.max() > LARGEST_GROUP * len(groups):
        print(
            f"warning: one group holds {counts.max()} of {len(groups)} images, all of which are in "
            "one part; `zoo data report` shows which look alike",
            file=sys.stderr,
        )


def _labels(
    fields: Mapping[str, npt.NDArray[Any]], label: str | None
) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    if label is None and "label" not in fields:
        return None, ()
    if (chosen := label or "label") not in fields:
        raise unknown("field to use as label", chosen, fields)
    names, labels = np.unique(fields[chosen], return_inverse=True)
    if label is not None and len(names) > max(2, len(labels) / 2):
        raise UsageError(
            f"label={label}: {len(names)} classes among {len(labels)} images; it is no class"
        )
    return labels.astype(np.int64), tuple(str(name) or "unlabelled" for name in names)
