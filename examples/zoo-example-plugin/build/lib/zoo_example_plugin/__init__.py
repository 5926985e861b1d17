"""dcgan-drift, a generator for zoo."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_generators() -> Iterator[zoo.Generator]:
    """What zoo knows before it imports the model."""
    yield zoo.Generator(
        "dcgan-drift",
        "zoo_example_plugin.model:DriftGAN",
        "DCGAN whose discriminator keeps its answers to real images near 0",
        paper="arXiv:1710.10196",
        licence="MIT",
        multiple_of=1,
        sides=(16, 1024),
        presets={"quick": {"batch_size": 16, "augment": "none"}},
    )
