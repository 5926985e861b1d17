"""Two workers against one: the same losses, nothing lost with a worker, and how fast.

usage: python benchmarks/workers.py FOLDER [--generators dcgan hinge-gan] [--steps 50] [--rounds 3]

Every training is the command `zoo run`. Two processes share batches that one has whole, at the same
seed, and their losses are compared step by step: in float64 at the defaults, which shows whether
both do the same, and in float32, where a training enlarges what is rounded differently. A control
says how far apart two trainings of one process are that differ by rounding alone: with XLA and
without it. Then one of two workers is
killed with SIGKILL after `--kill-at` steps, and the weights at the end are compared with those of
two that lived. For the speed, one process with two threads and two workers with one thread each
train by turns.
FOLDER holds the runs and is emptied first; rows go into results/workers.json.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import measured
import numpy as np

from zoo.runs import Run
from zoo.runs.folder import list_runs

SMALL = ("width=8", "latent_dim=16", "batch_size=16")
CASES = (
    ("float64", 64, ("precision=float64",)),
    ("float32", 64, ()),
    ("float32 and small", 32, SMALL),
    ("float32, small and slow", 32, (*SMALL, "learning_rate=5e-5")),
)
PAIR = ("--threads", "1", "--workers", "2")
SPEED = ("width=32", "batch_size=64")


def started(
    folder: Path, generator: str, *more: str, options: tuple[str, ...], size: int, steps: int
) -> "subprocess.Popen[bytes]":
    """The command `zoo run` in a folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = ["run", generator, "--data", "bbbc/simulated", "--image-size", str(size), "--no-eval"]
    words += ["--device", "cpu", "--steps", str(steps), "--out", str(folder / "runs"), *more]
    words += [part for option in options for part in ("-o", option)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "zoo_cli.main", *words], stdout=subprocess.DEVNULL, stderr=log
        )


def run_of(folder: Path) -> Run:
    """The one run of a folder."""
    (run,) = list_runs(folder / "runs")
    return run


def trained(folder: Path, generator: str, *more: str, **facts: Any) -> Run:
    """A run that was trained to its end."""
    status = started(folder, generator, *more, **facts).wait()
    assert status == 0, (folder / "log").read_text()[-2000:]
    return run_of(folder)


def losses(run: Run) -> "np.ndarray[Any, Any]":
    """Of each step: the discriminator's and the generator's."""
    return np.array([[row["d_loss"], row["g_loss"]] for row in run.metrics()])


def weights(run: Run) -> dict[str, "np.ndarray[Any, Any]"]:
    """All that the last checkpoint holds, optimisers too."""
    with np.load(max(run.checkpoints.glob("*.npz")), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files if name != "facts"}


def workers_of(process: int) -> Iterator[tuple[int, int]]:
    """Number and process of each worker that a process has started."""
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(OSError):
                environ = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
                (config,) = [line[10:] for line in environ if line.startswith(b"TF_CONFIG=")]
                yield json.loads(config)["task"]["index"], int(child)


def kill_worker(folder: Path, process: "subprocess.Popen[bytes]", number: int, at: int) -> int:
    """Kill a worker once a step is logged; the step that was reached."""
    while process.poll() is None:
        runs = list_runs(folder / "runs")
        rows = runs[0].metrics() if runs else []
        if rows and rows[-1]["step"] >= at:
            os.kill(dict(workers_of(process.pid))[number], signal.SIGKILL)
            return int(rows[-1]["step"])
        time.sleep(0.02)
    raise SystemExit(f"it ended before step {at}: {(folder / 'log').read_text()[-2000:]}")


def agreement(
    folder: Path, generator: str, steps: int, size: int, options: tuple[str, ...]
) -> dict[str, Any]:
    """How far the losses of two workers are from one's, and those of one with XLA."""
    facts: dict[str, Any] = {"options": options, "size": size, "steps": steps}
    one = losses(trained(folder / "one", generator, "--threads", "1", **facts))
    two = losses(trained(folder / "two", generator, *PAIR, **facts))
    xla = losses(trained(folder / "xla", generator, "--threads", "1", "--jit", "on", **facts))
    assert one.shape == two.shape == (steps, 2)
    return {
        "options": options,
        "size": size,
        "steps": steps,
        "largest_loss": float(np.abs(one).max()),
        "largest_difference": float(np.abs(one - two).max()),
        "of_the_first_10_steps": float(np.abs(one - two)[:10].max()),
        "of_rounding_alone": float(np.abs(one - xla).max()),
    }


def survival(folder: Path, generator: str, given: argparse.Namespace) -> dict[str, Any]:
    """Two workers of which one is killed, against two that live."""
    facts: dict[str, Any] = {"options": SMALL, "size": 32, "steps": given.steps}
    whole = trained(folder / "whole", generator, *PAIR, **facts)
    row: dict[str, Any] = {"steps": given.steps}
    for number in (1, 0):
        killed = folder / f"killed-{number}"
        process = started(killed, generator, *PAIR, **facts)
        reached = kill_worker(killed, process, number, given.kill_at)
        found: dict[str, Any] = {"after_step": reached, "exit_status": process.wait()}
        found["told"] = [
            line for line in (killed / "log").read_text().splitlines() if "begin again" in line
        ]
        if not found["exit_status"]:
            mine, expected = weights(run_of(killed)), weights(whole)
            found["identical"] = mine.keys() == expected.keys() and all(
                np.array_equal(mine[name], expected[name]) for name in mine
            )
            found["same_losses"] = np.array_equal(losses(run_of(killed)), losses(whole))
        row[f"worker {number} killed"] = found
    return row


def speed(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Images a second of one process and of two workers with as many threads in all."""
    facts: dict[str, Any] = {"options": SPEED, "size": 64, "steps": given.speed_steps}
    load = [round(value, 1) for value in os.getloadavg()]
    rates: dict[str, list[float]] = {"one process": [], "two workers": []}
    for number in range(given.rounds):
        for name, more in (
            ("one process", ("--threads", "2")),
            ("two workers", PAIR),
        ):
            run = trained(folder / f"{number}", "dcgan", *more, **facts)
            rates[name].append(run.manifest["images_per_second"])
    pairs = zip(rates["two workers"], rates["one process"], strict=True)
    ratios = [two / one for two, one in pairs]
    return {
        "network": [*SPEED, "64 px"],
        "steps": given.speed_steps,
        "rounds": given.rounds,
        "load": load,
        **{name: statistics.median(values) for name, values in rates.items()},
        "two_over_one": round(statistics.median(ratios), 3),
        "range": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def main() -> None:
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--generators", nargs="+", default=["dcgan", "hinge-gan"])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--kill-at", type=int, default=30)
    parser.add_argument("--speed-steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows: dict[str, Any] = {}
    for name in given.generators:
        for title, size, options in CASES:
            rows[f"{name}, {title}, two workers against one"] = partial(
                agreement, given.folder / name, name, given.steps, size, options
            )
        rows[f"{name}, a worker killed"] = partial(survival, given.folder / name, name, given)
    rows["dcgan, speed"] = partial(speed, given.folder / "speed", given)
    measured.measure(measured.RESULTS / "workers.json", rows)


if __name__ == "__main__":
    main()
