"""One run from its recipe to its report: data, training, samples, measurements, detection."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo import workers
from zoo.cited import note
from zoo.data import ImageSet
from zoo.data import resolve as resolve_data
from zoo.described import dataset_facts, describe_data, describe_session
from zoo.device import configure, peak_memory_mb
from zoo.errors import UsageError, ZooError
from zoo.plugins import find, records
from zoo.products import write_products
from zoo.recipe import Recipe, resolve
from zoo.runs import Run, write_json
from zoo.runs.folder import check_parent
from zoo.runs.signals import terminate_as_interrupt
from zoo.runs.stages import Stages, now, status_kept
from zoo.stored import check_unchanged, load_images, sampler, snapshot_samplers
from zoo.tracking import requested, tracking
from zoo.training import compiled, follow, train
from zoo.workers import Logged

DETECTORS = ("logistic", "random-forest", "svm", "small-cnn")
STAGES = ("training", "evaluation", "detection")


def run(generator: str, data: str | None = None, **settings: Any) -> Run:
    """Train, sample, measure and report; `zoo.run` is this function and documents it."""
    options = settings.pop("options", {})
    return run_recipe(resolve(generator, data, settings=settings, options=options, origin="call"))


def run_recipe(
    recipe: Recipe,
    *,
    folder: Path | None = None,
    until: str | None = None,
    detectors: Sequence[str] | None = None,
) -> Run:
    """Carry out a recipe in a new run folder.

    Args:
        recipe: What to run.
        folder: Of the run; by default the next one in the recipe's `out`.
        until: The one of `STAGES` after which to pause; `resume` goes on. By default the last.
        detectors: Names of the detectors to measure; `DETECTORS` by default.

    Raises:
        zoo.errors.ZooError: If something known fails; the run folder says what.
        zoo.errors.Interrupted: On Ctrl-C or SIGTERM; the run can be resumed.
    """
    settings = recipe.settings
    check_parent(Path(settings["out"]))
    device = _configure(recipe)
    name, fallback = resolve_data(recipe.data, offline=settings["offline"])
    images = load_images(recipe, name)
    if settings["eval"]:
        _warn_of_no_detection(images)
    follow(recipe, images)
    gan = compiled(recipe, images)
    run = Run(folder) if folder else Run.create(Path(settings["out"]), recipe.generator, name)
    asked = recipe.data
    if name != asked:
        recipe = recipe.with_data(name, f"{asked}: {fallback}" if fallback else asked)
    # The recipe, which makes a folder a run, comes last: killed before it, nothing has begun.
    with _nothing_left(run):
        run.update_manifest(
            status="running",
            started=now(),
            seeds={"seed": settings["seed"], "split_seed": settings["split_seed"]},
            dataset=dataset_facts(images, asked=asked, fallback=fallback),
        )
        run.write_recipe(recipe.to_dict())
    return _carry_out(run, recipe, images, gan, device, until, detectors)


def resume(
    path: str | Path,
    *,
    recipe: Recipe | None = None,
    until: str | None = None,
    detectors: Sequence[str] | None = None,
) -> Run:
    """Continue a run where it stopped; a finished one is returned as it is.

    Args:
        path: The run folder.
        recipe: The run's recipe with other settings that do not shape its weights.
        until: As of `run_recipe`.
        detectors: As of `run_recipe`.

    Raises:
        zoo.errors.ZooError: If the dataset is not the one that the run began with.
    """
    run = Run.open(path)
    if run.status == "finished":
        print(f"{run.path} is finished; nothing to resume", file=sys.stderr)
        if not run.report_path.is_file():
            _report(run)
        return run
    recipe = recipe or Recipe.from_dict(run.recipe)
    device = _configure(recipe)
    images = load_images(recipe, recipe.data)
    check_unchanged(run, images)
    follow(recipe, images)
    return _carry_out(run, recipe, images, compiled(recipe, images), device, until, detectors)


@contextlib.contextmanager
def _nothing_left(run: Run) -> Iterator[None]:
    """Take the folder of a run that could not begin away."""
    try:
        yield
    except ZooError:
        with contextlib.suppress(OSError):
            run.remove()
        raise


def _warn_of_no_detection(images: ImageSet) -> None:
    """Hours before it would be found out."""
    from zoo.evaluation.trial import shortage

    if lacking := shortage(images.provenance["splits"]):
        print(f"warning: detectors will not be measured: {lacking}", file=sys.stderr)


def _configure(recipe: Recipe) -> str:
    workers.check(recipe.settings)
    find("generators", recipe.generator).check_requirements()
    for tracker in requested(recipe.settings["track"]).values():
        tracker.check_requirements()
    device = configure(recipe.settings["device"], threads=recipe.settings["threads"])
    workers.join(recipe.settings["workers"])
    if recipe.origins.get("preset") == "default on a GPU" and device.startswith("CPU"):
        raise UsageError(
            "there is a GPU, but TensorFlow does not find it (`zoo doctor` says more); "
            "repair that, or add --preset quick to train on the CPU"
        )
    return device


def _carry_out(
    run: Run,
    recipe: Recipe,
    images: ImageSet,
    gan: Any,
    device: str,
    until: str | None,
    detectors: Sequence[str] | None,
) -> Run:
    told = tracking(run, recipe.settings["track"])
    with run.lock(), terminate_as_interrupt(), told as trackers, status_kept(run):
        run.write_recipe(recipe.to_dict())
        describe_session(run, gan, images, device)
        stages = Stages(run)
        with stages("data"):
            describe_data(run, images)
        trackers.run_started()
        _train_and_sample(run, recipe, images, gan, stages, trackers.logged)
        measured = STAGES[1 : STAGES.index(until) + 1 if until else None]
        if recipe.settings["eval"] and "evaluation" in measured:
            with stages("evaluation"):
                _evaluate(run, recipe, images, gan)
        if recipe.settings["eval"] and "detection" in measured:
            with stages("detection"):
                _detect(run, recipe, images, gan, DETECTORS if detectors is None else detectors)
        if until:
            run.update_manifest(status="interrupted", reason=f"paused after {until}", ended=now())
            return run
        run.update_manifest(status="finished", reason=None, ended=now(), timings=stages.seconds)
        with stages("report"):
            _report(run)
    return run


def _train_and_sample(
    run: Run, recipe: Recipe, images: ImageSet, gan: Any, stages: Stages, logged: Logged
) -> None:
    from zoo.gan.checkpoint import restore_checkpoint

    if gan.classes:
        gan.class_shares = np.asarray(run.manifest["class_shares"])
    if run.manifest.get("sampled") and restore_checkpoint(gan, run.checkpoints):
        return
    with stages("training"):
        _train(run, recipe, images, gan, logged)
    with stages("sampling"):
        write_products(run, recipe, images, gan)
    run.update_manifest(sampled=True)


def _train(run: Run, recipe: Recipe, images: ImageSet, gan: Any, logged: Logged) -> None:
    from zoo.gan.checkpoint import restore_checkpoint

    if run.manifest.get("rolled_back"):
        restore_checkpoint(gan, run.checkpoints)
        return
    train(run, recipe, images, gan, logged)
    step = int(gan.step.numpy())
    rates = [row["images_per_second"] for row in run.metrics() if "images_per_second" in row]
    run.update_manifest(
        step=step,
        kimg=step * gan.images_per_step / 1000,
        images_per_second=round(float(np.median(rates)), 1) if rates else None,
        peak_memory_mb=peak_memory_mb(),
    )


def _evaluate(run: Run, recipe: Recipe, images: ImageSet, gan: Any) -> None:
    from zoo.data.home import home
    from zoo.evaluation.networks import score_networks
    from zoo.evaluation.score import score
    from zoo.gan import build

    if run.evaluation_path.is_file():
        return
    measure = partial(
        score,
        images,
        sampler(gan, images),
        n=recipe.settings["score_images"],
        seed=recipe.settings["seed"],
        labels=gan.sampled_labels,
        untrained=sampler(build(recipe, images.shape[1:], len(images.class_names)), images),
        cache=home() / "features",
    )
    weights, layer = (recipe.settings[f"inception_{key}"] for key in ("weights", "layer"))
    write_json(run.evaluation_path, score_networks(measure, weights=weights, layer=layer))
    note(run, "metrics", "extractors")


def _detect(run: Run, recipe: Recipe, images: ImageSet, gan: Any, detectors: Sequence[str]) -> None:
    from zoo.evaluation.detection import detect

    if run.detection_path.is_file() or not detectors:
        return
    detection = detect(
        images,
        sampler(gan, images),
        detectors=[record for record in records("detectors") if record.name in detectors],
        snapshots=snapshot_samplers(run, images),
        seed=recipe.settings["seed"],
    )
    write_json(run.detection_path, detection)
    note(run, "detectors")


def _report(run: Run) -> None:
    from zoo.report import build

    build(run)
