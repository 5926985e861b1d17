"""What a run's kept detectors say of one image, and how far that goes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import streamlit as st

from zoo.app import made
from zoo.app.generating import seed_choice
from zoo.app.pictures import visible
from zoo.app.settings import MAX_UPLOAD_MB
from zoo.app.words import plain, told
from zoo.evaluation.kept import LIMIT, judged, kept_names, open_kept, prepared
from zoo.report.numbers import percent
from zoo.report.scale import pixel_width
from zoo.runs import Run

UPLOADED, GENERATED, HELD_OUT = "A file of mine", "A generated image", "A held-out real image"
ENDINGS = ["png", "jpg", "jpeg", "tif", "tiff"]
LARGE = 240


class Shown(NamedTuple):
    """An image to ask about.

    Attributes:
        name: For messages.
        pixels: (H, W, C) uint8, in the grey levels of the detectors' training images.
        truth: What is known of it, or nothing.
        warning: Why its file may decide instead of what it shows, or nothing.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    truth: str = ""
    warning: str = ""


def show(run: Run) -> None:
    """Draw the screen of a run."""
    names = kept_names(run.detectors)
    if not names:
        st.info(
            told(
                "This run keeps no trained detectors, so nothing can be asked here. In a terminal, "
                f"`zoo detect {run.path}` trains and keeps them."
            )
        )
        return
    st.caption(LIMIT)
    with made.waiting():
        opened = [
            _opened(str(run.detectors / name), _stamp(run.detectors / name)) for name in names
        ]
    kind = st.radio("Image", (UPLOADED, GENERATED, HELD_OUT), horizontal=True, key=f"of {run.name}")
    image = CHOICES[kind](run, opened[0][1])
    if image is not None:
        _answer(run, image, opened)


@st.cache_resource(max_entries=16, show_spinner=False)
def _opened(folder: str, stamp: int) -> tuple[Any, dict[str, Any]]:
    return open_kept(Path(folder))


def _stamp(folder: Path) -> int:
    return max(path.stat().st_mtime_ns for path in folder.iterdir())


def _uploaded(run: Run, facts: Mapping[str, Any]) -> Shown | None:
    size = "×".join(str(side) for side in facts["image_shape"][:2])
    file = st.file_uploader(
        f"PNG, JPEG or TIFF, {MAX_UPLOAD_MB} MB at most",
        ENDINGS,
        key=f"file {run.name}",
        help=f"At the scale of the training images, {size} pixels or larger; a larger one is cut "
        "into tiles. It stays on this machine and is not stored.",
    )
    if file is None:
        return None
    content = file.getvalue()
    warning = _codec_warning(content, file.name, run.read_mapping(run.data_path))
    return Shown(file.name, prepared(content, facts, name=file.name), warning=warning)


def _codec_warning(content: bytes, name: str, data: Mapping[str, Any]) -> str:
    from zoo.data.decode import LOSSY, encoding

    formats, codec = list(data.get("formats") or {}), encoding(content, name=name)
    lossy = codec.endswith(LOSSY)
    if all(known.endswith(LOSSY) == lossy for known in formats or [""]):
        return ""
    learnt = "; ".join(formats) or "not known to be compressed"
    return (
        f"{name} is {codec}; the real images that the detectors learnt from are {learnt}. The "
        "compression alone may decide the answer."
    )


def _generated(run: Run, facts: Mapping[str, Any]) -> Shown:
    seed = seed_choice("Seed", f"asked seed {run.name}", 1)
    (file,) = made.images(run, 1, seed=seed).files()
    name = f"Image 0 of seed {seed}"
    pixels = prepared(file.content, facts, name=file.name)
    return Shown(name, pixels, "It is generated, by this run.")


def _held_out(run: Run, facts: Mapping[str, Any]) -> Shown:
    from zoo.metrics.features import to_uint8

    with st.spinner("Reading the run's data…"):
        images = _test_images(str(run.path))
    number = st.number_input(
        f"Number, 0 to {len(images) - 1}", 0, len(images) - 1, 0, key=f"asked number {run.name}"
    )
    pixels = to_uint8(np.asarray(images[int(number)])[None])[0]
    return Shown(
        f"Test image {images.ids[number]}", pixels, "It is real, and was never trained on."
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def _test_images(path: str) -> Any:
    from zoo.stored import images_of

    return images_of(Run.open(path), offline=True).split("test")


CHOICES = {UPLOADED: _uploaded, GENERATED: _generated, HELD_OUT: _held_out}


def _answer(run: Run, image: Shown, opened: list[tuple[Any, dict[str, Any]]]) -> None:
    if image.warning:
        st.warning(told(image.warning))
    width = pixel_width(run.read_mapping(run.data_path))
    picture = visible(image.pixels, width, LARGE)
    st.image(picture, caption=plain(f"{image.name}. {image.truth}"), alt=plain(image.name))
    for detector, facts in opened:
        with made.waiting():
            answer = judged(image.pixels, detector, facts, name=image.name)
        _said(answer)


def _said(answer: Mapping[str, Any]) -> None:
    probability = answer["probability_generated"]
    tiles = f", mean of {answer['tiles']} tiles" if answer["tiles"] > 1 else ""
    st.progress(
        probability,
        f"**{plain(answer['detector'])}** says **{answer['says']}**: probability of being "
        f"generated {percent(probability)}{tiles}.",
    )
    st.caption(
        plain(
            f"It was right about {percent(answer['test_accuracy'])} of {answer['n_test']} test "
            f"images, and knows only {answer['trained_on']['data']} and the images of "
            f"{answer['trained_on']['generated']}."
        )
    )
    if answer["valid"] is None:
        st.warning("This detector was kept without the controls of its table.")
    elif not answer["valid"]:
        st.error(told(f"Its table is void: {'; '.join(answer['reasons'])}."))
