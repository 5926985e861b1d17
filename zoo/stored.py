"""The images and the generator of a run, as training and measurements take them."""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from zoo.data import ImageSet
from zoo.data import load as load_data
from zoo.errors import ZooError
from zoo.plugins import find
from zoo.recipe import Recipe
from zoo.runs import Run
from zoo.settings import DATA_SETTINGS

Sampler = Callable[[int, int], npt.NDArray[Any]]
"""`sample(n, seed)`, n images (n, H, W, C) of the dataset's type."""


def load_images(recipe: Recipe, name: str) -> ImageSet:
    """The images of a recipe, from the dataset of a resolved name."""
    multiple_of = find("generators", recipe.generator).multiple_of
    settings = {key: recipe.settings[key] for key in DATA_SETTINGS}
    return load_data(name, multiple_of=multiple_of, **settings)


def images_of(run: Run, recipe: Recipe) -> ImageSet:
    """The images that a run began with.

    Raises:
        zoo.errors.ZooError: If they are not prepared, or their fingerprint is another now; the
            message holds the beginning of both.
    """
    images = load_images(recipe, recipe.data)
    before = run.manifest.get("dataset", {}).get("fingerprint")
    if before and before != images.fingerprint:
        raise ZooError(
            f"{recipe.data} changed since {run.path} began: "
            f"fingerprint {before[:12]} then, {images.fingerprint[:12]} now"
        )
    return images


def sampler(gan: Any, images: ImageSet) -> Sampler:
    """Images as the dataset's: of its type, and without the mask channel."""
    channels = images.shape[-1]
    return lambda n, seed: gan.sample(n, seed=seed, dtype=images.dtype.name)[..., :channels]
