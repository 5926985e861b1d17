"""What `zoo score` is given, as two sides that can be compared: runs, folders, datasets, arrays."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.errors import UsageError, ZooError
from zoo.evaluation.arrays import image_set, open_arrays
from zoo.evaluation.draw import drawn_rows
from zoo.evaluation.encoding import check_encodings, encoding_of, parse_reencode
from zoo.evaluation.generated import images_of_run
from zoo.evaluation.measures import Sample
from zoo.evaluation.pictures import Pictures, by_content
from zoo.evaluation.subsets import kinds
from zoo.metrics.protocol import Known
from zoo.runs import Run

SPLITS = ("all", "train", "held-out")
MOST_GENERATED = 5000
FILES = (".npz", ".npy")

Source = str | Path | npt.NDArray[Any] | ImageSet


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of both sides.

    Attributes:
        image_size: As `zoo.data.load` takes it; by default that of the side that has one, a run
            or an array, or else the images' own.
        split: Which images of a dataset: `all`, `train` or `held-out`; by default `held-out` of
            the dataset that a run on the other side was trained on, else `all`.
        n: At most so many images of each side.
        seed: Seed of drawing and generating.
        reencode: `jpeg` or `jpeg:QUALITY`, which both sides go through.
        by: Fields that are measured part by part, beside class and group.
        runs: Folder that holds the runs.
        data: Further settings of `zoo.data.load` for datasets, such as `view` and `label`.
    """

    image_size: Any = None
    split: str | None = None
    n: int | None = None
    seed: int = 0
    reencode: str | None = None
    by: Sequence[str] = ()
    runs: Path = Path("runs")
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side, its images in an order that depends on their pixels alone.

    Attributes:
        name: As it was given.
        sample: The images.
        dtype: `uint8` or `uint16`, before they became 8-bit.
        fingerprint: SHA-256 of the images as they are compared.
        encoding: How their files are encoded.
        split: Which images of a dataset these are.
    """

    name: str
    sample: Sample
    dtype: str
    fingerprint: str
    encoding: str
    split: str


def open_sides(real: Source, fake: Source, asked: Asked, closing: ExitStack) -> tuple[Side, Side]:
    """Both sides, alike in size, channels and encoding.

    Args:
        real: A run, a folder, a dataset's name, an `.npz` or `.npy` file, an array or an
            `ImageSet`.
        fake: The same.
        asked: What is asked of both.
        closing: Removes temporary files.

    Raises:
        zoo.errors.UsageError: If a side is nothing of that, or they must not be compared.
        zoo.errors.ZooError: If a side cannot be read.
    """
    quality = parse_reencode(asked.reencode)
    if asked.split not in (None, *SPLITS):
        raise UsageError(f"split={asked.split}: choose from {', '.join(SPLITS)}")
    given = [_given(side, asked.runs, closing) for side in (real, fake)]
    size = asked.image_size or _size(given[1]) or _size(given[0])
    first, split = _opened(given[0], given[1], asked, size, closing, len_other=None)
    other, other_split = _opened(given[1], given[0], asked, size, closing, len_other=len(first))
    other = _in_values_of(first, other)
    names = [_name(side) for side in given]
    if first.shape[1:] != other.shape[1:]:
        raise ZooError(
            f"{names[0]} has images of {_shape(first)} and {names[1]} of {_shape(other)}; "
            "--image-size makes folders and datasets alike"
        )
    encodings = encoding_of(first), encoding_of(other)
    if quality is None:
        check_encodings((names[0], encodings[0]), (names[1], encodings[1]))
    return (
        _side(names[0], first, split, encodings[0], asked, quality),
        _side(names[1], other, other_split, encodings[1], asked, quality),
    )


def _given(source: Source, runs: Path, closing: ExitStack) -> Any:
    """A `Run`, the name of a dataset, or images."""
    if isinstance(source, ImageSet):
        return source
    if isinstance(source, np.ndarray):
        return image_set(source, "an array")
    text = os.fspath(source)
    if text.lower().endswith(FILES):
        return open_arrays(Path(text), closing)
    if (Path(text) / "recipe.yaml").is_file():
        return Run.open(text)
    from zoo.plugins import find, registry

    if text in {entry.name for entry in registry().usable("datasets")} or ":" in text:
        find("datasets", text)
        return text
    if Path(text).is_dir():
        return f"folder:{text}"
    if text.isdecimal() or (runs / text).is_dir():
        from zoo.runs.find import find_run

        return find_run(text, runs)
    raise UsageError(
        f"{text} is no run, no folder, no .npz or .npy file and no dataset; `zoo list datasets` "
        "and `zoo runs list` show what there is"
    )


def _name(given: Any) -> str:
    if isinstance(given, Run):
        return str(given.path.resolve().name)
    if isinstance(given, ImageSet):
        return given.name
    return str(given).removeprefix("folder:")


def _shape(images: ImageSet) -> str:
    return "x".join(map(str, images.shape[1:]))


def _size(given: Any) -> tuple[int, int] | None:
    """Height and width, where a side has no other."""
    if isinstance(given, Run):
        height, width, _ = given.manifest["image_shape"]
        return height, width
    if isinstance(given, ImageSet):
        return given.shape[1:3]
    return None


def _opened(
    given: Any,
    other: Any,
    asked: Asked,
    size: Any,
    closing: ExitStack,
    *,
    len_other: int | None,
) -> tuple[ImageSet, str]:
    """The images of a side, and which of a dataset's they are."""
    if isinstance(given, Run):
        n = asked.n or min(len_other or MOST_GENERATED, MOST_GENERATED)
        return images_of_run(given, n, asked.seed, closing), "all"
    if isinstance(given, ImageSet):
        split = asked.split if asked.split and given.provenance else "all"
        return _part(given, split), split
    trained_on = isinstance(other, Run) and given in _names_of_data(other)
    images = _dataset(given, other if trained_on else None, asked, size, is_real=len_other is None)
    wanted = "all" if given.startswith("folder:") else asked.split
    split = wanted or ("held-out" if trained_on else "all")
    return _part(images, split), split


def _names_of_data(run: Run) -> set[str]:
    dataset = run.manifest.get("dataset") or {}
    return {run.recipe["data"], *(str(dataset.get(key)) for key in ("name", "asked"))}


def _dataset(name: str, run: Run | None, asked: Asked, size: Any, *, is_real: bool) -> ImageSet:
    """A dataset prepared as for the run that was trained on it, or else as is asked."""
    from zoo.data.loading import open_dataset
    from zoo.plugins import find
    from zoo.recipe import Recipe
    from zoo.settings import DATA_SETTINGS

    settings: dict[str, Any] = {"image_size": size or "native", **asked.data}
    if not is_real:
        settings["intensity"] = "none"
    if run is not None:
        recipe = Recipe.from_dict(run.recipe)
        settings = {key: recipe.settings[key] for key in DATA_SETTINGS}
        settings["multiple_of"] = find("generators", recipe.generator).multiple_of
        name = str((run.manifest.get("dataset") or {}).get("name") or name)
    return open_dataset(name, **settings).images


def _part(images: ImageSet, split: str) -> ImageSet:
    parts = {"train": ("train",), "held-out": HELD_OUT}
    if split == "all":
        return images
    chosen = images.split(*parts[split])
    if not len(chosen):
        raise ZooError(f"{images.name} has no {split} images; --split all takes all")
    return chosen


def _in_values_of(real: ImageSet, fake: ImageSet) -> ImageSet:
    """Files of the reals' raw type mapped to 8 bits as these are, never by their own range.

    Arrays and a run's images have no provenance: they are in stored values already.
    """
    mapping = real.intensity
    raw = bool(fake.provenance) and fake.intensity.low is None
    if not raw or fake.pixels.dtype.name != mapping.raw_dtype:
        return fake
    shared = mapping.low is not None and mapping.low.ndim == 1
    return replace(fake, intensity=mapping) if shared else fake


def _side(
    name: str, images: ImageSet, split: str, encoding: str, asked: Asked, quality: int | None
) -> Side:
    pictures = Pictures(images, quality)
    rows, fingerprint = by_content(pictures)
    if asked.n is not None and asked.n < len(images):
        pictures = pictures.take(rows).take(
            drawn_rows(_codes(images.groups[rows]), asked.n, seed=asked.seed)
        )
        rows, fingerprint = by_content(pictures)
    pictures = pictures.take(rows)
    return Side(
        name=name,
        sample=_sample(pictures, asked.by),
        dtype=images.dtype.name,
        fingerprint=fingerprint,
        encoding=encoding,
        split=split,
    )


def _codes(groups: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """Groups called by where they first occur, for their names may tell of the files' order."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return first[inverse].astype(str)


def _sample(pictures: Pictures, by: Sequence[str]) -> Sample:
    images = pictures.images
    classes = None
    if images.labels is not None:
        classes = np.array(images.class_names, np.str_)[images.labels]
    further = {name: images.fields[name].astype(str) for name in by if name in images.fields}
    return Sample(
        images=pictures,
        groups=_codes(images.groups),
        known=Known(classes, _ids(images)),
        kinds=kinds(images.groups, classes) | further,
    )


def _ids(images: ImageSet) -> npt.NDArray[np.str_] | None:
    """What tells true pairs: the ids of a file of arrays, a folder's file names without suffix."""
    if images.name.startswith("folder:"):
        return np.array([os.path.splitext(name)[0] for name in images.ids])
    if "id" in images.fields:
        return np.asarray(images.fields["id"].astype(str))
    return images.ids if images.provenance else None
