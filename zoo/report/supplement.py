"""What a manuscript takes from a run: tables as files, references, and a methods paragraph."""

from typing import Any

from zoo.report.contents import Contents
from zoo.report.detected import matrices, robustness
from zoo.report.grid import Table, write_tables
from zoo.report.methods import paragraph
from zoo.report.references import bibtex, components, references, used
from zoo.report.results import controls, detectors, memorisation, readers, scores
from zoo.report.tables import settings, splits, timings
from zoo.report.worth import worth
from zoo.runs import Run, write_text


def write_supplement(run: Run, contents: Contents) -> dict[str, Any]:
    """Write `references.bib` and `tables/` into a folder with the files of a run.

    Returns:
        The same for the page, by the names of its templates.
    """
    cited = _cited(run, contents)
    return cited | _tables(run, contents, cited["components"])


def _cited(run: Run, contents: Contents) -> dict[str, Any]:
    """What the run used, the references for it, also as a file, and a paragraph that cites them."""
    things = used(contents)
    listed = references(things)
    write_text(run.references_path, bibtex(listed))
    cited = {"components": components(things), "references": listed, "bibtex": bibtex(listed)}
    return cited | {"methods": paragraph(contents, things)}


def _tables(run: Run, contents: Contents, components: Table) -> dict[str, Any]:
    """The tables of the page, which are also written as files."""
    parts = (scores, detectors, controls, memorisation, readers, settings)
    tables = [part(contents) for part in parts]
    tables += [robustness(contents.detection.get("robustness") or []), timings(contents.manifest)]
    across, useful = matrices(contents.detection.get("across") or {}), worth(contents)
    beside = [
        components,
        *across,
        *useful["utility"],
        *useful["segmentation"],
        splits(contents.data),
    ]
    write_tables(run.tables, [*tables, *beside])
    return {"tables": {table.name: table for table in tables}, "matrices": across, "worth": useful}
