"""Trained generators from their run folders."""

import numpy as np

from zoo.errors import expected_form
from zoo.gan.checkpoint import load_snapshot
from zoo.gan.model import GAN
from zoo.plugins import find
from zoo.recipe import Recipe
from zoo.runs import Run
from zoo.signatures import split_options


def build(recipe: Recipe, image_shape: tuple[int, ...], classes: int = 0) -> GAN:
    """The untrained, uncompiled GAN of a recipe, its weights drawn from the recipe's seed.

    Args:
        recipe: Which generator, its options and the seed.
        image_shape: (H, W, C) of the images, without a mask.
        classes: How many classes they have; only conditional generators are told.
    """
    record = find("generators", recipe.generator)
    network, _ = split_options(record, recipe.options)
    *sides, channels = image_shape
    masked = bool(recipe.settings["with_mask"])
    if classes and record.conditional != "no":
        network["classes"] = classes
    shape = (*sides, channels + masked)
    gan: GAN = record.load()(image_shape=shape, seed=recipe.settings["seed"], **network)
    gan.masked = masked
    return gan


def load_run(run: Run, *, step: int | None = None) -> GAN:
    """The averaged generator of a run, ready for `sample`, without its discriminator.

    Args:
        run: A run that has stored a snapshot.
        step: Which snapshot; the last one by default.

    Raises:
        zoo.errors.UsageError: If there is no snapshot, or none of that step.
    """
    chosen = run.snapshot_step(step)
    manifest = run.manifest
    with expected_form(run.path):
        classes = len(manifest.get("class_names") or [])
        gan = build(Recipe.from_dict(run.recipe), tuple(manifest["image_shape"]), classes)
        if gan.classes and manifest.get("class_shares"):
            gan.class_shares = np.asarray(manifest["class_shares"], float)
    set_snapshot(gan, run, chosen)
    gan.generator_only = True
    return gan


def set_snapshot(gan: GAN, run: Run, step: int) -> None:
    """Give a GAN of this run the averaged generator that was stored at a step."""
    load_snapshot(gan, run.snapshot_path(step))
