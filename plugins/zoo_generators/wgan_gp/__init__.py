"""WGAN-GP (Gulrajani et al., 2017)."""

from collections.abc import Iterator
from typing import Any

import zoo

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"kimg": 50, "batch_size": 16, "augment": "none"},
    "small": {"kimg": 100, "batch_size": 8, "augment": "ada"},
    "full": {"kimg": 2000, "batch_size": 64, "width": 64},
}
# Measured by benchmarks/footprint.py.
SIZES = (
    zoo.Size(64, parameters=1_850_274, memory_mb=325),
    zoo.Size(128, parameters=4_128_674, memory_mb=621),
    zoo.Size(256, parameters=6_947_746, memory_mb=1_546),
)


@zoo.hookimpl
def zoo_generators() -> Iterator[zoo.Generator]:
    """One unconditional generator."""
    yield zoo.Generator(
        "wgan-gp",
        "zoo_generators.wgan_gp.model:WGANGP",
        "DCGAN with the Wasserstein loss and a gradient penalty",
        paper="arXiv:1704.00028",
        licence="MIT",
        multiple_of=1,
        sides=(16, 1024),
        sizes=SIZES,
        presets=PRESETS,
    )
