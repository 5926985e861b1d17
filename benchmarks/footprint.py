"""Measure the parameters and the memory of every generator at 64, 128 and 256 px.

usage: python benchmarks/footprint.py [--only NAME …]

Memory is what a process holds at most in three training steps of 16 one-channel images, in float32
with default options, beyond what it holds once TensorFlow is loaded; the estimate by which
`--max-memory` picks a micro-batch stands beside it. Rows go to results/footprint.json; what plugins
state in `sizes` comes from there.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from measured import RESULTS, measure

SIDES = (64, 128, 256)
BATCH = 16
STEPS = 3


def one(name: str, side: int) -> dict[str, Any]:
    """One row; in a process of its own, so that its memory is its own."""
    import numpy as np
    import tensorflow as tf

    from zoo.device import configure, peak_memory_mb
    from zoo.gan.memory import step_memory
    from zoo.plugins import find

    configure("cpu")
    tf.function(lambda x: x @ x)(tf.ones((64, 64)))
    record = find("generators", name)
    before = peak_memory_mb() or 0
    labels = {"classes": 4} if record.conditional == "required" else {}
    gan = record.load()(image_shape=(side, side, 1), **labels)
    gan.compile(batch_size=BATCH, augment="none")
    step = tf.function(gan.train_step)
    images = np.zeros((gan.images_per_step, side, side, 1), np.uint8)
    classes = np.zeros(gan.images_per_step, np.int64)
    for _ in range(STEPS):
        step((images, classes) if labels else images)
    return {
        "generator_parameters": gan.generator.count_params(),
        "discriminator_parameters": gan.discriminator.count_params(),
        "memory_mb": (peak_memory_mb() or 0) - before,
        "estimated_mb": round(step_memory(gan, BATCH) / 1e6),
    }


def in_process(name: str, side: int) -> dict[str, Any]:
    """`one` in another process."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
        arguments = ["--one", name, "--side", str(side), "--answer", answer.name]
        subprocess.run([sys.executable, __file__, *arguments], check=True)
        found: dict[str, Any] = json.load(answer)
    return found


def main() -> None:
    """Measure what is missing."""
    from zoo.plugins import records

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--one")
    parser.add_argument("--side", type=int)
    parser.add_argument("--answer", type=Path)
    given = parser.parse_args()
    if given.one:
        given.answer.write_text(json.dumps(one(given.one, given.side)))
        return
    names = given.only or [record.name for record in records("generators")]
    measure(
        RESULTS / "footprint.json",
        {
            f"{name} {side} px": lambda n=name, s=side: in_process(n, s)
            for name in names
            for side in SIDES
        },
    )


if __name__ == "__main__":
    main()
