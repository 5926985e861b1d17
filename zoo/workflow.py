"""One run from its recipe to its report: data, training, samples, measurements, detection."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data import ImageSet
from zoo.data import resolve as resolve_data
from zoo.described import dataset_facts, describe_data, describe_session
from zoo.device import configure, peak_memory_mb
from zoo.errors import UsageError
from zoo.plugins import find, records
from zoo.publish import publish
from zoo.recipe import Recipe, check_size, resolve
from zoo.runs import Run, write_json
from zoo.runs.signals import terminate_as_interrupt
from zoo.runs.stages import Stages, now, status_kept
from zoo.stored import check_unchanged, load_images, sampler, snapshot_samplers
from zoo.tracking import tracking

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
    find("generators", recipe.generator).check_requirements()
    device = _configure(recipe)
    name, fallback = resolve_data(recipe.data, offline=settings["offline"])
    images = load_images(recipe, name)
    gan = _compiled(recipe, images)
    run = Run(folder) if folder else Run.create(Path(settings["out"]), recipe.generator, name)
    asked = recipe.data
    if name != asked:
        recipe = recipe.with_data(name, f"{asked}: {fallback}" if fallback else asked)
    # The recipe, which makes a folder a run, comes last: killed before it, nothing has begun.
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
    return _carry_out(run, recipe, images, _compiled(recipe, images), device, until, detectors)


def _configure(recipe: Recipe) -> str:
    device = configure(recipe.settings["device"], threads=recipe.settings["threads"])
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
    with run.lock(), terminate_as_interrupt(), status_kept(run):
        run.write_recipe(recipe.to_dict())
        describe_session(run, gan, images, device)
        stages = Stages(run)
        _train_and_sample(run, recipe, images, gan, stages)
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


def _train_and_sample(run: Run, recipe: Recipe, images: ImageSet, gan: Any, stages: Stages) -> None:
    from zoo.gan.checkpoint import restore_checkpoint

    if gan.classes:
        gan.class_shares = np.asarray(run.manifest["class_shares"])
    if run.manifest.get("sampled") and restore_checkpoint(gan, run.checkpoints):
        return
    with stages("data"):
        describe_data(run, images)
    with stages("training"):
        _train(run, recipe, images, gan)
    with stages("sampling"):
        publish(run, recipe, images, gan)
    run.update_manifest(sampled=True)


def _compiled(recipe: Recipe, images: ImageSet) -> Any:
    from zoo.device import strategy
    from zoo.gan import build
    from zoo.signatures import split_options

    record = find("generators", recipe.generator)
    _, training = split_options(record, recipe.options)
    *size, channels = images.shape[1:]
    check_size(record, tuple(size))
    if recipe.settings["with_mask"]:
        channels = images.with_masks().shape[-1]
    if channels not in record.channels:
        offered = ", ".join(map(str, record.channels))
        raise UsageError(f"{images.name} has {channels} channels; {record.name} makes {offered}")
    if record.conditional == "required" and images.labels is None:
        raise UsageError(
            f"{record.name} needs labels, and {images.name} has none: {_fields(images)}"
        )
    with strategy(recipe.settings["gpus"]).scope():
        gan = build(recipe, images.shape[1:], len(images.class_names))
        gan.compile(**training, **_jit(recipe))
    return gan


def _fields(images: ImageSet) -> str:
    counts = {name: len(set(images.fields[name].tolist())) for name in images.fields}
    # A crop's own facts are no label of the image that it was cut from.
    names = [k for k, n in counts.items() if k not in ("source", "objects") and 1 < n <= 100]
    return f"--label takes {', '.join(names)}" if names else "--labels FILE gives them"


def _train(run: Run, recipe: Recipe, images: ImageSet, gan: Any) -> None:
    from zoo.gan import Budget, train
    from zoo.gan.checkpoint import restore_checkpoint

    settings = recipe.settings
    if run.manifest.get("rolled_back"):
        restore_checkpoint(gan, run.checkpoints)
        return
    shown = images.with_masks() if settings["with_mask"] else images
    with tracking(run) as logged:
        train(
            gan,
            shown.split("train"),
            Budget(**recipe.budget),
            run=run,
            held_out=shown.split("validation"),
            loggers=[logged],
            **{name: settings[name] for name in ("keep", "on_collapse", "steps_per_call")},
        )
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


def _report(run: Run) -> None:
    from zoo.report import build

    build(run)


def _jit(recipe: Recipe) -> Mapping[str, Any]:
    choice = recipe.settings["jit"]
    return {} if choice == "auto" else {"jit_compile": choice == "on"}
