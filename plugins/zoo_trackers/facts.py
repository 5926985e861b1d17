"""What a run folder holds, in the flat form that trackers take."""

from typing import Any

from zoo.runs import Run


def parameters(run: Run) -> dict[str, Any]:
    """The recipe's values: settings by their names, the generator's options as `options.NAME`."""
    recipe = run.recipe
    options = {f"options.{name}": value for name, value in recipe.get("options", {}).items()}
    named = {"generator": recipe["generator"], "data": recipe["data"]}
    return {**named, **recipe.get("settings", {}), **options}


def scores(run: Run) -> dict[str, float]:
    """What was measured at the end, as `evaluation/fid`; empty before that."""
    measured = run.read_mapping(run.evaluation_path).get("metrics", [])
    return {f"evaluation/{score['name']}": float(score["value"]) for score in measured}


def last_step(run: Run) -> int:
    """The step that the training has reached."""
    return int(run.manifest.get("step", 0))
