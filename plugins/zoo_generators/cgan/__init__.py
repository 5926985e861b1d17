"""Conditional GAN: conditional batch normalisation and a projection discriminator."""

from collections.abc import Iterator
from typing import Any

import zoo

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"kimg": 50, "batch_size": 8, "augment": "none"},
    "small": {"kimg": 200, "batch_size": 8, "augment": "translation"},
    "full": {"kimg": 2000, "batch_size": 64, "width": 64},
}
# Measured by benchmarks/footprint.py.
SIZES = (
    zoo.Size(64, parameters=1_797_763, memory_mb=197),
    zoo.Size(128, parameters=3_897_987, memory_mb=370),
    zoo.Size(256, parameters=5_998_211, memory_mb=804),
)


@zoo.hookimpl
def zoo_generators() -> Iterator[zoo.Generator]:
    """One class-conditional generator."""
    yield zoo.Generator(
        "cgan",
        "zoo_generators.cgan.model:CGAN",
        "DCGAN that makes images of a class: --label FIELD, then zoo generate --class NAME",
        paper="arXiv:1802.05637",
        licence="MIT",
        conditional="required",
        multiple_of=1,
        sides=(16, 1024),
        sizes=SIZES,
        presets=PRESETS,
    )
