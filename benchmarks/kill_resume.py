"""Kill a training at random steps, resume it, and compare its weights with the uninterrupted run's.

usage: python benchmarks/kill_resume.py FOLDER [--trials 10] [--steps 200]

Results are appended to FOLDER/results.jsonl; trials that are there already are not run again.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from zoo.runs.folder import list_runs


def command(folder: Path, jit: str, steps: int) -> list[str]:
    options = ["-o", "width=8", "-o", "batch_size=8", "--image-size", "32", "--device", "cpu"]
    data = ["--data", "bbbc/simulated", "--steps", str(steps), "--no-eval", "--jit", jit]
    return ["run", "dcgan", *data, *options, "--out", str(folder)]


def zoo(arguments: list[str]) -> "subprocess.Popen[bytes]":
    code = "from zoo_cli.main import main; main()"
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.DEVNULL)


def state(folder: Path) -> dict[str, "np.ndarray"]:
    (run,) = list_runs(folder)
    last = sorted(run.checkpoints.glob("*.npz"))[-1]
    with np.load(last) as stored:
        return {name: stored[name] for name in stored.files if name != "facts"}


def killed_and_resumed(folder: Path, jit: str, steps: int, at: int) -> int:
    """Kill at about step `at`; return the last step logged before the kill."""
    process = zoo(command(folder, jit, steps))
    while process.poll() is None:
        rows = list_runs(folder)[0].metrics() if list_runs(folder) else []
        if rows and rows[-1]["step"] >= at:
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.01)
    process.wait()
    (run,) = list_runs(folder)
    assert run.status == "running", f"finished before the kill: {run.status}"
    reached = int(run.metrics()[-1]["step"])
    assert zoo(["run", "--resume", str(run.path)]).wait() == 0
    return reached


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    results = given.folder / "results.jsonl"
    given.folder.mkdir(parents=True, exist_ok=True)
    done = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    for jit in ("off", "on"):
        whole = given.folder / f"{jit}-whole"
        if not whole.is_dir():
            assert zoo(command(whole, jit, given.steps)).wait() == 0
        expected = state(whole)
        for trial in range(given.trials):
            if any(row["jit"] == jit and row["trial"] == trial for row in done):
                continue
            at = random.Random(f"{jit}{trial}").randrange(1, given.steps - 10)
            reached = killed_and_resumed(given.folder / f"{jit}-{trial}", jit, given.steps, at)
            found = state(given.folder / f"{jit}-{trial}")
            difference = max(
                float(np.max(np.abs(found[k].astype("float64") - expected[k]), initial=0.0))
                for k in expected
            )
            same = all(np.array_equal(found[k], expected[k]) for k in expected)
            row = {"jit": jit, "trial": trial, "killed_after_step": reached, "identical": same}
            with results.open("a") as file:
                print(json.dumps({**row, "max_difference": difference}), file=file)
            print(row, flush=True)


if __name__ == "__main__":
    main()
