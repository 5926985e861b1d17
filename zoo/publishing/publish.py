"""A finished run as a folder in the layout of Hugging Face's model repositories."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, ZooError, expected_form
from zoo.plugins import registry
from zoo.publishing.card import Card
from zoo.publishing.cleaning import (
    Cleaner,
    clean_data,
    clean_manifest,
    clean_recipe,
    cleaner_of,
    is_private,
    public_name,
)
from zoo.publishing.licences import Licence, check_accepted, licence_of_model
from zoo.publishing.network import read_network
from zoo.publishing.sums import write_sums
from zoo.report.contents import read
from zoo.report.supplement import write_supplement
from zoo.runs import Run, write_json, write_text, write_yaml
from zoo.runs.files import whole_folder

WEIGHTS, CARD = "generator.weights.npz", "README.md"
# Pictures of generated images alone, and those that show real ones.
GENERATED = {
    "accepted": "What the discriminator takes for real most",
    "rejected": "What it takes for real least",
    "interpolation": "From one latent to another",
    "mixing": "Styles of two latents mixed",
}
REAL = ("real", "nearest", "copies", "spectrum", "gradcam-*")
MEASURED = (
    *("evaluation_path", "detection_path", "memorisation_path", "utility_path"),
    *("segmentation_path", "turing_path"),
)
# Git would change ends of lines, and with them the hashes.
ATTRIBUTES = "* -text\n{}".format(
    "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in
            ("keras", "npz", "pdf", "png", "webp"))
)  # fmt: skip
LARGE = 10 * 10**6
NOT_LOOKED = "Copies of training images were not looked for: `zoo memorisation {}`."
FOUND = "Copying of training images is suspected: {}. The publisher accepted this."


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was decided before anything is written."""

    run: Run
    name: str
    step: int
    cleaner: Cleaner
    images: Licence
    model: Licence
    accepted: str | None
    warnings: list[str]
    with_real_images: bool


def publish(
    run: str | Path | Run,
    *,
    to: str | Path,
    licence: str | None = None,
    accept_licence: str | None = None,
    accept_copies: bool = False,
    with_real_images: bool = False,
) -> dict[str, Any]:
    """Write a folder to publish; `zoo.publish` is this function and documents it."""
    folder, opened = Path(to), Run.open(run)
    with expected_form(opened.path):
        plan = _planned(opened, licence, accept_licence, accept_copies, with_real_images)
    _check_empty(folder)
    with whole_folder(folder) as writing:
        real = _write(plan, writing)
        files = write_sums(writing)
    for warning in plan.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return {
        "folder": str(folder),
        "name": plan.name,
        "licence": plan.model.name,
        "licence_of_training_images": plan.images.name,
        "accepted": plan.accepted,
        "warnings": plan.warnings,
        "with_real_images": real,
        "files": {name: file.size for name, file in files.items()},
    }


def _check_empty(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is no folder; choose another --to")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; choose another --to")


def _planned(run: Run, licence: str | None, accepted: str | None, copies: bool, real: bool) -> Plan:
    _check_finished(run)
    recipe, manifest = run.recipe, run.manifest
    data = str(recipe.get("data", ""))
    shown = public_name(data)
    images = Licence.of((manifest.get("dataset") or {}).get("licence"))
    acknowledged = check_accepted(images, shown, accepted)
    model = licence_of_model(images, shown, licence)
    if earlier := (manifest.get("published") or {}).get("licence"):
        model = Licence.of(licence or earlier)
        if model != Licence.of(earlier):
            raise UsageError(f"{run.path} was published under {earlier}, and keeps this licence")
    if real and not images.lets_share_images:
        raise ZooError(f"--with-real-images: {shown}: {images.concern}, so they stay here")
    name = _name_of(run, data)
    return Plan(
        run=run,
        name=name,
        step=run.snapshot_step(),
        cleaner=cleaner_of(
            recipe, manifest, run.read_mapping(run.data_path), name=name, folder=run.path
        ),
        images=images,
        model=model,
        accepted=acknowledged,
        warnings=_copies(run, copies),
        with_real_images=real,
    )


def _check_finished(run: Run) -> None:
    if run.status == "running" and run.in_use:
        raise ZooError(f"{run.path} is still running; publish it when it has finished")
    if run.status != "finished":
        state = "interrupted" if run.status == "running" else run.status
        raise ZooError(f"{run.path} is {state}; `zoo run --resume {run.path}` finishes it first")
    if not run.card_path.is_file():
        raise ZooError(f"{run.path} has no {run.card_path.name}; `zoo report {run.path}` makes it")
    if not run.generator_path.is_file():
        raise ZooError(f"{run.path} lacks {run.generator_path.name}")


def _name_of(run: Run, data: str) -> str:
    """The run's name, without the folder's that its data came from."""
    name = run.path.resolve().name
    if not is_private(data):
        return name
    number = name[:6] if name[:5].isdecimal() else ""
    return f"{number}{run.recipe.get('generator')}-{public_name(data).partition(':')[0]}"


def _copies(run: Run, accepted: bool) -> list[str]:
    """Warnings of a card about copies.

    Raises:
        zoo.errors.ZooError: If some were found and nobody accepted that.
    """
    found = run.read_mapping(run.memorisation_path)
    if not found.get("tests"):
        return [NOT_LOOKED.format(run.path.resolve().name)]
    if not found.get("flagged"):
        return []
    names = ", ".join(map(str, found["flagged"]))
    if not accepted:
        raise ZooError(
            f"{run.path}: copying of training images is suspected ({names}); look at "
            f"{run.sample_path('copies')}, and add --accept-copies if it may be published"
        )
    return [FOUND.format(names)]


def _write(plan: Plan, folder: Path) -> list[str]:
    """Write everything but the sums; the pictures of real images among it."""
    run, cleaner = plan.run, plan.cleaner
    shutil.copyfile(run.snapshot_path(plan.step), folder / WEIGHTS)
    shutil.copyfile(run.generator_path, folder / run.generator_path.name)
    write_yaml(folder / run.recipe_path.name, clean_recipe(run.recipe, cleaner))
    stated = _write_manifest(plan, folder)
    data = clean_data(
        run.read_mapping(run.data_path), stated["dataset"].get("fingerprint"), cleaner
    )
    write_json(folder / run.data_path.name, data)
    rows = run.metrics_path.read_text(encoding="utf-8") if run.metrics_path.is_file() else ""
    write_text(folder / run.metrics_path.name, rows)
    measured = _write_measured(plan, folder)
    pictures, real = _write_pictures(plan, folder)
    generator = stated["published"]["generator"]
    network = read_network(folder / run.generator_path.name, (generator["module"],))
    card = Card(
        body=cleaner.text(run.card_path.read_text(encoding="utf-8")),
        name=plan.name,
        data="" if is_private(str(run.recipe.get("data"))) else stated["dataset"].get("name", ""),
        manifest=stated,
        evaluation=measured.get("evaluation", {}),
        generator=generator,
        images=plan.images,
        model=plan.model,
        accepted=plan.accepted,
        network=network,
        warnings=plan.warnings,
        pictures=pictures,
        real=real,
    )
    write_text(folder / CARD, card.text())
    write_supplement(Run(folder), read(Run(folder)))
    write_text(folder / ".gitattributes", _attributes(folder))
    return real


def _write_manifest(plan: Plan, folder: Path) -> dict[str, Any]:
    published = {
        "name": plan.name,
        "step": plan.step,
        "licence": plan.model.name,
        "accepted": plan.accepted,
        "generator": _entry(str(plan.run.recipe.get("generator"))),
        "warnings": plan.warnings,
    }
    stated = clean_manifest({**plan.run.manifest, "published": published}, plan.cleaner)
    write_json(folder / plan.run.manifest_path.name, stated)
    return stated


def _attributes(folder: Path) -> str:
    large = [p.relative_to(folder).as_posix() for p in folder.rglob("*.json*") if _is_large(p)]
    lines = [f"{name} filter=lfs diff=lfs merge=lfs -text\n" for name in sorted(large)]
    return ATTRIBUTES + "".join(lines)


def _is_large(path: Path) -> bool:
    return path.stat().st_size > LARGE


def _entry(generator: str) -> dict[str, Any]:
    """Name, licence, paper, package and module of a generator."""
    found = registry().find("generators", generator)
    return {
        "name": found.name,
        "licence": found.record.licence,
        "paper": found.record.paper,
        "package": found.plugin.package,
        "version": found.plugin.version,
        "module": found.record.target.partition(":")[0].partition(".")[0],
    }


def _write_measured(plan: Plan, folder: Path) -> dict[str, Mapping[str, Any]]:
    measured = {}
    for path in (getattr(plan.run, name) for name in MEASURED):
        if found := plan.run.read_mapping(path):
            if path == plan.run.turing_path:
                found = _without_readers(found)
            found.pop("across", None)  # it names other runs, and so perhaps private data
            measured[path.stem] = plan.cleaner.value(found)
            write_json(folder / path.name, measured[path.stem])
    return measured


def _without_readers(found: Mapping[str, Any]) -> dict[str, Any]:
    rows = found.get("readers") or []
    personal = ("reader", "role", "started", "finished")
    kept = [{key: value for key, value in row.items() if key not in personal} for row in rows]
    return {**found, "readers": kept}


def _write_pictures(plan: Plan, folder: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Copy pictures: those to show, with words, and the names of those with real images."""
    run, target = plan.run, folder / plan.run.samples.name
    target.mkdir()
    steps = run.sample_steps()
    shown_at: list[int | str] = [*steps, *GENERATED]
    copied = [*map(run.sample_path, shown_at), run.animation_path]
    patterns = REAL if plan.with_real_images else ()
    real = [path for pattern in patterns for path in sorted(run.samples.glob(f"{pattern}.png"))]
    for path in (*copied, *real):
        if path.is_file():
            shutil.copyfile(path, target / path.name)
    shown = [(run.sample_path(n).name, f"Fixed latents at step {n}") for n in steps[-1:]]
    there = [(f"{name}.png", words) for name, words in GENERATED.items()]
    shown += [(name, words) for name, words in there if (target / name).is_file()]
    for path in sorted([*run.figures.glob("*.svg"), *run.figures.glob("*.pdf")]):
        (folder / run.figures.name).mkdir(exist_ok=True)
        shutil.copyfile(path, folder / run.figures.name / path.name)
    return shown, [f"samples/{path.name}" for path in real]
