"""The images and the generator of a run, as training and measurements take them."""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from zoo.data import ImageSet
from zoo.data import load as load_data
from zoo.errors import ZooError
from zoo.plugins import find
from zoo.publishing.cleaning import UNPUBLISHED
from zoo.recipe import Recipe
from zoo.runs import Run
from zoo.settings import DATA_SETTINGS

Sampler = Callable[[int, int], npt.NDArray[Any]]
"""`sample(n, seed)`, n images (n, H, W, C) of the dataset's type."""


def load_images(recipe: Recipe, name: str, **changes: Any) -> ImageSet:
    """The images of a recipe, from the dataset of a resolved name, read by changed settings."""
    multiple_of = find("generators", recipe.generator).multiple_of
    settings = {key: recipe.settings[key] for key in DATA_SETTINGS} | changes
    return load_data(name, multiple_of=multiple_of, **settings)


def images_of(
    run: Run, *, data: str | None = None, offline: bool = False, **changes: Any
) -> ImageSet:
    """The images that a run was trained on, with their splits.

    Args:
        run: Its recipe says how they are read.
        data: Another dataset, read in the same way.
        offline: Never use the network, whatever the recipe says.
        **changes: Settings to read them by instead.

    Raises:
        zoo.errors.ZooError: If the dataset is not the one that the run was trained on, unless
            something is changed, or is that of a publisher who kept it.
    """
    recipe = Recipe.from_dict(run.recipe)
    if not data and recipe.data.endswith(f":{UNPUBLISHED}"):
        raise ZooError(f"{run.path} was pulled, and its training images were not published")
    stay = {"offline": True} if offline else {}
    images = load_images(recipe, data or recipe.data, **{**changes, **stay})
    if not (data or changes):
        check_unchanged(run, images)
    return images


def check_unchanged(run: Run, images: ImageSet) -> None:
    """Refuse images that are not those that a run began with.

    Raises:
        zoo.errors.ZooError: If their fingerprints differ; the message holds the beginning of both.
    """
    before = run.manifest.get("dataset", {}).get("fingerprint")
    if before and before != images.fingerprint:
        raise ZooError(
            f"{run.recipe.get('data')} changed since {run.path} began: "
            f"fingerprint {before[:12]} then, {images.fingerprint[:12]} now"
        )


def sampler(gan: Any, images: ImageSet) -> Sampler:
    """Images as the dataset's: of its type, and without the mask channel."""
    channels = images.shape[-1]
    return lambda n, seed: gan.sample(n, seed=seed, dtype=images.dtype.name)[..., :channels]


def snapshot_samplers(run: Run, images: ImageSet) -> dict[int, Sampler]:
    """Training step to the `sample` of the averaged generator that was stored at it."""
    from zoo.gan import load_run, set_snapshot

    earlier = load_run(run)

    def of_step(step: int) -> Sampler:
        def sample(n: int, seed: int) -> npt.NDArray[Any]:
            set_snapshot(earlier, run, step)
            return sampler(earlier, images)(n, seed)

        return sample

    return {step: of_step(step) for step in run.snapshot_steps()}
