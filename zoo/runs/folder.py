"""One run on disk. Nothing but this module knows where in the folder a thing lies."""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, ZooError
from zoo.filenames import file_name
from zoo.plain import parse_json, parse_yaml
from zoo.runs.files import (
    append_line,
    json_mapping,
    locked,
    mapping,
    read_text,
    remove_folder,
    write_json,
    write_text,
    write_yaml,
)

DAMAGED_LINE = (ValueError, KeyError, TypeError, OverflowError, RecursionError)


class Run:
    """A run folder such as `runs/00003-dcgan-bbbc-simulated`.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, parent: Path, generator: str, data: str) -> "Run":
        """Make a folder with the next free number under `parent`."""
        return cls.named(parent, _words(generator, data))

    @classmethod
    def named(cls, parent: Path, words: str) -> "Run":
        """The same, with other words after the number."""
        check_parent(parent)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            while True:
                name = f"{_next_number(parent):05d}-{file_name(words, longest=81)}"
                with contextlib.suppress(FileExistsError):
                    (parent / name).mkdir()
                    return cls(parent / name)
        except OSError as error:
            raise ZooError(f"cannot write into {parent}: {error.strerror}") from error

    @classmethod
    def open(cls, path: "str | Path | Run") -> "Run":
        """Open an existing run folder; a run is returned as it is.

        Raises:
            zoo.errors.UsageError: If the folder is missing or is no run.
        """
        if isinstance(path, Run):
            return path
        run = cls(Path(path))
        if not run.path.is_dir():
            raise UsageError(f"no run folder {path}; `zoo runs list` shows what there is")
        if not run.recipe_path.is_file():
            raise UsageError(f"{path} is no run folder: it holds no {run.recipe_path.name}")
        return run

    @property
    def name(self) -> str:
        """The folder's name, such as `00003-dcgan-bbbc-simulated`."""
        return self.path.name

    recipe_path = property(lambda self: self.path / "recipe.yaml")
    manifest_path = property(lambda self: self.path / "manifest.json")
    metrics_path = property(lambda self: self.path / "metrics.jsonl")
    data_path = property(lambda self: self.path / "data.json")
    log_path = property(lambda self: self.path / "run.log")
    evaluation_path = property(lambda self: self.path / "evaluation.json")
    detection_path = property(lambda self: self.path / "detection.json")
    memorisation_path = property(lambda self: self.path / "memorisation.json")
    utility_path = property(lambda self: self.path / "utility.json")
    utility_cells = property(lambda self: self.path / "utility")
    segmentation_path = property(lambda self: self.path / "segmentation.json")
    segmentation_cells = property(lambda self: self.path / "segmentation")
    turing_path = property(lambda self: self.path / "turing.json")
    turing = property(lambda self: self.path / "turing")
    nearest_path = property(lambda self: self.path / "nearest.json")
    feedback_path = property(lambda self: self.path / "feedback.jsonl")
    labels = property(lambda self: self.path / "labels")
    generator_path = property(lambda self: self.path / "generator.keras")
    report_path = property(lambda self: self.path / "report.html")
    card_path = property(lambda self: self.path / "MODEL_CARD.md")
    checkpoints = property(lambda self: self.path / "checkpoints")
    snapshots = property(lambda self: self.path / "snapshots")
    samples = property(lambda self: self.path / "samples")
    generated = property(lambda self: self.path / "generated")
    generated_masks = property(lambda self: self.path / "generated-masks")
    scores_path = property(lambda self: self.path / "samples" / "scores.csv")
    animation_path = property(lambda self: self.path / "samples" / "training.webp")
    detectors = property(lambda self: self.path / "detectors")
    figures = property(lambda self: self.path / "figures")
    tensorboard = property(lambda self: self.path / "tensorboard")
    mlflow_path = property(lambda self: self.path / "mlflow.json")
    tables = property(lambda self: self.path / "tables")
    references_path = property(lambda self: self.path / "references.bib")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for writing.

        Raises:
            zoo.errors.ZooError: At once, if another process holds it.
        """
        with locked(self.path / ".lock", f"{self.path} is in use by another zoo process"):
            yield

    @property
    def recipe(self) -> dict[str, Any]:
        """What `recipe.yaml` holds."""
        held = parse_yaml(read_text(self.recipe_path), str(self.recipe_path))
        return mapping(held, self.recipe_path)

    @property
    def manifest(self) -> dict[str, Any]:
        """What `manifest.json` holds; empty before it is first written."""
        return self.read_mapping(self.manifest_path)

    @property
    def status(self) -> str:
        """`running`, `finished`, `failed` or `interrupted`, as the run's process last wrote it."""
        return str(self.manifest.get("status", "running"))

    @property
    def class_names(self) -> list[str]:
        """The classes of the data, in the order of their labels; none without labels."""
        return [str(name) for name in self.manifest.get("class_names") or []]

    @property
    def in_use(self) -> bool:
        """Whether a process holds the run; so one whose lock cannot be tried counts too."""
        if not (self.path / ".lock").exists():
            return False
        try:
            with self.lock():
                return False
        except ZooError:
            return True

    def snapshot_path(self, step: int) -> Path:
        """Where the averaged generator of a step lies."""
        return Path(self.snapshots, f"{step:08d}.weights.npz")

    def sample_path(self, shown: int | str) -> Path:
        """Where a picture lies: of a step's fixed latents, or one with a name."""
        name = shown if isinstance(shown, str) else f"{shown:08d}"
        return Path(self.samples, f"{name}.png")

    def snapshot_steps(self) -> list[int]:
        """The steps at which the averaged generator was stored, ascending."""
        return _steps(self.snapshots.glob("*.weights.npz"))

    def sample_steps(self) -> list[int]:
        """The steps of which there is a picture of the fixed latents, ascending."""
        return _steps(self.samples.glob("*.png"))

    def checkpoint_steps(self) -> list[int]:
        """The steps of which there is a checkpoint, ascending."""
        return _steps(self.checkpoints.glob("*.npz"))

    def snapshot_step(self, step: int | None = None) -> int:
        """The step of the snapshot that is asked for, by default of the last.

        Raises:
            zoo.errors.UsageError: If there is no snapshot, or none of that step.
        """
        steps = self.snapshot_steps()
        if not steps:
            raise UsageError(f"{self.path} holds no trained generator yet")
        if step is not None and step not in steps:
            choices = ", ".join(map(str, steps))
            raise UsageError(f"{self.path} has no snapshot of step {step}; choose from {choices}")
        return steps[-1] if step is None else step

    def write_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Save the resolved recipe."""
        write_yaml(self.recipe_path, dict(recipe))

    def update_manifest(self, **values: Any) -> None:
        """Set top-level keys of the manifest, keeping the others."""
        write_json(self.manifest_path, {**self.manifest, **values})

    def read_json(self, path: Path) -> Any:
        """The content of a JSON file in this folder, or `None` if there is none."""
        if not path.is_file():
            return None
        return parse_json(read_text(path), str(path))

    def read_mapping(self, path: Path) -> dict[str, Any]:
        """The content of a JSON file in this folder that holds an object; empty if none is there.

        Raises:
            zoo.errors.ZooError: If it is damaged, or holds something else.
        """
        return json_mapping(path)

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line to `metrics.jsonl`."""
        append_line(self.metrics_path, json.dumps({"step": step, **values}))

    def metrics(self) -> list[dict[str, float]]:
        """What was logged, in order of steps; a resumed run's repeated steps appear once."""
        rows: dict[int, dict[str, float]] = {}
        if self.metrics_path.is_file():
            for line in read_text(self.metrics_path).splitlines():
                # A kill may cut a line short.
                with contextlib.suppress(*DAMAGED_LINE):
                    row = json.loads(line)
                    rows[int(row["step"])] = row
        return [rows[step] for step in sorted(rows)]

    def forget_after(self, step: int) -> None:
        """Drop what was logged and stored after a step from which the training goes on."""
        kept = [row for row in self.metrics() if row["step"] <= step]
        lines = [json.dumps({"step": int(row["step"]), **row}) for row in kept]
        write_text(self.metrics_path, "".join(f"{line}\n" for line in lines))
        for later in [later for later in self.snapshot_steps() if later > step]:
            self.snapshot_path(later).unlink()
            self.sample_path(later).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        remove_folder(self.path)


def check_parent(folder: Path) -> None:
    """Refuse a place for runs that can hold none, before any work is done.

    Raises:
        zoo.errors.UsageError: If a file lies there, or the folder cannot be written.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise UsageError(f"{there} is a file, and no folder for runs; choose another --out")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{there} cannot be written into; choose another --out")


def list_runs(parent: Path) -> list[Run]:
    """The runs under a folder, oldest first."""
    if not parent.is_dir():
        return []
    found = (Run(path) for path in sorted(parent.iterdir()) if re.match(r"\d{5}-", path.name))
    return [run for run in found if run.recipe_path.is_file()]


def folder_name(number: int, generator: str, data: str) -> str:
    """What a run's folder is called, such as `00003-dcgan-bbbc-simulated`."""
    return f"{number:05d}-{_words(generator, data)}"


def _words(generator: str, data: str) -> str:
    return f"{file_name(generator, longest=40)}-{file_name(_short(data), longest=40)}"


def _next_number(parent: Path) -> int:
    numbers = [
        int(match[1]) for path in parent.iterdir() if (match := re.match(r"(\d{5})-", path.name))
    ]
    return max(numbers, default=-1) + 1


def _steps(paths: Iterable[Path]) -> list[int]:
    return sorted(int(match[1]) for path in paths if (match := re.match(r"(\d+)\.", path.name)))


def _short(name: str) -> str:
    scheme, colon, argument = name.partition(":")
    return f"{scheme}{colon}{Path(argument).name}" if Path(argument).is_absolute() else name
