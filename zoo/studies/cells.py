"""The cells of a study: a run each, with what is known of it in a file of its own."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, ZooError
from zoo.layers import blaming
from zoo.plugins import find
from zoo.recipe import Recipe, resolve, show
from zoo.runs import Run, write_json
from zoo.runs.files import json_mapping
from zoo.runs.folder import folder_name
from zoo.settings import has_gpu
from zoo.studies.design import Design

STAGES = ("training", "evaluation", "detection")
WAITING, FINISHED, FAILED, INTERRUPTED = "waiting", "finished", "failed", "interrupted"
MEASURED = ("eval", "score_images", "inception_weights", "inception_layer")
"""Settings that shape no weights, but the numbers."""


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Attributes:
        folder: The study's.
        number: Of its file and of its run's folder.
        generator: As the study names it.
        data: As the study names it.
        variant: Name of the options; empty where there is only one.
        seed: Of the training.
        recipe: Fully resolved.
        detectors: That are measured; `None` for those of `zoo run`.
    """

    folder: Path
    number: int
    generator: str
    data: str
    variant: str
    seed: int
    recipe: Recipe
    detectors: tuple[str, ...] | None = None

    def __str__(self) -> str:
        variant = f", {self.variant}" if self.variant else ""
        return f"{self.generator} on {self.data}{variant}, seed {self.seed}"

    path = property(lambda self: self.folder / "cells" / f"{self.number:05d}.json")
    log_path = property(lambda self: self.folder / "cells" / f"{self.number:05d}.log")

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What tells it from the others."""
        return (self.generator, self.data, self.variant, self.seed)

    @property
    def run(self) -> Run:
        """Its run; the folder is there once it has begun."""
        name = folder_name(self.number, self.recipe.generator, self.recipe.data)
        return Run(self.folder / "runs" / name)

    @property
    def begun(self) -> bool:
        """Whether there is a run."""
        return bool(self.run.recipe_path.is_file())

    @property
    def stages(self) -> tuple[str, ...]:
        """What has to be done, in this order."""
        if not self.recipe.settings["eval"]:
            return STAGES[:1]
        return STAGES[:2] if self.detectors == () else STAGES

    def next_stage(self) -> str | None:
        """The first stage that the run's folder lacks; `None` if it is finished and reported."""
        run = self.run
        if not self.begun or not run.manifest.get("sampled"):
            return STAGES[0]
        if run.status == FINISHED:
            return None if run.report_path.is_file() else self.stages[-1]
        done = {STAGES[1]: run.evaluation_path, STAGES[2]: run.detection_path}
        lacking = (stage for stage in self.stages[1:] if not done[stage].is_file())
        return next(lacking, self.stages[-1])

    @property
    def state(self) -> dict[str, Any]:
        """What its file holds of how far it is: `status`, `reason`, `attempts`, `host`, `pid`."""
        return json_mapping(self.path).get("state") or {"status": WAITING}

    def set_state(self, **values: Any) -> None:
        """Write the cell with some values of its state changed, the others kept."""
        state = {**(self.state if self.path.is_file() else {"status": WAITING}), **values}
        write_json(self.path, {**self.identity(), "state": state, "recipe": self.recipe.to_dict()})

    def identity(self) -> dict[str, Any]:
        """What it is, as JSON."""
        return {
            "number": self.number,
            "generator": self.generator,
            "data": self.data,
            "variant": self.variant,
            "seed": self.seed,
            "run": str(self.run.path.relative_to(self.folder)),
            "detectors": None if self.detectors is None else list(self.detectors),
        }

    @classmethod
    def from_file(cls, path: Path) -> "Cell":
        """The cell that `set_state` wrote.

        Raises:
            zoo.errors.ZooError: If its file is damaged.
        """
        held = json_mapping(path)
        try:
            facts = {name: held[name] for name in ("number", "generator", "data", "variant")}
            recipe = Recipe.from_dict(held["recipe"])
            names = held["detectors"]
            detectors = None if names is None else tuple(names)
            folder = path.parent.parent
            return cls(folder, **facts, seed=held["seed"], recipe=recipe, detectors=detectors)
        except (KeyError, TypeError) as error:
            raise ZooError(f"{path} is damaged: {error}") from None


def folder_of(design: Design, out: str | Path | None) -> Path:
    """The folder of a study, as an absolute path, for workers may be elsewhere."""
    return Path(out or Path("studies") / design.name).absolute()


def plan(design: Design, folder: Path, **sources: Any) -> list[Cell]:
    """The cells of a study, those that are in the folder already under the number they have.

    Args:
        design: The study.
        folder: Its folder; need not exist.
        **sources: Of `zoo.recipe.resolve`, such as `registry_file`.

    Raises:
        zoo.errors.UsageError: If an option or a value does not fit a generator, or a run in the
            folder was begun with others than the study now has.
    """
    numbers = {}
    for path in sorted((folder / "cells").glob("*.json")):
        held = json_mapping(path)
        key = tuple(held.get(name) for name in ("generator", "data", "variant", "seed"))
        numbers[key] = int(path.stem)
    free = max(numbers.values(), default=-1) + 1
    cells = []
    with blaming(f"study {design.name}"):
        recipes = list(_recipes(design, folder, sources))
    for facts, recipe in recipes:
        number = numbers.get(facts, free)
        free += facts not in numbers
        generator, data, variant, seed = facts
        cell = Cell(folder, number, generator, data, variant, seed, recipe, design.detectors)
        _check_unchanged(cell)
        cells.append(cell)
    return cells


def _recipes(
    design: Design, folder: Path, sources: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, str, str, int], Recipe]]:
    """Seed by seed, so that every generator has a number early."""
    settings = {**_placed(design), **design.settings, "out": str(folder / "runs")}
    for seed in design.seeds:
        for data in design.data:
            for generator in design.generators:
                for variant in design.variants:
                    recipe = resolve(
                        generator,
                        data,
                        settings={**settings, "seed": seed},
                        options=variant.options,
                        origin=f"study {design.name}",
                        **sources,
                    )
                    yield (generator, data, variant.name, seed), recipe


def gpus_of(design: Design) -> float:
    """GPUs of each run: what the study says, or one where there is one."""
    if design.resources.gpus is not None:
        return design.resources.gpus
    return float(design.settings.get("device") != "cpu" and has_gpu())


def _placed(design: Design) -> dict[str, Any]:
    gpus = gpus_of(design)
    threads = {"threads": max(1, int(design.resources.cpus))}
    return threads | ({"gpus": max(1, int(gpus))} if gpus else {"device": "cpu"})


def _check_unchanged(cell: Cell) -> None:
    if not cell.begun:
        return
    before = Recipe.from_dict(cell.run.recipe)
    differing = before.differences(cell.recipe)
    differing += [
        f"{name}: {show(before.settings[name])}, not {show(cell.recipe.settings[name])}"
        for name in MEASURED
        if before.settings[name] != cell.recipe.settings[name]
    ]
    kept = json_mapping(cell.path).get("detectors", cell.identity()["detectors"])
    if kept != cell.identity()["detectors"]:
        differing.append(f"detectors: {kept or 'none'}, not {list(cell.detectors or ())}")
    if differing:
        raise UsageError(
            f"{cell.folder} holds {cell} with {'; '.join(differing)}: choose another --out, or "
            f"remove {cell.run.path}"
        )


def check_paths(cells: Iterable[Cell]) -> None:
    """Refuse to start without the folders that data are read from.

    Raises:
        zoo.errors.UsageError: Naming the first that is missing.
    """
    for name in dict.fromkeys(cell.recipe.data for cell in cells):
        record = find("datasets", name)
        path = name.partition(f"{record.name}:")[2]
        if record.scheme == "path" and not Path(path).expanduser().exists():
            raise UsageError(f"data: {name}: there is no {path}")
