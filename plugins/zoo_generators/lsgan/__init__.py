"""LSGAN (Mao et al., 2016)."""

from collections.abc import Iterator
from typing import Any

import zoo

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"kimg": 50, "batch_size": 16, "augment": "none"},
    "small": {"kimg": 100, "batch_size": 8, "augment": "ada"},
    "full": {"kimg": 2000, "batch_size": 64, "width": 64},
}


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
        presets=PRESETS,
    )
