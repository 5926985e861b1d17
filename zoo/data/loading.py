"""A dataset's name to the ImageSet that everything after works on."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.alias import resolve
from zoo.data.crops import FORMAT, Crops, read_crops, write_crops
from zoo.data.examples import Rejection
from zoo.data.home import home
from zoo.data.imageset import PARTS, ImageSet
from zoo.data.locking import lock, slug, staged
from zoo.data.provenance import counts, origin
from zoo.data.source import Source, open_source
from zoo.data.splits import assign, merge_duplicates
from zoo.data.view import MIN_FOREGROUND, View
from zoo.errors import ZooError
from zoo.plugins import find, unknown
from zoo.specs import Dataset
from zoo.values import parse_size

MIN_TRAINING = 32
INTERNAL = ("id", "group", "digest")


def load(
    name: str,
    *,
    image_size: Any = None,
    split_seed: int = 0,
    view: str | None = None,
    downscale: float = 1.0,
    min_foreground: float | None = None,
    label: str | None = None,
    offline: bool = False,
    **options: Any,
) -> ImageSet:
    """Load a dataset as training images of one size, split by group.

    They are cut once and memory-mapped, so memory does not grow with their number.

    Args:
        name: What `zoo list datasets` shows, or a scheme with its argument.
        image_size: 64, `"64x96"`, (height, width), or `None` for the images' own size.
        split_seed: Seed of the split into train, detect_train, validation and test.
        view: `"tile"` or `"resize"`; the dataset's own default if `None`.
        downscale: The images are made smaller by this factor first.
        min_foreground: Smallest share of foreground; `None` for 0.02 of a tile, 0 if resized.
        label: The field that holds the class; `None` for `label`, if there is one.
        offline: Never use the network to resolve an alias.
        **options: Keywords of the dataset, such as `seed` of the simulator.

    Returns:
        The images; `provenance` holds all that a report says of them.

    Raises:
        zoo.errors.UsageError: If there is no such dataset, view, label or option, or the images
            have several sizes and none was asked for.
        zoo.errors.ZooError: If the dataset is not prepared, or has fewer than 32 training images.
    """
    name, fallback = resolve(name, offline=offline)
    record: Dataset = find("datasets", name)
    cutting = _view(record, image_size, view, downscale, min_foreground)
    source = open_source(record, name, options)
    crops = _crops(name, source, cutting)
    images = _image_set(name, crops, label=label, split_seed=split_seed)
    if (n := int((images.parts == PARTS[0]).sum())) < MIN_TRAINING:
        raise ZooError(
            f"{name}: {n} training images are too few; at least {MIN_TRAINING} are needed"
        )
    facts = origin(record, source)
    facts |= counts(images, crops, view=cutting, split_seed=split_seed, label=label)
    if fallback:
        facts["fallback"] = fallback
    fingerprint = _fingerprint(images, crops, cutting, split_seed)
    return replace(images, provenance=facts, fingerprint=fingerprint)


def _view(
    record: Dataset, image_size: Any, kind: str | None, downscale: float, least: float | None
) -> View:
    kind = kind or record.view
    size = None if image_size is None else parse_size(image_size)
    if least is None:
        least = MIN_FOREGROUND.get(kind, 0.0) if size else 0.0
    return View(kind, size, float(downscale), float(least))


def _crops(name: str, source: Source, view: View) -> Crops:
    settings = [FORMAT, source.key, view.kind, view.size, view.downscale, view.min_foreground]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    folder = home() / "crops" / f"{slug(name)}-{key}"
    if folder.is_dir():
        crops = read_crops(folder)
        for rejected in crops.facts["rejected"]:
            _tell(Rejection(**rejected))
    else:
        for known in source.rejected:
            _tell(known)
        _build(name, folder, source, view)
        crops = read_crops(folder)
    return crops


def _build(name: str, folder: Any, source: Source, view: View) -> None:
    with lock(folder, name):
        if folder.is_dir():
            return
        with staged(folder) as staging:
            write_crops(staging, source.examples(), view=view, tell=_tell, rejected=source.rejected)


def _tell(rejection: Rejection) -> None:
    line = " ".join(f"set aside {rejection.file}: {rejection.reason}".split())
    print(f"warning: {line}", file=sys.stderr)


def _image_set(name: str, crops: Crops, *, label: str | None, split_seed: int) -> ImageSet:
    columns = crops.columns
    labels, class_names = _labels(columns, label)
    groups = merge_duplicates(columns["group"], columns["digest"])
    return ImageSet(
        name=name,
        pixels=crops.pixels,
        index=np.arange(len(crops.pixels)),
        groups=groups,
        ids=columns["id"],
        parts=assign(groups, labels, seed=split_seed),
        labels=labels,
        class_names=class_names,
        instances=crops.masks,
        fields={key: values for key, values in columns.items() if key not in INTERNAL},
        intensity={"mapping": "identity", "raw_dtype": str(crops.pixels.dtype)},
    )


def _labels(
    columns: Mapping[str, npt.NDArray[Any]], label: str | None
) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    if label is None and "label" not in columns:
        return None, ()
    choices = [key for key in columns if key not in INTERNAL]
    if (chosen := label or "label") not in choices:
        raise unknown("field to use as label", chosen, choices)
    names, labels = np.unique(columns[chosen], return_inverse=True)
    return labels.astype(np.int64), tuple(str(name) for name in names)


def _fingerprint(images: ImageSet, crops: Crops, view: View, split_seed: int) -> str:
    labels = None if images.labels is None else images.labels.tolist()
    cut = [view.kind, images.shape[1:], view.downscale, view.min_foreground]
    split = [split_seed, images.groups.tolist(), images.parts.tolist()]
    facts = [crops.facts["content"], cut, split, images.class_names, labels]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
