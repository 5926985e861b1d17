"""LSGAN (Mao et al., 2016)."""

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
    zoo.Size(64, parameters=1_794_722, memory_mb=147),
    zoo.Size(128, parameters=3_893_922, memory_mb=301),
    zoo.Size(256, parameters=5_993_122, memory_mb=752),
)


@zoo.hookimpl
def zoo_generators() -> Iterator[zoo.Generator]:
    """One unconditional generator."""
    yield zoo.Generator(
        "lsgan",
        "zoo_generators.lsgan.model:LSGAN",
        "DCGAN with the least-squares loss",
        paper="arXiv:1611.04076",
        licence="MIT",
        multiple_of=1,
        sides=(16, 1024),
        sizes=SIZES,
        presets=PRESETS,
    )
