"""The report of a dataset: one HTML file that needs nothing else."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.imageset import PARTS
from zoo.data.loading import Opened, open_dataset
from zoo.data.locking import slug
from zoo.report.dataset_facts import doubtful, facts, pairs
from zoo.report.dataset_findings import findings
from zoo.report.dataset_pictures import (
    COLUMNS,
    sheets_of_classes,
    sheets_of_parts,
    thumbnail_of,
)
from zoo.report.environment import environment
from zoo.report.grid import Cell, Column, Line, Table, cell
from zoo.report.histogram import drawn, histogram
from zoo.report.numbers import count, flat
from zoo.report.outliers import SHOWN, outliers
from zoo.report.tables import data_shown
from zoo.runs.files import write_text
from zoo.runs.tables import csv_text

PAIRS = 12
# Shown elsewhere.
OWN = (
    *("left_out", "notes", "intensity", "summary", "licence", "homepage", "citation", "paper"),
    *("archives", "verified_on_official_archive", "fallback"),
)
KINDS = {
    "blank": "Blank",
    "blurred": "Least sharp",
    "saturated": "Most saturated",
    "far": "Farthest from the others",
}


def build(name: str, path: str | Path | None = None, **settings: Any) -> Path:
    """Write the report of a dataset.

    Args:
        name: What `zoo list datasets` shows, or a scheme with its argument.
        path: The HTML file; by default the name with `.html` in the working folder.
        **settings: Those of `zoo.data.loading.open_dataset`, such as `image_size=64`.

    Returns:
        The path of the report.

    Raises:
        zoo.errors.UsageError: As `open_dataset`.
        zoo.errors.ZooError: As `open_dataset`, and if the file cannot be written.
    """
    opened = open_dataset(name, **settings)
    path = Path(path or default_path(opened))
    write_report(path, opened)
    return path


def default_path(opened: Opened) -> Path:
    """Where the report lies if nobody says."""
    return Path(f"{slug(opened.images.name)}.html")


def write_report(path: Path, opened: Opened) -> dict[str, Any]:
    """Write the report of an opened dataset and return the facts in it, as JSON values."""
    images, survey, plan = opened.images, opened.survey, opened.plan
    channels = images.shape[3]
    counted = histogram(survey.samples, np.flatnonzero(plan.training), channels=channels)
    found = outliers(survey, np.flatnonzero(plan.reasons == ""), channels=channels)
    known = facts(opened, counted, found)
    verdicts = findings(known)
    names = images.provenance.get("channels", ())
    shown = {
        "facts": known,
        "findings": verdicts,
        "dataset": _origin(known),
        "data": _data(images.provenance),
        "intensity": flat(images.provenance["intensity"]),
        "classes": _classes(known),
        "histogram": drawn(counted, images.intensity, names),
        "sheets": list(sheets_of_parts(images)),
        "columns": COLUMNS,
        "class_sheets": list(sheets_of_classes(images)),
        "pairs": _pairs(opened),
        "outliers": [
            (title, [thumbnail_of(survey, each.row, each.said) for each in found[kind][:SHOWN]])
            for kind, title in KINDS.items()
        ],
    }
    write_text(path, environment(html_page=True).get_template("dataset.html").render(shown))
    return {"findings": [_as_json(verdict) for verdict in verdicts], **known}


def write_reject_list(path: Path, opened: Opened) -> None:
    """Write a CSV of blank images and of all copies but one, as `--reject` takes it."""
    write_text(path, csv_text([("id", "reason"), *doubtful(opened)]))


def _as_json(verdict: Any) -> dict[str, str]:
    return {"level": verdict.level, "title": verdict.title, "text": verdict.text}


def _pairs(opened: Opened) -> list[tuple[str, list[Any]]]:
    """(kind, [one, other]) of the first pairs of copies."""
    return [
        (kind, [thumbnail_of(opened.survey, row, _place(opened, row)) for row in rows])
        for kind, *rows in islice(pairs(opened.survey), PAIRS)
    ]


def _place(opened: Opened, row: int) -> str:
    """Class and part of a source image, or why it is left out."""
    plan = opened.plan
    label = "" if plan.labels is None else plan.class_names[plan.labels[row]]
    return ", ".join(filter(None, [label, str(plan.reasons[row] or plan.parts[row])]))


def _data(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What has no section of its own, for `parts.splits` and `parts.prepared`."""
    splits = {
        part: {key: found[key] for key in ("images", "groups")}
        for part, found in provenance["splits"].items()
    }
    rest = {key: value for key, value in provenance.items() if key not in OWN}
    return data_shown({**rest, "splits": splits})


def _classes(known: Mapping[str, Any]) -> Table:
    """Images of each class, with bars of their share of a part."""
    sizes = {part: known["provenance"]["splits"][part]["images"] for part in PARTS}
    parts = [part for part in PARTS if sizes[part]]
    columns = (
        Column("Class", left=True),
        *(Column(name, ("",)) for name in ("Source images", "Groups", *parts)),
    )
    lines = tuple(
        Line(
            (
                Cell(row["name"]),
                *(cell(row[key], count) for key in ("source_images", "groups")),
                *(_part(row["images"][part], sizes[part]) for part in parts),
            )
        )
        for row in known["classes"]
    )
    caption = "Images of each part by class; bars: share of the part."
    return Table("classes", "Classes", caption, columns, lines)


def _part(images: int, size: int) -> Cell:
    return cell(images, count, share=round(100 * images / size))


def _origin(known: Mapping[str, Any]) -> dict[str, Any]:
    """What `parts.origin` of the templates shows."""
    provenance = known["provenance"]
    archives = provenance.get("archives") or ()
    hashes = [f"{each['filename']}, {each['copy']}: {each['sha256']}" for each in archives]
    verified = provenance.get("verified_on_official_archive", True)
    more = [
        ("Summary", provenance.get("summary")),
        ("Paper", provenance.get("paper")),
        *(("Archive", text) for text in hashes),
        ("Tried on the official files", "" if verified and not archives else verified),
    ]
    return {
        **{key: provenance.get(key) for key in ("licence", "homepage", "citation")},
        "name": known["name"],
        "fingerprint": known["fingerprint"],
        "fallback_reason": provenance.get("fallback"),
        "more": [(name, value) for name, value in more if value not in (None, "")],
    }
