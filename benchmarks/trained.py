"""The run that a study is about: one that is named, or one of its own, continued or new."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def trained(
    generator: str,
    data: str,
    *,
    run: Path | None,
    parent: Path,
    size: int,
    kimg: float,
    preset: str,
    options: Mapping[str, Any],
    with_mask: bool = False,
) -> Any:
    """A finished run, found again after an interruption by what it was made of."""
    import zoo
    from zoo.runs import Run
    from zoo.runs.folder import list_runs
    from zoo.workflow import resume

    if run:
        return Run.open(run)
    settings = {"kimg": kimg, "image_size": [size, size], "seed": 0, "with_mask": with_mask}
    asked = {"settings": {**settings, "preset": preset}, "options": options}
    for found in list_runs(parent):
        recipe = found.recipe
        same = all(
            recipe[part].get(name) == value
            for part, values in asked.items()
            for name, value in values.items()
        )
        if same and (recipe["generator"], recipe["data"]) == (generator, data):
            return found if found.status == "finished" else resume(found.path)
    return zoo.run(
        generator,
        data,
        **{**settings, "image_size": size},
        preset=preset,
        eval=False,
        out=str(parent),
        options=dict(options),
    )


def weights_hash(run: Any) -> str:
    """SHA-256 of a run's last weights."""
    from zoo.data.hashing import file_hash

    return file_hash(run.snapshot_path(run.snapshot_step()))
