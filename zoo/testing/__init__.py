"""Checks for the tests of plugin authors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.testing.datasets import check_dataset

__all__ = ["CHECKS", "CORE", "check_dataset", "check_generator"]

CORE = ("record", "networks", "step", "seed")
CHECKS = (*CORE, "labels", "save", "resume", "xla", "augment", "mask")


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
        checks: Which checks, of `CHECKS`: `record` (its options can be read), `networks` (shapes,
            channels, samples), `step` (one training step changes what it has to), `seed` (equal
            seeds give equal weights), `labels` (they are needed and honoured), `save` (snapshot
            and `.keras`), `resume` (the weights of an interrupted training are those of a whole
            one), `xla` (its losses are those of the graph), `augment` (all that the discriminator
            sees passes `augment`), `mask` (one more channel). `CORE` takes seconds, `xla` most of
            the rest.
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
    from zoo.testing.generators import run_checks

    run_checks(generator, image_shape, folder, checks, options)
