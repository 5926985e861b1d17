"""Trained generators from their run folders."""

from zoo.gan.checkpoint import load_snapshot
from zoo.gan.model import GAN
from zoo.plugins import find
from zoo.recipe import Recipe
from zoo.runs import Run
from zoo.signatures import split_options


def build(recipe: Recipe, image_shape: tuple[int, int, int]) -> GAN:
    """The untrained, uncompiled GAN of a recipe, its weights drawn from the recipe's seed."""
    record = find("generators", recipe.generator)
    network, _ = split_options(record, recipe.options)
    gan: GAN = record.load()(image_shape=image_shape, seed=recipe.settings["seed"], **network)
    return gan


def load_run(run: Run, *, step: int | None = None) -> GAN:
    """The averaged generator of a run, ready for `sample`.

    Args:
        run: A run that has stored a snapshot.
        step: Which snapshot; the last one by default.

    Raises:
        zoo.errors.UsageError: If there is no snapshot, or none of that step.
    """
    chosen = run.snapshot_step(step)
    gan = build(Recipe.from_dict(run.recipe), tuple(run.manifest["image_shape"]))
    set_snapshot(gan, run, chosen)
    return gan


def set_snapshot(gan: GAN, run: Run, step: int) -> None:
    """Give a GAN of this run the averaged generator that was stored at a step."""
    load_snapshot(gan, run.snapshot_path(step))
