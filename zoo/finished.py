"""A finished run measured again: its data, its generator and its discriminator."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data import ImageSet
from zoo.data.home import home
from zoo.errors import ZooError
from zoo.evaluation.networks import OURS, find_network
from zoo.plugins import find
from zoo.recipe import Recipe
from zoo.runs import Run, write_bytes, write_json
from zoo.runs.pictures import pairs_png
from zoo.stored import Sampler, images_of, sampler

JUDGED = 64


@dataclass(frozen=True)
class Finished:
    """A run with what it was trained on.

    Attributes:
        run: The folder.
        recipe: How it was made.
        images: Its data, all splits, as they were.
    """

    run: Run
    recipe: Recipe
    images: ImageSet

    @classmethod
    def open(cls, run: Run) -> "Finished":
        """Load the data of a run.

        Raises:
            zoo.errors.ZooError: If they are not prepared, or are not what the run began with.
        """
        return cls(run, Recipe.from_dict(run.recipe), images_of(run))

    def extractor(self, weights: Any = None, layer: Any = None) -> Any:
        """The feature network, or the reason why there is none; by default the run's."""
        settings = self.recipe.settings
        return find_network(
            OURS,
            weights=weights or settings["inception_weights"],
            layer=layer or settings["inception_layer"],
        )

    def sampler(self) -> Sampler:
        """Images of the finished generator, of the data's type and without the mask channel."""
        from zoo.gan import load_run

        return sampler(load_run(self.run), self.images)

    def discriminator(self) -> Callable[[ImageSet], npt.NDArray[Any]] | str:
        """The logits of an image set, or the reason why there is no discriminator."""
        from zoo.gan import build
        from zoo.gan.checkpoint import restore_checkpoint
        from zoo.signatures import split_options

        if not any(self.run.checkpoints.glob("*.npz")):
            return "the run keeps no checkpoint, which alone holds the discriminator"
        record = find("generators", self.recipe.generator)
        gan = build(self.recipe, self.images.shape[1:], len(self.images.class_names))
        gan.compile(**split_options(record, self.recipe.options)[1])
        with self.run.lock():
            try:
                restore_checkpoint(gan, self.run.checkpoints)
            except ZooError as error:
                return str(error)

        def score(images: ImageSet) -> npt.NDArray[Any]:
            shown = images.with_masks() if gan.masked else images
            labels = shown.labels if gan.classes else None
            parts = [slice(at, at + JUDGED) for at in range(0, len(shown), JUDGED)]
            return np.concatenate(
                [gan.score(shown[p], None if labels is None else labels[p]) for p in parts]
            )

        return score


def memorisation(
    run: str | Path | Run,
    *,
    n: int = 1000,
    seed: int = 0,
    weights: Any = None,
    layer: Any = None,
) -> dict[str, Any]:
    """Look for copies; `zoo.memorisation` is this function and documents it."""
    from zoo.evaluation import memorisation as looking
    from zoo.report import build

    opened = Run.open(run)
    opened.snapshot_step()  # wrong use is told before the data are loaded
    finished = Finished.open(opened)
    result = looking.memorisation(
        finished.images,
        finished.sampler(),
        extractor=finished.extractor(weights, layer),
        score=finished.discriminator(),
        n=n,
        seed=seed,
        flips=finished.recipe.options.get("flips", "none"),
        cache=home() / "features",
    )
    with opened.lock():
        write_json(opened.memorisation_path, result.found)
        if len(result.fakes):
            sheet = pairs_png(result.fakes, result.reals, 4)
            write_bytes(opened.sample_path("copies"), sheet)
        build(opened)
    return result.found


def monitor(
    run: str | Path | Run,
    data: str,
    *,
    seed: int = 0,
    weights: Any = None,
    layer: Any = None,
    **settings: Any,
) -> dict[str, Any]:
    """Has new data drifted from what a run was trained on?

    The new images are cut to the run's size and take its mapping of intensities.

    Args:
        run: The run, or its folder.
        data: A dataset's name, or a folder.
        seed: Of the images that are drawn.
        weights: Weights of the feature network; the run's by default.
        layer: Of the feature network; the run's by default.
        **settings: Of `zoo.data.load`, where the new data need others than the run's.

    Returns:
        What `zoo.evaluation.drift.drift` returns.

    Raises:
        zoo.errors.ZooError: If the images differ from the run's in size, channels or type.
    """
    from zoo.evaluation.drift import batch_of, drift

    finished = Finished.open(Run.open(run))
    kept = ("image_size", "view", "downscale", "min_foreground", "curate", "offline")
    chosen = {key: finished.recipe.settings[key] for key in kept} | settings
    batch = batch_of(data, finished.images, chosen)
    return drift(
        finished.images,
        batch,
        extractor=finished.extractor(weights, layer),
        seed=seed,
        cache=home() / "features",
    )
