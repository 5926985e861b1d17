"""DCGAN (Radford, Metz & Chintala, 2015)."""

from collections.abc import Iterator
from typing import Any

import zoo

# DiffAugment protects a long training on few images from overfitting; within 50 kimg it only slows
# the discriminator down. ADA waits until it is needed. Smaller batches make more steps of the same
# number of images.
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"kimg": 50, "batch_size": 16, "augment": "none"},
    "small": {"kimg": 100, "batch_size": 8, "augment": "ada"},
    "full": {"kimg": 2000, "batch_size": 64, "width": 64},
}
# Measured by benchmarks/footprint.py.
SIZES = (
    zoo.Size(64, parameters=1_794_722, memory_mb=150),
    zoo.Size(128, parameters=3_893_922, memory_mb=309),
    zoo.Size(256, parameters=5_993_122, memory_mb=785),
)


@zoo.hookimpl
def zoo_generators() -> Iterator[zoo.Generator]:
    """One unconditional generator."""
    yield zoo.Generator(
        "dcgan",
        "zoo_generators.dcgan.model:DCGAN",
        "Deep convolutional GAN, with DiffAugment and an averaged generator",
        paper="arXiv:1511.06434",
        licence="MIT",
        multiple_of=1,
        sides=(16, 1024),
        sizes=SIZES,
        presets=PRESETS,
    )
