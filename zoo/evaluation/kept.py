"""Trained detectors on disk, and what one of them says of a picture."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.claims import NOTICE
from zoo.data.decode import decode
from zoo.data.imageset import ImageSet
from zoo.data.intensity import Intensity
from zoo.data.locking import staged
from zoo.errors import UsageError, ZooError, expected_form
from zoo.evaluation.answers import accuracy
from zoo.evaluation.robustness import jpeg
from zoo.evaluation.trial import Trial, probabilities
from zoo.metrics.features import to_uint8
from zoo.plain import parse_json
from zoo.plugins import find
from zoo.runs.files import remove_folder, write_json
from zoo.specs import Detector

FILES = {"sklearn": "detector.skops", "keras": "detector.keras"}
FACTS = "facts.json"
NEEDED = ("detector", "data", "image_shape", "intensity", "test_accuracy", "n_test")
LIMIT = (
    "A detector knows the generator and the data that it was trained on; its answer on other "
    f"images means nothing. {NOTICE}"
)


def keep(
    folder: Path, record: Detector, detector: Any, trial: Trial, facts: Mapping[str, Any]
) -> None:
    """Write a fitted detector and what is needed to ask it again, whole or not at all.

    Args:
        folder: Replaced if it is there.
        record: Which detector.
        detector: Fitted; one without `save`, or whose module has no `load`, is not kept.
        trial: What it learnt from; the test images say how good it is.
        facts: What `image_facts` gives, where the generated images come from, and whether the
            table that the detector is in is `valid`, with `reasons`.
    """
    if not (hasattr(detector, "save") and hasattr(_module(record), "load")):
        return
    answers = probabilities(detector, trial.test.images)
    tested = {"test_accuracy": accuracy(answers, trial.test.labels), "n_test": len(trial.test)}
    with staged(folder) as writing:
        detector.save(writing / FILES[record.framework])
        write_json(writing / FACTS, {"detector": record.name, **facts, **tested})
        if folder.is_dir():
            remove_folder(folder)


def clear(folder: Path) -> None:
    """Delete the detectors that were kept in a folder, and nothing else."""
    for name in kept_names(folder):
        remove_folder(folder / name)


def image_facts(images: ImageSet, *, recompress: int | None = None) -> dict[str, Any]:
    """How pictures must be prepared before a detector of these images may see them.

    Args:
        images: What it was trained on.
        recompress: Quality of the JPEG compression of its training images, if any.
    """
    return {
        "recompress": recompress,
        "data": images.name,
        "image_shape": list(images.shape[1:]),
        "intensity": images.intensity.facts(),
    }


def find_kept(text: str, folder: Path | None) -> Path:
    """The folder of a kept detector.

    Args:
        text: A path of it or of a file in it, or its name in `folder`.
        folder: The detectors of a run, if one was named.

    Raises:
        zoo.errors.UsageError: If there is none; the message lists those of the run.
    """
    places = [Path(text), Path(text).parent]
    places = [folder / text, *places] if folder else places
    for place in places:
        if (place / FACTS).is_file():
            return place
    names = kept_names(folder) if folder else []
    choices = f"; choose from {', '.join(names)}" if names else ""
    raise UsageError(
        f"no trained detector {text!r}{choices}; `zoo detect RUN` trains and keeps them"
    )


def kept_names(folder: Path) -> list[str]:
    """Names of the detectors that were kept in a folder."""
    names = (path.parent.name for path in folder.glob(f"*/{FACTS}"))
    return sorted(name for name in names if not name.startswith("."))


def open_kept(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A kept detector and its facts.

    Raises:
        zoo.errors.ZooError: If its files are damaged, or hold something else.
    """
    facts = _facts(folder / FACTS)
    record = find("detectors", str(facts.get("detector")))
    return _module(record).load(folder / FILES[record.framework]), facts


def _module(record: Detector) -> Any:
    return import_module(record.target.partition(":")[0])


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = dict(parse_json(path.read_text(encoding="utf-8"), str(path)))
    except (OSError, ValueError, TypeError) as error:
        raise ZooError(f"{path} is damaged: {error}") from error
    if missing := [key for key in NEEDED if key not in facts]:
        raise ZooError(f"{path} is damaged: it does not state {', '.join(missing)}")
    shape = facts["image_shape"]
    if not isinstance(shape, list) or len(shape) != 3 or any(type(n) is not int for n in shape):
        raise ZooError(f"{path} is damaged: it does not state the shape of images")
    return facts


def ask(file: Path, folder: Path) -> dict[str, Any]:
    """What a kept detector says of one picture.

    The picture must be at the scale of the training images, as `zoo generate` writes them. One
    that is larger than those is cut into tiles of their size, which do not overlap; what is left
    over at the right and at the bottom is not looked at.

    Raises:
        zoo.errors.ZooError: If the picture cannot be read, is too small, or has another number of
            channels or another type than the training images; or if each of these was mapped by
            its own values.
    """
    opened = open_kept(folder)
    if not file.is_file():
        raise UsageError(f"no file {file}")
    with expected_form(folder):
        return judged(prepared(file, opened[1], name=str(file)), *opened, name=str(file))


def judged(
    image: npt.NDArray[np.uint8], detector: Any, facts: Mapping[str, Any], *, name: str
) -> dict[str, Any]:
    """What an opened detector says of one picture, as `ask` gives it.

    Args:
        image: (H, W, C) in the grey levels of the images that it was trained on.
        detector: What `open_kept` gave.
        facts: The same.
        name: Of the picture, for messages.

    Raises:
        zoo.errors.ZooError: If the picture is too small.
    """
    images = _tiles(image, *facts["image_shape"][:2], name=name)
    if quality := facts.get("recompress"):
        images = jpeg(images, quality)
    answers = probabilities(detector, images)
    probability = float(answers.mean())
    return {
        "image": name,
        "says": "generated" if probability >= 0.5 else "real",
        "probability_generated": probability,
        "tiles": len(answers),
        "tiles_called_generated": int(np.sum(answers >= 0.5)),
        "detector": facts["detector"],
        "trained_on": {key: facts.get(key) for key in ("data", "generated", "image_shape")},
        "test_accuracy": facts["test_accuracy"],
        "n_test": facts["n_test"],
        "valid": facts.get("valid"),
        "reasons": facts.get("reasons", []),
        "limit": LIMIT,
    }


def prepared(
    content: Path | bytes, facts: Mapping[str, Any], *, name: str
) -> npt.NDArray[np.uint8]:
    """A picture (H, W, C) in the grey levels of the images that a detector was trained on.

    Args:
        content: A file, or its bytes.
        facts: Of the detector.
        name: Of the file, for messages and where its ending says what it is.
    """
    try:
        pixels, _ = decode(content, name=name)
    except ZooError as error:
        raise ZooError(f"{name}: {error}") from error
    if facts["intensity"].get("per") == "image":
        raise ZooError(
            f"{facts['detector']} learnt from images that were each mapped by values of their own "
            f"(intensity {facts['intensity'].get('by')}); it cannot be asked about {name}"
        )
    intensity = Intensity.from_facts(facts["intensity"])
    *_, channels = facts["image_shape"]
    if pixels.shape[2] != channels or pixels.dtype.name != intensity.raw_dtype:
        raise ZooError(
            f"{name} has {pixels.shape[2]} channels of {pixels.dtype}; the detector was trained on "
            f"{channels} of {intensity.raw_dtype}"
        )
    return np.asarray(to_uint8(intensity.apply(pixels[None]))[0])


def _tiles(
    image: npt.NDArray[np.uint8], height: int, width: int, *, name: str
) -> npt.NDArray[np.uint8]:
    rows, columns = image.shape[0] // height, image.shape[1] // width
    if not rows or not columns:
        found = f"{image.shape[0]}x{image.shape[1]}"
        raise ZooError(f"{name} is {found}, smaller than the detector's {height}x{width}")
    cut = image[: rows * height, : columns * width]
    apart = cut.reshape(rows, height, columns, width, -1).swapaxes(1, 2)
    return np.ascontiguousarray(apart.reshape(-1, height, width, image.shape[2]))
