"""A model zoo for biomedical image synthesis that third parties extend."""

from typing import Any

import pluggy

from zoo import feedback, turing
from zoo.specs import (
    API_VERSION,
    Archive,
    Dataset,
    Detector,
    Extractor,
    Generator,
    Metric,
    Size,
    Tracker,
)

hookimpl = pluggy.HookimplMarker("zoo")

__all__ = [
    "API_VERSION",
    "Archive",
    "Dataset",
    "Detector",
    "Extractor",
    "Generator",
    "Metric",
    "Size",
    "Tracker",
    "compare",
    "detect",
    "feedback",
    "generate",
    "hookimpl",
    "load",
    "memorisation",
    "monitor",
    "publish",
    "pull",
    "run",
    "score",
    "segment",
    "study",
    "turing",
    "utility",
]


def load(kind: str, name: str, **options: Any) -> Any:
    """Load a dataset, generator, detector, extractor, metric or run by name.

    Args:
        kind: `"dataset"`, `"generator"`, `"detector"`, `"extractor"`, `"metric"` or `"run"`.
        name: What `zoo list` shows, or for a run its folder.
        **options: Passed to the object: for a dataset `image_size=64`, for a generator
            `image_shape=(64, 64, 1)`, `classes=4` of a conditional one, and its own keywords.

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


def generate(run: Any, n: int = 64, **settings: Any) -> Any:
    """Images from a trained run, as `zoo generate RUN` writes them.

    Args:
        run: A run with a trained generator, or its folder.
        n: Images, or rows with `interpolate`.
        **settings: `seed=0`; `class_name` of a conditional generator; `truncation=1.0`, a factor
            on the latents, below 1 for typical rather than varied images; `interpolate`, images in
            a row from one latent to another, and `to_seed`, which draws the latents at the ends;
            `step` of a snapshot instead of the last.

    Returns:
        A `zoo.generating.Generated`: `images` (n, H, W, C) in the values of the training images,
        `masks`, `facts`, and `write(folder)`, which marks each file as synthetic.

    Raises:
        zoo.errors.UsageError: If there is no trained generator, no such class or no such step.
    """
    from zoo.generating import generate

    return generate(run, n, **settings)


def detect(run: Any, **settings: Any) -> dict[str, Any]:
    """Train detectors to tell a run's images from real ones, as `zoo detect RUN` does.

    Writes `detection.json`, the trained detectors and pictures into the run folder, and builds its
    report again. `zoo.detecting` has the same for two sets of images and across several runs.

    Args:
        run: A trained run, or its folder.
        **settings: `detectors=["logistic", "resnet50"]`, all but the large networks by default,
            and the fields of `zoo.detecting.Study`: `n=400`, `repeats=3`, `seed=0`,
            `options={"resnet50": {"epochs": 4}}`, ….

    Returns:
        What `detection.json` holds: `detectors`, `controls`, `valid`, `reasons`, `curve`, `trend`,
        `robustness`, `not_computed`, `protocol`.

    Raises:
        zoo.errors.NotComputed: If no detector has a result; the run is left as it was.
    """
    from zoo.detecting import detect

    return detect(run, **settings)


def utility(run: Any, **settings: Any) -> dict[str, Any]:
    """What generated images are worth as training data, as `zoo utility RUN` measures it.

    Writes `utility.json` into the run folder and builds its report again.

    Args:
        run: A class-conditional run or its folder, or a mapping of each class to its run.
        **settings: `classifiers=["resnet50"]`, `external=` another dataset, and the fields of
            `zoo.evaluation.utility_plan.Plan`: `seeds=3`, `n=2000`,
            `imbalance=("MONOCYTE", [0.1])`, `low_data=[0.1]`, ….

    Returns:
        What `utility.json` holds: `table`, `ratios`, `differences`, `majority`, `imbalance`,
        `low_data`, `external`, `not_computed`, `protocol`.
    """
    from zoo.evaluation.on_runs import utility_of

    return utility_of(run, **settings)


def segment(run: Any, **settings: Any) -> dict[str, Any]:
    """Dice and IoU of a U-Net trained on a run's images and masks, as `zoo segment RUN` does.

    Writes `segmentation.json` into the run folder and builds its report again.

    Args:
        run: A run that was trained with masks, or its folder.
        **settings: The fields of `zoo.evaluation.segmentation.Plan`: `seeds=3`, `n=2000`,
            `steps=800`, ….
    """
    from zoo.evaluation.on_runs import segmentation_of

    return segmentation_of(run, **settings)


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


def monitor(run: Any, data: str, **settings: Any) -> dict[str, Any]:
    """Has new data drifted from what a run was trained on? As `zoo monitor RUN DATA`.

    Args:
        run: A run, or its folder.
        data: A dataset's name, or a folder.
        **settings: `seed`, `weights` and `layer` of the feature network, and settings of the new
            data that differ from the run's.
    """
    from zoo.finished import monitor

    return monitor(run, data, **settings)


def compare(*runs: Any, metrics: Any = ()) -> dict[str, Any]:
    """The numbers of runs side by side, as `zoo compare RUN…` prints them.

    Args:
        *runs: Runs, or their folders.
        metrics: Names of numbers; all by default.

    Raises:
        zoo.errors.UsageError: If protocol cards differ; the message names the field.
    """
    from zoo.evaluation.across import compare_runs
    from zoo.runs import Run

    return compare_runs([Run.open(run) for run in runs], metrics=metrics)


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


def study(design: Any, **settings: Any) -> dict[str, Any]:
    """Carry out what a study lacks, as `zoo study STUDY` does.

    Args:
        design: A study's YAML file, or the name of a study that comes with zoo.
        **settings: `out=` its folder, `studies/NAME` by default; `cpus=` of this machine, all by
            default; `ray_address=` of a cluster. Ray that this process has started is used.

    Returns:
        What `leaderboard.json` holds: `cells`, each with `status` and `reason`; `groups`, with the
        mean over seeds of each number; `rankings`.

    Raises:
        zoo.errors.UsageError: If the file has an unknown key, name or value; nothing has begun.
        zoo.errors.ZooError: If Ray is not installed, or another process holds the folder. A cell
            that fails raises nothing.
        zoo.errors.Interrupted: On Ctrl-C or SIGTERM; the same call continues.
    """
    from zoo.studies.driver import study

    return study(design, **settings)


def publish(run: Any, *, to: Any, **settings: Any) -> dict[str, Any]:
    """Write a folder to publish, as `zoo publish RUN --to DIR` does; nothing is uploaded.

    Args:
        run: A finished run, or its folder.
        to: A folder that does not exist or is empty; written whole or not at all.
        **settings: `licence="CC-BY-4.0"` of the model, by default that of the images;
            `accept_licence=` the images' licence by its name, where it asks for a decision;
            `accept_copies=True` where copies were found; `with_real_images=True`.

    Returns:
        `{"folder", "name", "licence", "licence_of_training_images", "accepted", "warnings",
        "with_real_images", "files"}`, the files with their bytes.

    Raises:
        zoo.errors.ZooError: If the run has not finished, its images' licence was not accepted, or
            copies were found.
        zoo.errors.UsageError: If the folder is not empty, or the licence does not suit the images'.
    """
    from zoo.publishing.publish import publish

    return publish(run, to=to, **settings)


def pull(source: Any, *, runs: Any = "runs", name: str | None = None) -> Any:
    """Make a run of a published generator, as `zoo pull SOURCE` does.

    Args:
        source: A folder that `zoo publish` wrote, a `.zip` or `.tar` of it, `https://…`, or
            `hf:owner/name` for a repository of huggingface.co.
        runs: Folder that holds the runs.
        name: What the run is called after its number.

    Returns:
        The finished `zoo.runs.Run`.

    Raises:
        zoo.errors.ZooError: If a file is missing, additional or not the one that is stated, holds
            what could run code, or the generator is not installed; nothing is left then.
        zoo.errors.UsageError: If the source is none of these.
    """
    from zoo.publishing.pull import pull

    return pull(source, runs=runs, name=name)
