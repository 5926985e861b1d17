"""What a report is made from: the run folder, read once, and what is missing from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.filenames import distinct_file_name
from zoo.runs import Run


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A run folder's content.

    Attributes:
        name: The folder's name.
        settings: Resolved options, each (name, value, where the value came from).
        manifest: Versions, device, seeds, dataset, timings, status; may lack any key.
        rows: What training logged, by step.
        data: Counts, splits and rejected files.
        evaluation: `{"metrics": […], "not_computed": […]}`.
        detection: Detectors, controls and curve.
        memorisation: Tests for copies, and the likeliest ones.
        utility: What the images are worth as training data for classifiers.
        segmentation: The same for a segmentation, of images with masks.
        turing: Answers of readers; empty if none were scored, which is nothing missing.
        nearest: Distances of the first generated images to their nearest training images.
        samples: Step to the picture of fixed latents at that step, in order.
        heatmaps: Detector of the table to the picture of where it sees evidence.
        pictures: `real`, `nearest`, `accepted` and others by name, those that exist.
        missing: Part to why it is not there, such as `{"evaluation": "…"}`.
    """

    name: str
    settings: list[tuple[str, Any, str]]
    manifest: Mapping[str, Any]
    rows: list[dict[str, float]]
    data: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    detection: Mapping[str, Any]
    memorisation: Mapping[str, Any]
    utility: Mapping[str, Any]
    segmentation: Mapping[str, Any]
    turing: Mapping[str, Any]
    nearest: Any
    samples: Mapping[int, Path]
    pictures: Mapping[str, Path]
    heatmaps: Mapping[str, Path] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def setting(self, name: str, default: Any = "") -> Any:
        """The value of one resolved option."""
        return next((value for key, value, _ in self.settings if key == name), default)

    @property
    def generator(self) -> str:
        """Name of the generator."""
        return str(self.setting("generator", "generator"))

    @property
    def dataset(self) -> Mapping[str, Any]:
        """Resolved name, licence, citation and fingerprint of the data."""
        found = self.manifest.get("dataset")
        facts = dict(found) if isinstance(found, Mapping) else {}
        return {"name": str(self.setting("data", "unnamed data")), **facts}

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W, C), or nothing if the manifest does not say."""
        return tuple(self.manifest.get("image_shape") or ())


PICTURES = (
    "real",
    "nearest",
    "accepted",
    "rejected",
    "interpolation",
    "mixing",
    "copies",
    "spectrum",
)


def read(run: Run) -> Contents:
    """Read a run folder; a part that is absent or damaged is empty and named in `missing`."""
    missing: dict[str, str] = {}
    settings = _settings(run.recipe)
    manifest = _json(run, run.manifest_path, "manifest", missing)
    if not manifest:
        missing.setdefault("manifest", "manifest.json is missing")
    parts = {
        name: _json(run, path, name, missing)
        for name, path in (
            ("data", run.data_path),
            ("evaluation", run.evaluation_path),
            ("detection", run.detection_path),
            ("memorisation", run.memorisation_path),
            ("utility", run.utility_path),
            ("segmentation", run.segmentation_path),
            ("nearest", run.nearest_path),
        )
    }
    for name, value in parts.items():
        if not value:
            missing.setdefault(name, _why(name, settings, manifest, run.name))
    pictures = {name: run.sample_path(name) for name in PICTURES}
    pictures["animation"] = run.animation_path
    return Contents(
        name=run.path.resolve().name,
        settings=settings,
        manifest=manifest,
        rows=run.metrics(),
        turing=_json(run, run.turing_path, "turing", missing),
        samples=step_pictures(run),
        pictures={name: path for name, path in pictures.items() if path.is_file()},
        heatmaps=_heatmaps(run, parts["detection"]),
        missing=missing,
        **parts,
    )


def _json(run: Run, path: Path, name: str, missing: dict[str, str]) -> Any:
    try:
        return run.read_json(path) or {}
    except ZooError as error:
        missing[name] = str(error)
        return {}


def _settings(recipe: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    parts = ("settings", "options", "origins")
    settings, options, origins = (recipe.get(part) or {} for part in parts)
    values = {name: value for name, value in recipe.items() if name not in parts}
    values |= {**settings, **{f"options.{name}": value for name, value in options.items()}}
    return [(name, value, str(origins.get(name, ""))) for name, value in values.items()]


def step_pictures(run: Run) -> dict[int, Path]:
    """Step to the picture of fixed latents at that step, in order."""
    return {step: run.sample_path(step) for step in run.sample_steps()}


def _heatmaps(run: Run, detection: Mapping[str, Any]) -> dict[str, Path]:
    names = [row["name"] for row in detection.get("detectors") or []]
    pictures = {name: run.sample_path(f"gradcam-{distinct_file_name(name)}") for name in names}
    return {name: path for name, path in pictures.items() if path.is_file()}


PARTS = {
    "data": "record of its images",
    "evaluation": "evaluation",
    "detection": "detection",
    "memorisation": "tests for copies",
    "nearest": "nearest neighbours",
}


COMMANDS = {"utility": "utility", "segmentation": "segment"}


def _why(
    name: str, settings: list[tuple[str, Any, str]], manifest: Mapping[str, Any], run: str
) -> str:
    if name in COMMANDS:
        return f"not computed: `zoo {COMMANDS[name]} {run}` measures it"
    if name == "memorisation":
        return f"this run has no {PARTS[name]}: `zoo memorisation {run}` makes them"
    refused = ("eval", False) in [(key, value) for key, value, _ in settings]
    if refused and name != "data":
        return f"this run has no {PARTS[name]}: it was run with --no-eval"
    status = str(manifest.get("status", "running"))
    if status != "finished":
        return f"this run has no {PARTS[name]}: its status is “{status}”"
    return f"this run has no {PARTS[name]}: its folder holds no {name}.json"
