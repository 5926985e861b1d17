"""Training on a GPU: XLA on and off, precisions, and steps that run without returning to Python.

usage: python benchmarks/gpu.py [--generators dcgan …] [--torch-python PATH] [--quick]

Every combination is a process of its own, so that none finds memory or compiled code of another,
and one that fails is a row that says why. Networks are the generators' defaults at 64x64x3 without
augmentation, fed from memory. With a PATH to a Python that has torch for the same GPU, the same
networks and trainings are measured there, with autocast for bfloat16. Where there is no GPU, a row
says so. Rows that the file of results holds are not measured again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import measured
from step_speed import generators

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
AUTOCAST = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
TORCH = ("PyTorch, channels last", "torch.compile, channels last")
STEPS_PER_CALL = (1, 8, 32)
TURNS = 5
LIMIT = 900  # seconds for a combination
OUT = measured.RESULTS / "gpu.json"
NOT_HERE = {"not_measured": "no GPU here"}

Row = dict[str, Any]


def work(task: Row) -> Row:
    """One combination, in this process."""
    take, facts, peak = (torch_steps if "variant" in task else zoo_steps)(task)
    n = task["steps"]
    first = _seconds(take, task["per_call"])
    _seconds(take, n)
    seconds = statistics.median(_seconds(take, n) for _ in range(TURNS))
    images = facts["training"]["batch"] * facts["training"]["n_critic"] * n
    return {
        "images_per_second": round(images / seconds, 1),
        "first_call_seconds": round(first, 1),
        "peak_gpu_memory_mb": peak(),
        **facts,
    }


def zoo_steps(task: Row) -> tuple[Callable[[int], None], Row, Callable[[], int | None]]:
    """What takes steps in zoo, what it trains, and what tells the most memory it held."""
    import step_speed_zoo
    import tensorflow as tf

    names = ("channels", "batch", "width", "device", "precision", "jit", "per_call")
    take, facts = step_speed_zoo.steps(task["generator"], **{name: task[name] for name in names})

    def peak() -> int | None:
        if task["device"] == "cpu":
            return None
        return round(tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e6)

    if task["device"] != "cpu":
        details = tf.config.experimental.get_device_details(
            tf.config.list_physical_devices("GPU")[0]
        )
        facts["gpu"] = details.get("device_name")
    return take, facts, peak


def torch_steps(task: Row) -> tuple[Callable[[int], None], Row, Callable[[], int | None]]:
    """As `zoo_steps`, in PyTorch."""
    import step_speed_torch
    import torch

    device = "cpu" if task["device"] == "cpu" else "cuda"
    take, facts = step_speed_torch.steps(
        task["variant"], task["training"], device, AUTOCAST[task["precision"]]
    )
    facts["training"] = task["training"]
    if device == "cuda":
        facts["gpu"] = torch.cuda.get_device_name()
    cuda = device == "cuda"
    return take, facts, lambda: round(torch.cuda.max_memory_allocated() / 1e6) if cuda else None


def _seconds(take: Callable[[int], None], n: int) -> float:
    start = time.perf_counter()
    take(n)
    return time.perf_counter() - start


def measured_apart(task: Row, python: str = sys.executable) -> Row:
    """A combination in its own process; a failure is told in one line."""
    command = [python, __file__, "--work", json.dumps(task)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return {"not_measured": f"because it took more than {LIMIT} s"}
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        return {"not_measured": f"because {said[-1][:200] if said else done.returncode}"}
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


class Tasks:
    """The combinations of one generator; PyTorch's need what zoo's first one reports."""

    def __init__(self, generator: str, given: argparse.Namespace) -> None:
        self.generator, self.given = generator, given
        self.facts: Row = {}

    def rows(self) -> Iterator[tuple[str, Callable[[], Row]]]:
        """What each is called, and what measures it."""
        for precision in self.given.precisions:
            for jit in (False, True):
                for per_call in self.given.steps_per_call:
                    xla = "on" if jit else "off"
                    name = f"{self.generator}, {precision}, XLA {xla}, {per_call} steps a call"
                    yield name, partial(self.zoo, precision, jit, per_call)
        for precision in self.given.precisions if self.given.torch_python else ():
            for variant in TORCH if precision in AUTOCAST else ():
                name = f"{self.generator}, {precision}, {variant}"
                yield name, partial(self.torch, precision, variant)

    def task(self, precision: str, **more: Any) -> Row:
        """What a process is told."""
        given = self.given
        task = {"generator": self.generator, "precision": precision, "device": given.device}
        task |= {"batch": given.batch, "width": given.width, "channels": 3, "per_call": 1}
        task |= {"steps": given.steps}
        return task | more

    def zoo(self, precision: str, jit: bool, per_call: int) -> Row:
        """A row of zoo's."""
        steps = max(self.given.steps // per_call, 1) * per_call
        task = self.task(precision, jit=jit, per_call=per_call, steps=steps)
        return self.described(measured_apart(task), steps)

    def torch(self, precision: str, variant: str) -> Row:
        """A row of PyTorch's, of which the networks must be zoo's."""
        if not self.facts:
            zoo = measured_apart(self.task("float32", jit=False, steps=1))
            if "weights" not in zoo:
                return {"not_measured": "because zoo's could not be"}
            self.facts = zoo
        task = self.task(precision, variant=variant, training=self.facts["training"])
        row = measured_apart(task, self.given.torch_python)
        same = row.get("weights", self.facts["weights"]) == self.facts["weights"]
        assert same, f"{variant} trains another {self.generator}"
        return self.described(row, self.given.steps)

    def described(self, row: Row, steps: int) -> Row:
        """A row without what is the same for all of a generator."""
        if "weights" not in row:
            return row
        row["weights"] = sum(sum(sizes) for sizes in row["weights"].values())
        return {"batch": row.pop("training")["batch"], "steps": steps, **row}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default="", help="without it only zoo is measured")
    parser.add_argument("--generators", nargs="+", default=None, help="default: all")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS[:2])
    parser.add_argument("--steps-per-call", type=int, nargs="+", default=STEPS_PER_CALL)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=None, help="default: each's own")
    parser.add_argument("--steps", type=int, default=64, help="in a turn")
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="cpu: a rehearsal")
    parser.add_argument("--quick", action="store_true", help="1 and 32 steps a call, 32 in a turn")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--work", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.device == "cpu" and given.out == OUT:
        parser.error("--device cpu is a rehearsal: give its rows another file with --out")
    if given.quick:
        given.steps_per_call, given.steps = (1, 32), 32
    return given


def has_gpu() -> bool:
    """Whether TensorFlow finds one, asked in another process so that none is held here."""
    code = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() not in ("", "0")


def main() -> None:
    given = parsed()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if given.work:
        print(json.dumps(work(given.work)))
    elif given.device == "gpu" and not has_gpu():
        print("not measured: no GPU here")
        if not given.out.exists():  # what another machine measured stays
            measured.measure(given.out, {"any generator": lambda: NOT_HERE})
    else:
        if given.out.is_file() and "any generator" in json.loads(given.out.read_text())["rows"]:
            given.out.unlink()
        tasks = [Tasks(name, given) for name in given.generators or generators()]
        measured.measure(given.out, dict(row for each in tasks for row in each.rows()))


if __name__ == "__main__":
    main()
