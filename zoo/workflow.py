"""One run from its recipe to its report: data, training, samples, measurements, detection."""

import platform
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from zoo import workers
from zoo.data import ImageSet
from zoo.data import resolve as resolve_data
from zoo.device import configure, peak_memory_mb
from zoo.errors import UsageError
from zoo.plugins import find, records
from zoo.products import SHOWN, write_products
from zoo.recipe import Recipe, resolve
from zoo.runs import Run, write_bytes, write_json
from zoo.runs.folder import check_parent
from zoo.runs.pictures import grid_png
from zoo.runs.signals import terminate_as_interrupt
from zoo.runs.stages import Stages, now, say, status_kept
from zoo.stored import check_unchanged, load_images, sampler, snapshot_samplers
from zoo.tracking import requested, tracking
from zoo.training import Logged, compiled, follow, train

DETECTORS = ("logistic", "random-forest", "svm", "small-cnn")


def run(generator: str, data: str | None = None, **settings: Any) -> Run:
    """Train, sample, measure and report; `zoo.run` is this function and documents it."""
    options = settings.pop("options", {})
    return run_recipe(resolve(generator, data, settings=settings, options=options, origin="call"))


def run_recipe(recipe: Recipe) -> Run:
    """Carry out a recipe in a new run folder.

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
    run = Run.create(Path(settings["out"]), recipe.generator, name)
    asked = recipe.data
    if name != asked:
        recipe = recipe.with_data(name, f"{asked}: {fallback}" if fallback else asked)
    run.write_recipe(recipe.to_dict())
    run.update_manifest(
        status="running",
        started=now(),
        seeds={"seed": settings["seed"], "split_seed": settings["split_seed"]},
        dataset=_dataset_facts(images, asked=asked, fallback=fallback),
    )
    return _carry_out(run, recipe, images, gan, device)


def resume(path: str | Path, *, recipe: Recipe | None = None) -> Run:
    """Continue a run where it stopped; a finished one is returned as it is.

    Args:
        path: The run folder.
        recipe: The run's recipe with other settings that do not shape its weights.

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
    return _carry_out(run, recipe, images, compiled(recipe, images), device)


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


def _carry_out(run: Run, recipe: Recipe, images: ImageSet, gan: Any, device: str) -> Run:
    told = tracking(run, recipe.settings["track"])
    with run.lock(), terminate_as_interrupt(), told as trackers, status_kept(run):
        run.write_recipe(recipe.to_dict())
        _describe(run, gan, images, device)
        stages = Stages(run)
        with stages("data"):
            _describe_data(run, images)
        trackers.run_started()
        with stages("training"):
            _train(run, recipe, images, gan, trackers.logged)
        with stages("sampling"):
            write_products(run, recipe, images, gan)
        if recipe.settings["eval"]:
            with stages("evaluation"):
                _evaluate(run, recipe, images, gan)
            with stages("detection"):
                _detect(run, recipe, images, gan)
        run.update_manifest(status="finished", reason=None, ended=now(), timings=stages.seconds)
        with stages("report"):
            _report(run)
    return run


def _describe_data(run: Run, images: ImageSet) -> None:
    parts = zip(images.groups.tolist(), images.parts.tolist(), strict=True)
    write_json(run.data_path, {**images.provenance, "part_of_group": dict(parts)})
    shown = images.split("train")
    write_bytes(run.sample_path("real"), grid_png(shown.spread(SHOWN)[:], 8))


def _describe(run: Run, gan: Any, images: ImageSet, device: str) -> None:
    session = {"began": now(), "device": device, "jit": gan.jit, "versions": _versions()}
    sessions = [*run.manifest.get("sessions", []), session]
    if sessions[0]["versions"] != session["versions"]:
        say(run, "warning: other versions than the run began with; weights may differ")
    run.update_manifest(
        **{key: sessions[0][key] for key in ("device", "jit", "versions")},
        sessions=sessions,
        image_shape=list(images.shape[1:]),
        class_names=list(images.class_names),
        class_shares=_class_shares(images) if gan.classes else None,
        loss=gan.loss_name,
        equilibrium=dict(gan.equilibrium),
        micro_batch=gan.micro_batch,
        parameters={
            "generator": gan.generator.count_params(),
            "discriminator": gan.discriminator.count_params(),
        },
    )
    say(run, f"{device}, {'XLA' if gan.jit else 'graph without XLA'}")


def _class_shares(images: ImageSet) -> list[float]:
    labels = images.split("train").labels
    counts = np.bincount(np.asarray(labels), minlength=len(images.class_names))
    return [float(share) for share in counts / max(counts.sum(), 1)]


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


def _detect(run: Run, recipe: Recipe, images: ImageSet, gan: Any) -> None:
    from zoo.evaluation.detection import detect

    if run.detection_path.is_file():
        return
    detection = detect(
        images,
        sampler(gan, images),
        detectors=[record for record in records("detectors") if record.name in DETECTORS],
        snapshots=snapshot_samplers(run, images),
        seed=recipe.settings["seed"],
    )
    write_json(run.detection_path, detection)


def _report(run: Run) -> None:
    from zoo.report import build

    build(run)


def _dataset_facts(images: ImageSet, *, asked: str, fallback: str) -> dict[str, Any]:
    stated = {key: images.provenance.get(key) for key in ("licence", "homepage", "citation")}
    return {
        "name": images.name,
        "asked": asked,
        "fallback_reason": fallback or None,
        "fingerprint": images.fingerprint,
        **stated,
    }


def _versions() -> dict[str, str]:
    packages = ("zoo", "keras", "tensorflow", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
