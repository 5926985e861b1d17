"""A publication as a run folder of one's own, after every file of it was checked."""

import contextlib
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, ZooError, expected_form
from zoo.plugins import registry
from zoo.publishing.cleaning import Cleaner, clean_data, clean_manifest, clean_recipe
from zoo.publishing.foreign import (
    FORMATS,
    check_picture,
    read_json,
    read_rows,
    read_yaml,
)
from zoo.publishing.network import read_network
from zoo.publishing.publish import MEASURED, WEIGHTS
from zoo.publishing.sources import address_of, delivered
from zoo.publishing.sums import SUMS, Files, stated_of
from zoo.recipe import Recipe
from zoo.runs import Run, write_json, write_text
from zoo.runs.files import whole_folder
from zoo.runs.stages import now
from zoo.runs.weights import check_weights

NEEDED = ("recipe.yaml", "manifest.json", "data.json", WEIGHTS)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
PICTURE = re.compile(r"samples/([a-z0-9-]+\.png|training\.webp)")
LAST = 99_999_999
WEB = ("https://", "http://")


def pull(source: str | Path, *, runs: str | Path = "runs", name: str | None = None) -> Run:
    """Make a run of a publication; `zoo.pull` is this function and documents it."""
    text, parent = str(source), Path(runs)
    if name is not None and not NAME.fullmatch(name):
        raise UsageError(f"--name {name!r}: letters, digits, dots, hyphens and underscores, please")
    address_of(text)  # wrong use is told before anything is made
    with delivered(text) as (folder, files):
        facts = _read(folder, files, text)
        words = name or f"{facts['recipe']['generator']}-{facts['recipe']['data']}"
        with _placed(parent, words) as run:
            _write(run, folder, files, facts, text)
    return Run(parent / run.name)


def _read(folder: Path, files: Files, source: str) -> dict[str, dict[str, Any]]:
    """Recipe, manifest and data, cleaned again, for anybody may have written them."""
    for name in NEEDED:
        if name not in files:
            raise ZooError(f"{source} lacks {name}, without which it is no generator")
    recipe = read_yaml(folder / "recipe.yaml")
    manifest, data = (read_json(folder / f"{stem}.json") for stem in ("manifest", "data"))
    cleaner = Cleaner({})
    with expected_form(source):
        held = clean_recipe(recipe, cleaner)
        kept = clean_manifest(manifest, cleaner)
        _check_generator(held, kept)
        resolved = Recipe.from_dict(held)
        _check_manifest(kept, resolved)
        fingerprint = kept["dataset"].get("fingerprint")
        return {
            "recipe": resolved.to_dict(),
            "manifest": kept,
            "data": clean_data(data, fingerprint, cleaner),
        }


def _check_generator(recipe: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    name = str(recipe["generator"])
    if any(
        name in (e.name, f"{e.plugin.package}:{e.name}") for e in registry().usable("generators")
    ):
        return
    stated = (manifest.get("published") or {}).get("generator") or {}
    package = str(stated.get("package"))
    where = f"the package {package}" if PACKAGE.fullmatch(package) else "a package it does not name"
    raise ZooError(
        f"the generator {name!r} is of {where}, which is not installed here; see that you trust "
        "it before you install it"
    )


def _check_manifest(manifest: dict[str, Any], recipe: Recipe) -> None:
    """Refuse what would build another network than the generator can be, or one without end."""
    from zoo.plugins import find
    from zoo.recipe import check_size

    record = find("generators", recipe.generator)
    height, width, channels = (int(side) for side in manifest["image_shape"])
    check_size(record, (height, width))
    if not 1 <= channels <= 4:
        raise ZooError(f"image_shape={manifest['image_shape']} has not 1 to 4 channels")
    step = manifest["published"]["step"]
    if not isinstance(step, int) or not 0 <= step <= LAST:
        raise ZooError(f"the manifest states the step {step!r}")
    names = manifest.get("class_names") or []
    if not isinstance(names, list) or len(names) > 10_000:
        raise ZooError("the manifest states no list of classes, or too many")
    homepage = manifest["dataset"].get("homepage")
    if homepage and not str(homepage).startswith(WEB):
        manifest["dataset"]["homepage"] = None


@contextlib.contextmanager
def _placed(parent: Path, words: str) -> Iterator[Run]:
    """A run to write into that gets its place under `parent` if all is right."""
    reserved = Run.named(parent, words)
    try:
        with whole_folder(reserved.path) as writing:
            yield Run(writing)
    except BaseException:
        with contextlib.suppress(OSError):
            reserved.path.rmdir()
        raise


def _write(
    run: Run, folder: Path, files: Files, facts: Mapping[str, dict[str, Any]], source: str
) -> None:
    manifest = facts["manifest"]
    step = manifest["published"]["step"]
    check_weights(folder / WEIGHTS)
    if run.generator_path.name in files:
        package = str(registry().find("generators", facts["recipe"]["generator"]).record.target)
        read_network(folder / run.generator_path.name, (package.partition(".")[0],))
    run.write_recipe(facts["recipe"])
    sums = stated_of(folder / SUMS).sha256
    origin = {"source": source, "at": now(), "sums_sha256": sums}
    run.update_manifest(**{**manifest, "status": "finished", "step": step, "pulled": origin})
    write_json(run.data_path, facts["data"])
    run.snapshots.mkdir()
    shutil.copyfile(folder / WEIGHTS, run.snapshot_path(step))
    _write_measured(run, folder, files)
    _write_pictures(run, folder, files)
    with expected_form(source):
        _rebuild(run)


def _write_measured(run: Run, folder: Path, files: Files) -> None:
    cleaner = Cleaner({})
    for path in (getattr(run, name) for name in MEASURED):
        if path.name in files:
            write_json(path, cleaner.value(read_json(folder / path.name)))
    if run.metrics_path.name in files:
        rows = [json.dumps(row) for row in read_rows(folder / run.metrics_path.name)]
        write_text(run.metrics_path, "".join(f"{row}\n" for row in rows))


def _write_pictures(run: Run, folder: Path, files: Files) -> None:
    run.samples.mkdir()
    for name in files:
        if Path(name).suffix in FORMATS and PICTURE.fullmatch(name):
            check_picture(folder / name)
            shutil.copyfile(folder / name, run.samples / Path(name).name)


def _rebuild(run: Run) -> None:
    """Make the network and the report here; neither a stranger's network nor page is taken over."""
    print("building the generator and the report", file=sys.stderr)
    from zoo.device import configure

    configure()
    from zoo.gan import load_run
    from zoo.gan.checkpoint import save_generator
    from zoo.report import build

    save_generator(load_run(run).exported(), run.generator_path)
    build(run)
