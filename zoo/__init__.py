"""A model zoo for biomedical image synthesis that third parties extend."""

from typing import Any

import pluggy

from zoo import turing
from zoo.specs import Archive, Dataset, Detector, Extractor, Generator, Metric, Size, Tracker

hookimpl = pluggy.HookimplMarker("zoo")

__all__ = [
    "Archive",
    "Dataset",
    "Detector",
    "Extractor",
    "Generator",
    "Metric",
    "Size",
    "Tracker",
    "hookimpl",
    "load",
    "memorisation",
    "run",
    "score",
    "turing",
]


def load(kind: str, name: str, **options: Any) -> Any:
    """Load a dataset, generator, detector, extractor, metric or run by name.

    Args:
        kind: `"dataset"`, `"generator"`, `"detector"`, `"extractor"`, `"metric"` or `"run"`.
        name: What `zoo list` shows, or for a run its folder.
        **options: Passed to the object: for a dataset `image_size=64`, for a generator
            `image_shape=(64, 64, 1)` and its own keywords.

    Returns:
        A `zoo.data.ImageSet`, an uncompiled `zoo.gan.GAN`, a classifier, …, or a run's
        trained GAN.

    Raises:
        zoo.errors.UsageError: If the name is unknown; the message lists the choices.
    """
    from zoo.loading import load

    return load(kind, name, **options)


def run(generator: str, data: str | None = None, **settings: Any) -> Any:
    """Train, sample, measure and report, as `zoo run GENERATOR --data DATA` does.

    Args:
        generator: Name of a generator or of a recipe.
        data: Name of a dataset; may be left out with a recipe.
        **settings: The command's options with underscores (`kimg=20`, `image_size=64`,
            `out="runs"`); `options={"width": 64}` stands for `-o width=64`.

    Returns:
        The finished `zoo.runs.Run`.
    """
    from zoo.workflow import run

    return run(generator, data, **settings)


def memorisation(run: Any, **settings: Any) -> dict[str, Any]:
    """Look for copies of training images, as `zoo memorisation RUN` does.

    Writes `memorisation.json` and a picture of the likeliest copies into the run folder, and
    builds its report again.

    Args:
        run: A finished run, or its folder.
        **settings: `n` generated images (1000), `seed`, and `weights` and `layer` of the feature
            network.

    Returns:
        What `memorisation.json` holds: `verdict`, `flagged`, `tests`, `suspects`, `pairs`,
        `not_computed`, `protocol`.
    """
    from zoo.finished import memorisation

    return memorisation(run, **settings)


def score(real: Any, fake: Any, **settings: Any) -> dict[str, Any]:
    """Compare two sets of images, as `zoo score REAL FAKE` does.

    Args:
        real: A dataset's name, a folder, a run, an `.npz` or `.npy` file, a uint8 or uint16
            array (n, H, W, C), or a `zoo.data.ImageSet`.
        fake: The same; a run stands for images that its generator makes.
        **settings: The command's options with underscores: `metrics=["fid", "kid"]`,
            `weights=FILE`, `layer="mixed8"`, `extractor=` a name or a network of your own,
            `image_size=64`, `split="held-out"`, `n=1000`, `seed=0`, `by=["plate"]`,
            `reencode="jpeg:90"`, `runs="runs"`, `data={"view": "tile"}`.

    Returns:
        `{"metrics": [{"name", "value", "interval", "n_real", "n_fake", "floor", "ratio",
        "protocol"}], "not_computed": [{"name", "reason"}]}`: each score with its range over
        subsamples, the score of real against real images at the same number, the ratio to that,
        and a protocol card. Names of classes and groups end in `[class=NAME]` or `[group=NAME]`.

    Raises:
        zoo.errors.UsageError: If a side is not known, or one is lossy and the other lossless.
        zoo.errors.ZooError: If a side cannot be read, or the images differ in size.
    """
    from zoo.evaluation.pair import score

    return score(real, fake, **settings)
