"""Checks for the tests of plugin authors: the list that `zoo check` goes through, too."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.testing.lists import GENERATOR

__all__ = ["CHECKS", "CORE", "check_dataset", "check_generator", "conformance"]

CHECKS = tuple(check.name for check in GENERATOR)
CORE = tuple(check.name for check in GENERATOR if check.core)


def conformance(
    plugin: Any,
    *,
    kind: str | None = None,
    checks: Iterable[str] | None = None,
    **options: Any,
) -> Callable[..., None]:
    """A test for pytest that makes every check of `zoo check`, one case each.

    Args:
        plugin: A record, the name of an installed one, or the name of an installed package.
        kind: Only records of this kind, such as `"generator"`.
        checks: Only these, of those that `zoo check` names.
        **options: Of the object; small ones make it fast.

    Example:
        ```python
        from zoo.testing import conformance

        test_mygan = conformance("mygan")
        ```
    """
    from zoo.testing.cases import as_test

    return as_test(plugin, kind, checks, options)


def check_dataset(examples: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Check that examples are what a dataset may yield (`zoo.specs.Dataset`).

    Args:
        examples: A dataset's callable, called; it is iterated over twice.

    Returns:
        The examples of the first iteration, for further checks.

    Raises:
        AssertionError: If an example breaks the contract; the message names it and the field.

    Example:
        ```python
        def test_my_dataset(tmp_path):
            zoo.testing.check_dataset(MyDataset(str(tmp_path)))
        ```
    """
    from zoo.testing.datasets import check_dataset

    return check_dataset(examples)


def check_generator(
    generator: Any,
    *,
    image_shape: Sequence[int] | None = None,
    folder: str | Path | None = None,
    checks: Sequence[str] = CHECKS,
    **options: Any,
) -> None:
    """Check that a generator does what its record and the contract of `zoo.gan.GAN` promise.

    Args:
        generator: A `zoo.Generator`, or a subclass of `zoo.gan.GAN`, which is then taken for an
            unconditional one that makes images as a record's defaults say.
        image_shape: (H, W, C) to train at; by default about the smallest that the record allows.
        folder: Where files are written; by default a temporary folder.
        checks: Which checks, of `CHECKS`: `record` (its options can be read), `options` (they have
            types), `networks` (shapes, channels, samples), `range` (images from −1 to 1), `step`
            (one training step changes what it has to), `seed` (equal seeds give equal weights),
            `labels` (they are needed and honoured), `save` (snapshot and `.keras`), `resume` (the
            weights of an interrupted training are those of a whole one), `xla` (its losses are
            those of the graph), `augment` (all that the discriminator sees passes `augment`),
            `mask` (one more channel). `CORE` takes seconds, `xla` most of the rest.
        **options: Of the generator's `__init__` and `compile`; small ones make it fast.

    Raises:
        AssertionError: If the generator breaks the contract; the message says what to do.

    Example:
        ```python
        def test_my_generator(tmp_path):
            zoo.testing.check_generator(MyGAN, folder=tmp_path, width=4)
        ```
    """
    # Keras is not loaded for the sake of a dataset's test.
    from zoo.testing.generators import run_generator_checks

    run_generator_checks(generator, image_shape, folder, checks, options)
