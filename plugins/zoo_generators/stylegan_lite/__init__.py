"""A small StyleGAN2 (Karras et al., 2019 and 2020)."""

from collections.abc import Iterator
from typing import Any

import zoo

# A few minutes of a CPU are better spent on more images than on more channels.
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"kimg": 40, "batch_size": 16, "augment": "none", "width": 8},
    "small": {"kimg": 100, "batch_size": 16, "augment": "ada", "width": 16},
    "full": {"kimg": 2000, "batch_size": 32, "width": 64},
}
# Measured by benchmarks/footprint.py.
SIZES = (
    zoo.Size(64, parameters=6_214_415, memory_mb=727),
    zoo.Size(128, parameters=8_739_602, memory_mb=1_857),
    zoo.Size(256, parameters=11_264_789, memory_mb=5_786),
)


@zoo.hookimpl
def zoo_generators() -> Iterator[zoo.Generator]:
    """One unconditional generator, whose styles can be mixed."""
    yield zoo.Generator(
        "stylegan-lite",
        "zoo_generators.stylegan_lite.model:StyleGANLite",
        "Small StyleGAN2: a style for each layer, noise for each pixel, R1",
        paper="arXiv:1912.04958",
        licence="MIT",
        multiple_of=8,
        sides=(32, 256),
        sizes=SIZES,
        presets=PRESETS,
    )
