"""Hinge GAN with spectral normalisation (Miyato et al., 2018)."""

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
    zoo.Size(64, parameters=1_793_859, memory_mb=177),
    zoo.Size(128, parameters=3_892_547, memory_mb=329),
    zoo.Size(256, parameters=5_991_235, memory_mb=719),
)


@zoo.hookimpl
def zoo_generators() -> Iterator[zoo.Generator]:
    """One unconditional generator."""
    yield zoo.Generator(
        "hinge-gan",
        "zoo_generators.hinge_gan.model:HingeGAN",
        "DCGAN with the hinge loss and spectral normalisation",
        paper="arXiv:1802.05957 arXiv:1705.02894",
        licence="MIT",
        multiple_of=1,
        sides=(16, 1024),
        sizes=SIZES,
        presets=PRESETS,
    )
