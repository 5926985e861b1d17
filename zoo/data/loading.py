"""A dataset's name to the ImageSet that everything after works on."""

import contextlib
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data import intensity as intensities
from zoo.data.alias import resolve
from zoo.data.crops import FORMAT, Crops, read_crops, write_crops
from zoo.data.curate import cautions, describe, parse
from zoo.data.examples import Rejection
from zoo.data.home import home
from zoo.data.imageset import PARTS, Fields, ImageSet
from zoo.data.intensity import Choice, Intensity
from zoo.data.intensity_choice import caution, choose
from zoo.data.locking import lock, staged
from zoo.data.plan import Plan, make_plan
from zoo.data.provenance import counts, origin
from zoo.data.source import Source, curated, open_source, parse_options
from zoo.data.survey import Survey
from zoo.data.view import MIN_FOREGROUND, View
from zoo.errors import ZooError
from zoo.filenames import file_name
from zoo.plugins import find
from zoo.progress import progress
from zoo.specs import Dataset
from zoo.values import parse_size

MIN_TRAINING = 32


@dataclass(frozen=True, eq=False)
class Opened:
    """A dataset with what is known of its source images.

    Attributes:
        images: The images; `provenance` holds all that a run's report says of them.
        survey: The n source images, those that are left out among them.
        plan: What becomes of each source image.
    """

    images: ImageSet
    survey: Survey
    plan: Plan


def load(name: str, **settings: Any) -> ImageSet:
    """Load a dataset as training images of one size, split by group.

    Args:
        name: What `zoo list datasets` shows, or a scheme with its argument.
        **settings: Those of `open_dataset`, such as `image_size=64`.

    Raises:
        zoo.errors.UsageError: As `open_dataset`.
        zoo.errors.ZooError: As `open_dataset`, and if there are fewer than 32 training images.
    """
    images = open_dataset(name, **settings).images
    _check(images)
    return images


def open_dataset(
    name: str,
    *,
    image_size: Any = None,
    view: str | None = None,
    downscale: float = 1.0,
    min_foreground: float | None = None,
    multiple_of: int = 1,
    split: str | None = None,
    split_seed: int = 0,
    label: str | None = None,
    intensity: str = "auto",
    pixel_size: float | None = None,
    curate: str = "",
    accept: str | None = None,
    reject: str | None = None,
    data_options: str = "",
    offline: bool = False,
    **options: Any,
) -> Opened:
    """Open a dataset as training images of one size, split by group.

    They are cut once and memory-mapped, so memory does not grow with their number.

    Args:
        name: What `zoo list datasets` shows, or a scheme with its argument.
        image_size: 64, `"64x96"`, (height, width), or `None` or `"native"` for the images' own.
        view: `"tile"`, `"resize"`, `"crop"` or `"pad"`; the dataset's own default if `None`.
        downscale: The images are made smaller by this factor first.
        min_foreground: Smallest share of foreground; `None` for 0.02 of a tile, otherwise 0.
        multiple_of: Sides to which `"pad"` fills images of their own size up.
        split: `"grouped"`, or `"official"` for the split that the dataset comes with; the
            dataset's own default if `None`.
        split_seed: Seed of the split into train, detect_train, validation and test.
        label: The field that holds the class; `None` for `label`, if there is one.
        intensity: How raw values are stored; see `zoo.data.intensity.parse`.
        pixel_size: Side of a pixel in µm, where the files do not say or are wrong.
        curate: Steps such as `"median:3,focus"`; see `zoo.data.curate.parse`.
        accept: File that lists the only images to keep.
        reject: File that lists images to leave out.
        data_options: `options` as text, such as `"images=100,seed=1"`.
        offline: Never use the network to resolve an alias.
        **options: Keywords of the dataset, such as `seed` of the simulator; `None` sets nothing.

    Raises:
        zoo.errors.UsageError: If there is no such dataset, view, label or option, or the images
            have several sizes and none was asked for.
        zoo.errors.ZooError: If the dataset is not prepared, or no training image is left.
    """
    name, fallback = resolve(name, offline=offline)
    record: Dataset = find("datasets", name)
    cutting = _view(record, image_size, view, downscale, min_foreground, multiple_of)
    steps, choice = parse(curate), intensities.parse(intensity)
    given = parse_options(data_options)
    given |= {key: value for key, value in options.items() if value is not None}
    source = curated(open_source(record, name, given), steps, pixel_size)
    crops = _crops(name, source, cutting)
    plan = make_plan(
        crops.survey,
        label=label,
        split=split or record.split,
        split_seed=split_seed,
        steps=steps,
        set_aside=[rejection["file"] for rejection in crops.facts["rejected"]],
        accept=accept,
        reject=reject,
    )
    if not plan.training.any():
        raise ZooError(f"{name}: no training image is left")
    mapping = _intensity(crops, plan, choice)
    images = _image_set(name, crops, plan, mapping)
    facts = origin(record, crops.facts["origin"]) | counts(images, crops, plan, view=cutting)
    facts |= {"split": split or record.split, "split_seed": split_seed, "curate": describe(steps)}
    if lost := cautions(steps):
        facts["lost_by_curation"] = list(lost)
    if plan.labels is not None:
        facts["label"] = label or "label"
    if fallback:
        facts["fallback"] = fallback
    fingerprint = _fingerprint(images, crops, cutting, split_seed)
    return Opened(replace(images, provenance=facts, fingerprint=fingerprint), crops.survey, plan)


def _view(
    record: Dataset,
    image_size: Any,
    kind: str | None,
    downscale: float,
    least: float | None,
    multiple_of: int,
) -> View:
    kind = kind or record.view
    size = None if image_size in (None, "native") else parse_size(image_size)
    if least is None:
        least = MIN_FOREGROUND.get(kind, 0.0) if size else 0.0
    return View(kind, size, float(downscale), float(least), multiple_of)


def _crops(name: str, source: Source, view: View) -> Crops:
    settings = [FORMAT, source.key, view.kind, view.size, view.downscale, view.min_foreground]
    settings += [view.multiple_of] if view.kind == "pad" else []
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    folder = home() / "crops" / f"{file_name(name)}-{key}"
    try:
        if folder.is_dir():
            return _told(read_crops(folder))
    except ZooError as error:
        print(f"warning: {error}; the images are cut again", file=sys.stderr)
    for known in source.rejected:
        _tell(known)
    _build(name, folder, source, view)
    return read_crops(folder)


def _told(crops: Crops) -> Crops:
    for rejected in crops.facts["rejected"]:
        _tell(Rejection(**rejected))
    return crops


def _build(name: str, folder: Path, source: Source, view: View) -> None:
    with lock(folder, name):
        with contextlib.suppress(ZooError):  # what is damaged stays until there is other
            read_crops(folder)
            return
        shown = progress(f"Reading {name}", source.count, "images")
        with staged(folder) as staging, shown as advance:
            examples = _counted(source.examples(), advance, name)
            write_crops(
                staging,
                examples,
                view=view,
                tell=_tell,
                rejected=source.rejected,
                origin=source.facts(),
            )
            if folder.is_dir():
                shutil.rmtree(folder)


def _counted(
    examples: Iterator[Mapping[str, Any]], advance: Callable[[float], None], name: str
) -> Iterator[Mapping[str, Any]]:
    try:
        for example in examples:
            yield example
            advance(1)
    except OSError as error:  # of reading; one of writing would be told as such
        raise ZooError(f"{name} cannot be read: {error}") from error


def _tell(rejection: Rejection) -> None:
    line = " ".join(f"set aside {rejection.file}: {rejection.reason}".split())
    print(f"warning: {line}", file=sys.stderr)


def _intensity(crops: Crops, plan: Plan, choice: Choice) -> Intensity:
    """The mapping of the set, from its training images; per image, one row for each crop."""
    survey, channels = crops.survey, crops.pixels.shape[-1]
    windows, samples = survey.columns["window"], survey.samples[..., :channels]
    chosen = choose(
        choice,
        str(crops.pixels.dtype),
        extremes=(survey.columns["low"][:, :channels], survey.columns["high"][:, :channels]),
        windows=None if np.isnan(windows).all() else windows,
        samples=samples,
        training=plan.training,
        held_out=plan.held_out,
    )
    if said := caution(choice, chosen, samples, plan.training):
        print(f"warning: {said}", file=sys.stderr)
    if chosen.low is None or chosen.high is None or chosen.low.ndim == 1:
        return chosen
    rows = crops.columns["row"]
    return replace(chosen, low=chosen.low[rows], high=chosen.high[rows])


def _image_set(name: str, crops: Crops, plan: Plan, intensity: Intensity) -> ImageSet:
    rows = crops.columns["row"]
    index = np.arange(len(crops.pixels))
    whole_sources = np.array_equal(rows, np.arange(len(crops.survey)))

    def of_crop(column: Any) -> Any:
        return column if whole_sources else column[rows]

    fields = {key: (values, rows) for key, values in crops.survey.fields.items()}
    fields.setdefault("source", (crops.survey.columns["id"], rows))
    if "objects" in crops.columns:
        fields["objects"] = crops.columns["objects"], index
    whole = ImageSet(
        name=name,
        pixels=crops.pixels,
        index=index,
        groups=of_crop(plan.groups),
        ids=crops.columns["id"],
        parts=of_crop(plan.parts),
        labels=None if plan.labels is None else of_crop(plan.labels),
        class_names=plan.class_names,
        instances=crops.masks,
        fields=Fields(fields),
        intensity=intensity,
    )
    left_out = of_crop(plan.reasons) != ""
    return whole.take(np.flatnonzero(~left_out)) if left_out.any() else whole


def _check(images: ImageSet) -> None:
    if (n := int((images.parts == PARTS[0]).sum())) < MIN_TRAINING:
        raise ZooError(
            f"{images.name}: {n} training images are too few; at least {MIN_TRAINING} are needed"
        )


def _fingerprint(images: ImageSet, crops: Crops, view: View, split_seed: int) -> str:
    cut = [view.kind, images.shape[1:], view.downscale, view.min_foreground]
    facts = [crops.facts["content"], cut, split_seed, images.class_names, images.intensity.facts()]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for column in (images.groups, images.parts, images.index, images.labels):
        if column is not None:
            digest.update(f"{column.dtype}".encode())
            digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()
