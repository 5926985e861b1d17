"""One run on disk. Nothing but this module knows where in the folder a thing lies."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import yaml

from zoo.errors import UsageError, ZooError
from zoo.runs.files import write_json, write_yaml

STATUSES = ("running", "finished", "failed", "interrupted")


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
        try:
            parent.mkdir(parents=True, exist_ok=True)
            while True:
                name = f"{_next_number(parent):05d}-{_slug(generator)}-{_slug(data)}"
                with contextlib.suppress(FileExistsError):
                    (parent / name).mkdir()
                    return cls(parent / name)
        except OSError as error:
            raise ZooError(f"cannot write into {parent}: {error.strerror}") from error

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Open an existing run folder.

        Raises:
            zoo.errors.UsageError: If the folder is missing or is no run.
        """
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
    generator_path = property(lambda self: self.path / "generator.keras")
    report_path = property(lambda self: self.path / "report.html")
    card_path = property(lambda self: self.path / "MODEL_CARD.md")
    checkpoints = property(lambda self: self.path / "checkpoints")
    snapshots = property(lambda self: self.path / "snapshots")
    samples = property(lambda self: self.path / "samples")
    generated = property(lambda self: self.path / "generated")
    figures = property(lambda self: self.path / "figures")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for writing.

        Raises:
            zoo.errors.ZooError: At once, if another process holds it.
        """
        try:
            with filelock.FileLock(self.path / ".lock", timeout=0):
                yield
        except filelock.Timeout:
            raise ZooError(f"{self.path} is in use by another zoo process") from None

    @property
    def recipe(self) -> dict[str, Any]:
        """What `recipe.yaml` holds."""
        return _mapping(yaml.safe_load(_read(self.recipe_path)), self.recipe_path)

    @property
    def manifest(self) -> dict[str, Any]:
        """What `manifest.json` holds; empty before it is first written."""
        return self.read_json(self.manifest_path) or {}

    @property
    def status(self) -> str:
        """`running`, `finished`, `failed` or `interrupted`."""
        return str(self.manifest.get("status", "running"))

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
        try:
            return json.loads(_read(path))
        except ValueError as error:
            raise ZooError(f"{path} is damaged: {error}") from error

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line to `metrics.jsonl`."""
        line = json.dumps({"step": step, **values})
        try:
            with self.metrics_path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise ZooError(f"cannot write {self.metrics_path}: {error.strerror}") from error

    def metrics(self) -> list[dict[str, float]]:
        """What was logged, in order of steps; a resumed run's repeated steps appear once."""
        rows: dict[int, dict[str, float]] = {}
        if self.metrics_path.is_file():
            for line in _read(self.metrics_path).splitlines():
                with contextlib.suppress(ValueError):  # a kill may cut the last line short
                    row = json.loads(line)
                    rows[int(row["step"])] = row
        return [rows[step] for step in sorted(rows)]

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.path)


def list_runs(parent: Path) -> list[Run]:
    """The runs under a folder, oldest first."""
    if not parent.is_dir():
        return []
    found = (Run(path) for path in sorted(parent.iterdir()) if re.match(r"\d{5}-", path.name))
    return [run for run in found if run.recipe_path.is_file()]


def _next_number(parent: Path) -> int:
    numbers = [
        int(match[1]) for path in parent.iterdir() if (match := re.match(r"(\d{5})-", path.name))
    ]
    return max(numbers, default=-1) + 1


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") or "data"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error


def _mapping(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ZooError(f"{path} is damaged: not a mapping")
    return value
