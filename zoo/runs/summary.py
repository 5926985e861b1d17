"""One line for each run: what a list of runs shows."""

from typing import Any

from zoo.errors import ZooError
from zoo.runs.folder import Run


def summary(run: Run) -> dict[str, Any]:
    """Name, path, status, generator, data, step, kimg and headline metric of a run.

    What is not known is `None`; a run whose files are damaged has the status `damaged` and a
    `reason`.
    """
    known = {"name": run.path.resolve().name, "path": str(run.path)}
    try:
        return known | _facts(run)
    except ZooError as error:
        return known | dict.fromkeys(FACTS) | {"status": "damaged", "reason": str(error)}


FACTS = ("status", "reason", "generator", "data", "step", "kimg", "started", "headline")


def _facts(run: Run) -> dict[str, Any]:
    recipe, manifest = run.recipe, run.manifest
    dataset = manifest.get("dataset") or {}
    return {
        "status": run.status,
        "reason": manifest.get("reason") or None,
        "generator": recipe.get("generator"),
        "data": dataset.get("name") or recipe.get("data"),
        "step": manifest.get("step"),
        "kimg": manifest.get("kimg"),
        "started": manifest.get("started"),
        "headline": _headline(run),
    }


def _headline(run: Run) -> dict[str, Any] | None:
    from zoo.report.numbers import headline

    metric = headline(run.read_json(run.evaluation_path) or {})
    return {key: metric.get(key) for key in ("name", "value", "ratio")} if metric else None
