"""Training images a second: the step of every generator in zoo and in PyTorch, taken in turn.

usage: python benchmarks/step_speed.py --torch-python PATH [--generators dcgan …] [--quick]

Each variant is a process that sleeps until it is told to take some steps, so a round sees them all
within seconds of each other. Networks and training are the defaults of the generators, without
augmentation; PyTorch's are built from what zoo reports of its own, and the script stops if a weight
of either network differs in size. Measure on an otherwise idle machine: where others take the
cores, PyTorch's threads wait for each other and its ratios say nothing. The load of the last 1, 5
and 15 minutes is recorded. PATH is a Python that has torch. Rows that the file of results holds are
not measured again.
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

# Images in an update of the discriminator, and steps in a turn. A turn of stylegan-lite holds one
# of its R1 penalties.
TURNS = {"wgan-gp": (64, 1), "stylegan-lite": (4, 16)}
TURN = (64, 4)
ZOO = ("zoo", "zoo, XLA", "zoo, several steps a call", "zoo, eager")
TORCH = ("PyTorch", "PyTorch, channels last", "torch.compile", "torch.compile, channels last")
QUICK = ("zoo", *TORCH)

Steps = Callable[[int], None]
Facts = dict[str, Any]


def zoo_steps(given: argparse.Namespace) -> tuple[Steps, Facts]:
    """What takes n steps in zoo."""
    import step_speed_zoo

    several = given.work == "zoo, several steps a call"
    return step_speed_zoo.steps(
        given.generators[0],
        channels=given.channels[0],
        batch=given.batch,
        width=given.width[0],
        device="cpu",
        threads=given.threads,
        jit=given.work == "zoo, XLA",
        per_call=given.steps if several else 1,
        eager=given.work == "zoo, eager",
    )


def torch_steps(given: argparse.Namespace) -> tuple[Steps, Facts]:
    """What takes n steps in PyTorch."""
    import step_speed_torch

    if given.threads:
        step_speed_torch.torch.set_num_threads(given.threads)
    return step_speed_torch.steps(given.work, json.loads(given.training))


def work(given: argparse.Namespace) -> None:
    """Take the first steps; then, for each number that comes in, that many; tell the seconds."""
    take, facts = zoo_steps(given) if given.work in ZOO else torch_steps(given)
    first = given.steps if given.work == "zoo, several steps a call" else 1
    print(json.dumps({"seconds": _seconds(take, first), **facts}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": _seconds(take, int(line))}), flush=True)


def _seconds(take: Steps, n: int) -> float:
    start = time.perf_counter()
    take(n)
    return time.perf_counter() - start


class Worker:
    """A variant in its own process."""

    def __init__(self, variant: str, arguments: Sequence[str], torch_python: str) -> None:
        python = sys.executable if variant in ZOO else torch_python
        self.process = subprocess.Popen(
            [python, __file__, "--work", variant, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.facts = self.answer()
        self.seconds: list[float] = []

    def answer(self, steps: int | None = None) -> Facts:
        """What it says, after it was told to take some steps."""
        assert self.process.stdin
        assert self.process.stdout
        if steps:
            print(steps, file=self.process.stdin, flush=True)
        answer: Facts = json.loads(self.process.stdout.readline())
        return answer


def start(
    generator: str, width: int | None, channels: int, given: argparse.Namespace
) -> dict[str, Worker]:
    """A worker for each variant, zoo's first: it says what the others have to train."""
    batch, steps = TURNS.get(generator, TURN)
    arguments = ["--generators", generator, "--channels", str(channels)]
    arguments += ["--batch", str(batch), "--steps", str(steps)]
    arguments += ["--threads", str(given.threads)]
    arguments += [] if width is None else ["--width", str(width)]
    workers: dict[str, Worker] = {}
    for name in given.only:
        if name in ZOO or given.torch_python:
            workers[name] = Worker(name, arguments, given.torch_python)
        if name == "zoo":
            arguments += ["--training", json.dumps(workers[name].facts["training"])]
    return workers


def speeds(
    generator: str, width: int | None, channels: int, given: argparse.Namespace
) -> dict[str, Any]:
    """Medians, and the range over the rounds, of images a second and of zoo's over each."""
    load = [round(value, 1) for value in os.getloadavg()]
    workers = start(generator, width, channels, given)
    facts = workers["zoo"].facts
    for name, worker in workers.items():
        assert worker.facts["weights"] == facts["weights"], f"{name} trains another {generator}"
    batch, steps = TURNS.get(generator, TURN)
    for number in range(-1, given.rounds):  # the round before the first warms up
        for worker in workers.values():
            seconds = worker.answer(steps)["seconds"]
            if number >= 0:
                worker.seconds.append(seconds)
    for worker in workers.values():
        worker.process.communicate()
    images = batch * facts["training"]["n_critic"]
    row: dict[str, Any] = {"generator": generator, "batch": batch, "images_per_step": images}
    row |= {
        "steps": steps,
        "rounds": given.rounds,
        "threads": given.threads or os.cpu_count(),
        "load": load,
    }
    row["weights"] = sum(sum(sizes) for sizes in facts["weights"].values())
    row["training"] = facts["training"]
    row |= {
        name: described(worker, workers["zoo"], images * steps) for name, worker in workers.items()
    }
    versions = {k: v for w in workers.values() for k, v in w.facts["versions"].items()}
    return row | {"versions": versions}


def described(worker: Worker, zoo: Worker, images: int) -> dict[str, Any]:
    """A worker's row; `images` are those of a turn."""
    ratios = [other / mine for mine, other in zip(zoo.seconds, worker.seconds, strict=True)]
    row = {
        "images_per_second": round(images / statistics.median(worker.seconds), 1),
        "zoo_over_this": round(statistics.median(ratios), 3),
        "range": [round(min(ratios), 3), round(max(ratios), 3)],
        "first_step_seconds": round(worker.facts["seconds"], 1),
    }
    return row | {key: worker.facts[key] for key in ("note",) if key in worker.facts}


def table(title: str, row: dict[str, Any]) -> None:
    print(f"\n{title:38} images/s  zoo over it  range         first step")
    for name in (name for name in (*ZOO, *TORCH) if name in row):
        rate, ratio, (low, high), first, *note = row[name].values()
        print(f"  {name:36} {rate:8} {ratio:12.2f}  {low:.2f} to {high:.2f} {first:9} s", *note)


def generators() -> list[str]:
    """zoo's own generators, of the registry."""
    from zoo.plugins import records

    own = "zoo_generators."
    return [record.name for record in records("generators") if record.target.startswith(own)]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default="", help="without it only zoo is measured")
    parser.add_argument("--generators", nargs="+", default=None, help="default: all")
    parser.add_argument("--width", type=int, nargs="+", default=[None], help="default: each's own")
    parser.add_argument("--channels", type=int, nargs="+", default=[3])
    parser.add_argument("--rounds", type=int, default=None, help="default: 9")
    parser.add_argument("--threads", type=int, default=0, help="default: one for each core")
    parser.add_argument("--only", nargs="+", choices=(*ZOO, *TORCH), default=[*ZOO, *TORCH])
    parser.add_argument("--quick", action="store_true", help="5 rounds, and of zoo one variant")
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "step_speed.json")
    for name, kind in {"work": str, "training": str, "batch": int, "steps": int}.items():
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick:
        given.only = [name for name in given.only if name in QUICK]
    given.rounds = given.rounds or (5 if given.quick else 9)
    given.only = ["zoo", *(name for name in given.only if name != "zoo")]
    return given


def main() -> None:
    given = parsed()
    if given.work:
        work(given)
        return
    rows = {
        f"{generator}, 64x64x{c}" + (f", width {w}" if w else ""): partial(
            speeds, generator, w, c, given
        )
        for generator in given.generators or generators()
        for w in given.width
        for c in given.channels
    }
    for title, row in measured.measure(given.out, rows).items():
        table(title, row)


if __name__ == "__main__":
    main()
