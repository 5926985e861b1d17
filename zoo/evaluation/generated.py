"""Images that a run's generator makes, written to disk as they are made."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.progress import progress
from zoo.runs import Run


def images_of_run(run: Run, n: int, seed: int, closing: ExitStack) -> ImageSet:
    """n images of a run's final generator, without masks, with their classes if it has any.

    They are the images that the run itself is scored with, for the same seed.

    Args:
        run: A run with a trained generator.
        n: How many.
        seed: Seed of the latents.
        closing: Removes the temporary file that holds the images.

    Raises:
        zoo.errors.ZooError: If the run has no trained generator.
    """
    from zoo.device import configure

    configure()
    from zoo.data.intensity import Intensity
    from zoo.gan import load_run
    from zoo.gan.sampling import batches

    gan = load_run(run)
    facts = run.read_mapping(run.data_path)
    dtype = Intensity.from_facts(facts.get("intensity") or {}).stored_dtype
    channels = run.manifest["image_shape"][-1]
    folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="zoo-score-"))
    path = Path(folder, "images.npy")
    height, width = gan.image_shape[:2]
    made = (batch[..., :channels] for batch in batches(gan, n, None, seed, 1.0, dtype.name))
    _write(path, made, (n, height, width, channels), dtype)
    labels = gan.sampled_labels(n, seed)
    images = ImageSet.from_array(np.load(path, mmap_mode="r"), name=run.path.resolve().name)
    if labels is None:
        return images
    return replace(images, labels=labels.astype(np.int64), class_names=tuple(run.class_names))


def _write(
    path: Path,
    batches: Iterator[npt.NDArray[Any]],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file, progress("Generating", shape[0], "images") as advance:
        np.lib.format.write_array_header_1_0(file, header)
        for batch in batches:
            file.write(np.ascontiguousarray(batch).tobytes())
            advance(len(batch))
