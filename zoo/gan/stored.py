"""Trained generators from their run folders."""

import re
from typing import TYPE_CHECKING

from zoo.errors import UsageError
from zoo.gan.checkpoint import load_snapshot
from zoo.gan.model import GAN
from zoo.runs import Run

if TYPE_CHECKING:
    from zoo.recipe import Recipe


def build(recipe: "Recipe", image_shape: tuple[int, int, int]) -> GAN:
    """The untrained, uncompiled GAN of a recipe, its weights drawn from the recipe's seed."""
    from zoo.plugins import find
    from zoo.signatures import split_options

    network, _ = split_options(find("generators", recipe.generator), recipe.options)
    target = find("generators", recipe.generator).load()
    gan: GAN = target(image_shape=image_shape, seed=recipe.settings["seed"], **network)
    return gan


def snapshot_steps(run: Run) -> list[int]:
    """The steps at which the run stored its averaged generator, ascending."""
    names = (path.name for path in run.snapshots.glob("*.weights.npz"))
    return sorted(int(match[1]) for name in names if (match := re.match(r"(\d+)\.", name)))


def load_run(run: Run, *, step: int | None = None) -> GAN:
    """The averaged generator of a run, ready for `sample`.

    Args:
        run: A run that has stored a snapshot.
        step: Which snapshot; the last one by default.

    Raises:
        zoo.errors.UsageError: If there is no snapshot, or none of that step.
    """
    from zoo.recipe import Recipe

    steps = snapshot_steps(run)
    if not steps:
        raise UsageError(f"{run.path} holds no trained generator yet")
    if step is not None and step not in steps:
        raise UsageError(f"{run.path} has no snapshot of step {step}; choose from {steps}")
    chosen = steps[-1] if step is None else step
    gan = build(Recipe.from_dict(run.recipe), tuple(run.manifest["image_shape"]))
    set_snapshot(gan, run, chosen)
    return gan


def set_snapshot(gan: GAN, run: Run, step: int) -> None:
    """Give a GAN of this run the averaged generator that was stored at a step."""
    load_snapshot(gan, run.snapshots / f"{step:08d}.weights.npz")
