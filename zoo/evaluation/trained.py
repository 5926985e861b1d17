"""Finished runs as sources of images: what they were trained on, and what they make."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data import ImageSet, load
from zoo.data.intensity import Intensity
from zoo.errors import UsageError
from zoo.evaluation.arms import Labels, Make
from zoo.runs import Run
from zoo.stored import images_of

STREAM = 2_000_000
"""Added to seeds of latents, so that no image is one that another measurement has seen."""

# Which images of a dataset a run was given, and so not how all of them are read.
CHOOSING = ("accept", "reject")


def conditional(run: Run, images: ImageSet) -> tuple[Make, dict[str, Any]]:
    """Images of given classes from a conditional run, and what they depend on.

    Raises:
        zoo.errors.UsageError: If it is not conditional, has other classes, was trained on images
            that are held out here, or makes images in other values.
    """
    refuse_held_out(run, images)
    mapped = in_values_of(images, run)
    gan = _generator(run)
    if not gan.classes:
        raise UsageError(
            f"{run.name} makes images of no class; take a conditional run, or one run for each "
            "class: `zoo utility --per-class RUN RUN …`"
        )
    names = run.class_names
    if names != list(images.class_names):
        raise UsageError(
            f"{run.name} makes {', '.join(names)}; {images.name} has "
            f"{', '.join(images.class_names) or 'no classes'}"
        )
    channels, dtype = images.shape[-1], images.dtype.name

    def make(labels: Labels, seed: int) -> npt.NDArray[Any]:
        made = gan.sample(len(labels), labels=labels, seed=STREAM + seed, dtype=dtype)
        return mapped(np.asarray(made[..., :channels]))

    return make, {"runs": [_facts(run)]}


def per_class(runs: Mapping[str, Run], images: ImageSet) -> tuple[Make, dict[str, Any]]:
    """Images of given classes from one run for each, and what they depend on.

    Args:
        runs: Class to its run.
        images: The real images of all classes.

    Raises:
        zoo.errors.UsageError: If a class has no run, or a run is conditional, of another size,
            trained on images that are held out here, or makes images in other values.
    """
    if strangers := set(runs) ^ set(images.class_names):
        raise UsageError(
            f"one run is needed for each of {', '.join(images.class_names)}; "
            f"see {', '.join(sorted(strangers))}"
        )
    for run in runs.values():
        refuse_held_out(run, images)
    generators = [_generator(runs[name]) for name in images.class_names]
    mapped = [in_values_of(images, runs[name]) for name in images.class_names]
    channels, dtype = images.shape[-1], images.dtype.name
    for name, gan in zip(images.class_names, generators, strict=True):
        if gan.classes:
            raise UsageError(f"{runs[name].name} is conditional; it needs no --per-class")

    def make(labels: Labels, seed: int) -> npt.NDArray[Any]:
        made = np.empty((len(labels), *images.shape[1:]), images.dtype)
        for label, gan in enumerate(generators):
            here = np.flatnonzero(labels == label)
            own = gan.sample(len(here), seed=STREAM + seed, dtype=dtype)[..., :channels]
            made[here] = mapped[label](own)
        return made

    return make, {"runs": [{"class": name, **_facts(runs[name])} for name in images.class_names]}


def class_of(run: Run) -> str:
    """The class of all images that a run was trained on.

    Raises:
        zoo.errors.UsageError: If they have none, or several.
    """
    images = images_of(run)
    present = [] if images.labels is None else np.unique(images.labels).tolist()
    if len(present) != 1:
        raise UsageError(
            f"{run.name} was trained on images of {len(present) or 'no'} classes; "
            "write NAME=RUN to say which one it stands for"
        )
    return str(images.class_names[present[0]])


def refuse_held_out(run: Run, images: ImageSet) -> None:
    """Refuse a run that was trained on images which are held out in a dataset.

    Images count as the same if all their raw values are equal.

    Raises:
        zoo.errors.UsageError: If there are such images, or the sizes differ.
    """
    own = _own(run, images)
    if own is images:
        return
    if own.shape[1:] != images.shape[1:] or own.dtype != images.dtype:
        raise UsageError(
            f"{run.name} makes {own.dtype} {own.shape[1:]}; "
            f"{images.name} has {images.dtype} {images.shape[1:]}"
        )
    seen, held_out = own.split("train").digests(), images.split("validation", "test").digests()
    # An image that is in both parts here, such as an empty tile, is no other one's leak.
    if shared := len((seen & held_out) - images.split("train").digests()):
        raise UsageError(
            f"{run.name} was trained on {shared} of the images that are held out in {images.name}"
        )


def external_test(name: str, images: ImageSet, runs: Sequence[Run]) -> ImageSet:
    """Another dataset, cut as the images are, of which nobody has learnt.

    Args:
        name: Of the dataset, resolved.
        images: Real images; classifiers learn from `train` and choose by `validation`.
        runs: The generators; each has learnt from its own `train`.

    Raises:
        zoo.errors.UsageError: If it holds an image that a classifier or a generator learns from.
    """
    test = _cut_alike(name, images, runs[0])
    shared = test.digests() & images.split("train", "validation").digests()
    for run in runs:
        own = _own(run, images)
        cut = test if own is images else _cut_alike(name, own, run)
        shared |= cut.digests() & own.split("train").digests()
    if shared:
        raise UsageError(
            f"--external {name}: classifiers or generators learn from {len(shared)} of its images; "
            "take another dataset"
        )
    return test


def _cut_alike(name: str, images: ImageSet, run: Run) -> ImageSet:
    settings = run.recipe["settings"]
    kept = ("downscale", "min_foreground", "pixel_size", "curate", "offline")
    view = images.provenance["view"]["kind"]
    same = {key: settings[key] for key in kept}
    return load(name, image_size=images.shape[1:3], view=view, **same)


def _own(run: Run, images: ImageSet) -> ImageSet:
    """What a run was trained on: these images, or others."""
    if images.fingerprint == run.manifest.get("dataset", {}).get("fingerprint"):
        return images
    return images_of(run)


def in_values_of(images: ImageSet, run: Run) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """What maps a run's images to the stored values of a dataset: back to raw ones, and to these.

    Raises:
        zoo.errors.UsageError: If raw values differ in type, or only one of the two maps each image
            by its own values.
    """
    stated = dict(run.read_mapping(run.data_path).get("intensity") or {})
    own, theirs = Intensity.from_facts(stated), images.intensity.facts()
    if images.fingerprint == run.manifest.get("dataset", {}).get("fingerprint"):
        return lambda stored: stored
    if own.raw_dtype != images.intensity.raw_dtype:
        raise UsageError(
            f"{run.name} was trained on {own.raw_dtype} values, {images.name} has "
            f"{images.intensity.raw_dtype}; they cannot be set side by side"
        )
    ways = [(facts["by"] if facts.get("per") == "image" else "") for facts in (stated, theirs)]
    if ways[0] != ways[1]:
        raise UsageError(
            f"{run.name} and {images.name} do not both map each image by its own values; "
            "give both the same --intensity"
        )
    bounds = [(facts.get("low"), facts.get("high")) for facts in (stated, theirs)]
    if ways[0] or bounds[0] == bounds[1]:
        return lambda stored: stored
    return lambda stored: images.intensity.apply(own.invert(stored))


def masked(run: Run, images: ImageSet) -> tuple[Any, dict[str, Any]]:
    """Images with their masks from a run, `make(n, seed)`, and what they depend on.

    Returns:
        A function giving (n, H, W, C) of the images' type and (n, H, W) bool, and facts.

    Raises:
        zoo.errors.UsageError: If the run makes no masks.
    """
    gan = _generator(run)
    if not gan.masked:
        raise UsageError(f"{run.name} makes no masks; train one with --with-mask")
    channels, dtype = images.shape[-1], images.dtype.name

    def make(n: int, seed: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        made = gan.sample(n, seed=STREAM + seed, dtype=dtype)
        return made[..., :channels], made[..., channels] > np.iinfo(made.dtype).max // 2

    return make, {"runs": [_facts(run)]}


def _generator(run: Run) -> Any:
    from zoo.gan import load_run

    return load_run(run)


def _facts(run: Run) -> dict[str, Any]:
    step = run.snapshot_step()
    weights = hashlib.sha256(run.snapshot_path(step).read_bytes()).hexdigest()
    return {
        "run": run.path.resolve().name,
        "generator": run.recipe.get("generator"),
        "step": step,
        "weights": weights,
    }
