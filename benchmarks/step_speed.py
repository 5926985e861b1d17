"""Training images a second: DCGAN's step in zoo and the same step in PyTorch, taken in turn.

usage: python benchmarks/step_speed.py --torch-python PATH [--width 32 64 128] [--channels 3 1]

Each variant is a process that sleeps until it is told to take some steps, so a round sees them all
within seconds of each other. Measure on an otherwise idle machine: where others take the cores,
PyTorch's threads wait for each other and its ratios say nothing. The load of the last 1, 5 and 15
minutes is recorded. PATH is a Python that has torch. Rows that the file of results holds are not
measured again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import measured

BATCH, SIDE = 64, 64
ZOO = ("zoo", "zoo, XLA", "zoo, several steps a call", "zoo, eager")
TORCH = ("PyTorch", "PyTorch, channels last", "torch.compile", "torch.compile, channels last")

Steps = Callable[[int], None]


def zoo_steps(variant: str, width: int, channels: int) -> tuple[Steps, dict[str, Any]]:
    """A function that takes n training steps, and the facts of what it trains."""
    import zoo
    from zoo.device import configure

    configure()
    import keras
    import tensorflow as tf

    gan = zoo.load("generator", "dcgan", image_shape=(SIDE, SIDE, channels), width=width)
    xla = {"jit_compile": True} if variant == "zoo, XLA" else {}
    gan.compile(batch_size=BATCH, augment="none", **xla)
    tf.config.run_functions_eagerly(variant == "zoo, eager")
    images = tf.random.stateless_uniform((BATCH, SIDE, SIDE, channels), (0, 0), -1, 1)
    step = tf.function(gan.train_step, reduce_retracing=True)

    @tf.function
    def several(stack: Any) -> None:
        for batch in stack:
            gan.train_step(batch)

    def take(n: int) -> None:
        if variant == "zoo, several steps a call":
            several(tf.stack([images] * n))
            return
        for _ in range(n):
            step(images)

    weights = sum(int(tf.size(v)) for v in gan.trainable_variables)
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    return take, {"weights": weights, "versions": versions}


def work(variant: str, width: int, channels: int) -> None:
    """Take the first step; then, for each number that comes in, that many; tell the seconds."""
    if variant in ZOO:
        take, facts = zoo_steps(variant, width, channels)
    else:
        import step_speed_torch

        take, facts = step_speed_torch.steps(variant, width, channels)
    print(json.dumps({"seconds": _seconds(take, 1), **facts}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": _seconds(take, int(line))}), flush=True)


def _seconds(take: Steps, n: int) -> float:
    start = time.perf_counter()
    take(n)
    return time.perf_counter() - start


class Worker:
    """A variant in its own process."""

    def __init__(self, variant: str, width: int, channels: int, torch_python: str) -> None:
        python = sys.executable if variant in ZOO else torch_python
        shape = ("--width", str(width), "--channels", str(channels))
        self.process = subprocess.Popen(
            [python, __file__, "--work", variant, *shape],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.facts = self.answer()
        self.seconds: list[float] = []

    def answer(self, steps: int | None = None) -> dict[str, Any]:
        """What it says, after it was told to take some steps."""
        assert self.process.stdin
        assert self.process.stdout
        if steps:
            print(steps, file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


def speeds(
    width: int, channels: int, variants: Sequence[str], given: argparse.Namespace
) -> dict[str, Any]:
    """Medians, and the range over the rounds, of images a second and of zoo's over each."""
    load = [round(value, 1) for value in os.getloadavg()]
    workers = {name: Worker(name, width, channels, given.torch_python) for name in variants}
    assert len({worker.facts["weights"] for worker in workers.values()}) == 1, "not one network"
    for number in range(-1, given.rounds):  # the round before the first warms up
        for worker in workers.values():
            seconds = worker.answer(given.steps)["seconds"]
            if number >= 0:
                worker.seconds.append(seconds)
    for worker in workers.values():
        worker.process.communicate()
    first = workers[ZOO[0]].seconds
    row: dict[str, Any] = {"batch": BATCH, "steps": given.steps, "rounds": given.rounds}
    row["load"] = load
    for name, worker in workers.items():
        rates = [BATCH * given.steps / seconds for seconds in worker.seconds]
        ratios = [other / mine for mine, other in zip(first, worker.seconds, strict=True)]
        row[name] = {
            "images_per_second": round(statistics.median(rates), 1),
            "zoo_over_this": round(statistics.median(ratios), 3),
            "range": [round(min(ratios), 3), round(max(ratios), 3)],
            "first_step_seconds": round(worker.facts["seconds"], 1),
        }
    versions = {k: v for w in workers.values() for k, v in w.facts["versions"].items()}
    return row | {"weights": workers[ZOO[0]].facts["weights"], "versions": versions}


def table(title: str, row: dict[str, Any]) -> None:
    print(f"\n{title:38} images/s  zoo over it  range         first step")
    for name in (name for name in (*ZOO, *TORCH) if name in row):
        rate, ratio, (low, high), first = row[name].values()
        print(f"  {name:36} {rate:8} {ratio:12.2f}  {low:.2f} to {high:.2f} {first:9} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default="", help="without it only zoo is measured")
    parser.add_argument("--width", type=int, nargs="+", default=[32])
    parser.add_argument("--channels", type=int, nargs="+", default=[3])
    parser.add_argument("--steps", type=int, default=4, help="in a turn")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="+", choices=(*ZOO, *TORCH), default=[*ZOO, *TORCH])
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "step_speed.json")
    parser.add_argument("--work", choices=(*ZOO, *TORCH), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work, given.width[0], given.channels[0])
        return
    asked = [v for v in given.only if v in ZOO or given.torch_python]
    asked = [ZOO[0], *(v for v in asked if v != ZOO[0])]
    rows = {
        f"{SIDE}x{SIDE}x{c}, width {w}": partial(speeds, w, c, asked, given)
        for w in given.width
        for c in given.channels
    }
    for title, row in measured.measure(given.out, rows).items():
        table(title, row)


if __name__ == "__main__":
    main()
