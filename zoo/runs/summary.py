"""One line for each run: what a list of runs shows."""

from typing import Any

from zoo.errors import ZooError
from zoo.runs.folder import Run


def summary(run: Run) -> dict[str, Any]:
    """Name, path, status, generator, data, step, kimg and headline metric of a run.

    What is not known is `None`. A run whose files are damaged has the status `damaged` and a
    `reason`; one that calls itself running while no process holds it was killed and is
    `interrupted`.
    """
    known = {"name": run.path.resolve().name, "path": str(run.path)}
    try:
        return known | _facts(run)
    except ZooError as error:
        reason = str(error)
    except (AttributeError, KeyError, TypeError) as error:
        reason = f"its files hold what no run writes: {error}"
    return known | dict.fromkeys(FACTS) | {"status": "damaged", "reason": reason}


FACTS = ("status", "reason", "generator", "data", "step", "kimg", "started", "headline")


def _facts(run: Run) -> dict[str, Any]:
    recipe, manifest = run.recipe, run.manifest
    dataset = manifest.get("dataset") or {}
    killed = run.status == "running" and not run.in_use
    return {
        "status": "interrupted" if killed else run.status,
        "reason": "killed" if killed else manifest.get("reason") or None,
        "generator": recipe.get("generator"),
        "data": dataset.get("name") or recipe.get("data"),
        "step": manifest.get("step"),
        "kimg": manifest.get("kimg"),
        "started": manifest.get("started"),
        "headline": _headline(run),
    }


def _headline(run: Run) -> dict[str, Any] | None:
    from zoo.report.numbers import headline

    metric = headline(run.read_mapping(run.evaluation_path))
    return {key: metric.get(key) for key in ("name", "value", "ratio")} if metric else None
