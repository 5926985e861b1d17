"""A recipe's networks, trained: in this process, or shared with others."""

from collections.abc import Mapping, Sequence
from typing import Any

from zoo import workers
from zoo.data import ImageSet
from zoo.errors import UsageError
from zoo.plugins import find
from zoo.recipe import Recipe, check_size
from zoo.runs import Run
from zoo.specs import Generator
from zoo.workers import Logged


def train(run: Run, recipe: Recipe, images: ImageSet, gan: Any, logged: Logged) -> None:
    """Train a run's GAN for its budget, from its last checkpoint on.

    Args:
        run: What is written; the caller holds its lock.
        recipe: The run's.
        images: All splits of its data.
        gan: What `compiled` gave; its weights are the trained ones afterwards.
        logged: Called with the step and the values logged at it.
    """
    settings = recipe.settings
    strategy, n = workers.join(settings["workers"]), workers.count(settings["workers"])
    if not strategy and n == 1:
        _train(gan, run, recipe, images, [logged])
        return
    if strategy:
        train_worker(run, recipe, images, strategy, logged=logged)
    else:
        workers.train_together(run, n, threads=settings["threads"], logged=logged)
    from zoo.gan.checkpoint import restore_checkpoint

    restore_checkpoint(gan, run.checkpoints)


def follow(recipe: Recipe, images: ImageSet) -> None:
    """Compute for the first worker, if this process is another one, and end with it."""
    strategy = workers.join(recipe.settings["workers"])
    if workers.follows(strategy):
        train_worker(None, recipe, images, strategy)
        raise SystemExit(0)


def compiled(recipe: Recipe, images: ImageSet, strategy: Any = None) -> Any:
    """The GAN of a recipe for images of this size, ready to be trained.

    Args:
        recipe: Network, training and seed.
        images: All splits of its data.
        strategy: What `zoo.workers.join` gave, by default that of this machine's devices.

    Raises:
        zoo.errors.UsageError: If the generator cannot make such images.
    """
    from zoo.device import strategy as of_this_machine
    from zoo.gan import build
    from zoo.signatures import split_options

    record = find("generators", recipe.generator)
    _, training = split_options(record, recipe.options)
    _check_fits(record, recipe, images)
    with (strategy or of_this_machine(recipe.settings["gpus"])).scope():
        gan = build(recipe, images.shape[1:], len(images.class_names))
        gan.compile(**training, **_jit(recipe))
    return gan


def _check_fits(record: Generator, recipe: Recipe, images: ImageSet) -> None:
    *size, channels = images.shape[1:]
    check_size(record, tuple(size))
    if recipe.settings["with_mask"]:
        channels = images.with_masks().shape[-1]
    if channels not in record.channels:
        offered = ", ".join(map(str, record.channels))
        raise UsageError(f"{images.name} has {channels} channels; {record.name} makes {offered}")
    if record.conditional == "required" and images.labels is None:
        raise UsageError(
            f"{record.name} needs labels, and {images.name} has none: {_fields(images)}"
        )


def _fields(images: ImageSet) -> str:
    counts = {name: len(set(images.fields[name].tolist())) for name in images.fields}
    # A crop's own facts are no label of the image that it was cut from.
    names = [k for k, n in counts.items() if k not in ("source", "objects") and 1 < n <= 100]
    return f"--label takes {', '.join(names)}" if names else "--labels FILE gives them"


def train_worker(
    run: Run | None,
    recipe: Recipe,
    images: ImageSet,
    strategy: Any,
    *,
    logged: Logged | None = None,
) -> None:
    """Train as one of several workers.

    Args:
        run: For the first worker, the run that it writes.
        recipe: The same for all.
        images: The data, alike on all.
        strategy: What `zoo.workers.join` gave.
        logged: Called with the step and the values logged at it.
    """
    gan = compiled(recipe, images, strategy)
    _train(gan, run, recipe, images, [logged] if logged else [])


def _train(
    gan: Any, run: Run | None, recipe: Recipe, images: ImageSet, loggers: Sequence[Logged]
) -> None:
    from zoo.gan import Budget, train

    settings = recipe.settings
    shown = images.with_masks() if settings["with_mask"] else images
    train(
        gan,
        shown.split("train"),
        Budget(**recipe.budget),
        run=run,
        held_out=shown.split("validation"),
        loggers=loggers,
        **{name: settings[name] for name in ("keep", "on_collapse", "steps_per_call")},
    )


def _jit(recipe: Recipe) -> Mapping[str, Any]:
    choice = recipe.settings["jit"]
    return {} if choice == "auto" else {"jit_compile": choice == "on"}
