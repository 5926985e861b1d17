"""Kill trainings at random steps, resume them, and compare their weights with uninterrupted runs'.

usage: python benchmarks/kill_resume.py FOLDER [--trials dcgan=10 cgan=2 …] [--steps 120]

Every generator is trained with and without XLA, with adaptive augmentation and, but for wgan-gp, a
lazy R1 penalty, so that there is much to lose. What is killed are copies of this process, for
TensorFlow takes longer to import than the trainings take. FOLDER holds the runs; a row for each
trial is appended to results/kill_resume.jsonl, and trials that are there already are not run again.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import keras  # noqa: F401
import numpy as np
from measured import RESULTS, commit
from zoo_cli.main import main as main_of_zoo

import zoo.workflow as workflow  # noqa: F401
from zoo.runs.folder import list_runs

TRIALS = {"dcgan": 10, "cgan": 2, "hinge-gan": 2, "lsgan": 2, "stylegan-lite": 2, "wgan-gp": 2}
PENALTY = ["r1_gamma=1", "lazy_every=3"]
OWN = {"wgan-gp": ["-o", "n_critic=2"]}


def command(folder: Path, generator: str, jit: str, steps: int) -> list[str]:
    """Arguments of `zoo` for a training small enough to be repeated often."""
    pairs = ["width=8", "batch_size=8", "augment=ada", "ada_kimg=1"]
    pairs += [] if generator == "wgan-gp" else PENALTY
    options = [part for pair in pairs for part in ("-o", pair)]
    options += [*OWN.get(generator, []), "--image-size", "32", "--device", "cpu"]
    data = ["--data", "bbbc/simulated", "--steps", str(steps), "--no-eval", "--jit", jit]
    return ["run", generator, *data, *options, "--out", str(folder)]


def zoo(arguments: list[str]) -> int:
    """Start `zoo` in a copy of this process; its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        sys.argv = ["zoo", *arguments]
        main_of_zoo()
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        os._exit(status)


def wait(number: int) -> int:
    """The exit status of a process; negative for the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def state(folder: Path) -> dict[str, "np.ndarray[Any, Any]"]:
    """All arrays of a run's last checkpoint."""
    (run,) = list_runs(folder)
    last = sorted(run.checkpoints.glob("*.npz"))[-1]
    with np.load(last) as stored:
        return {name: stored[name] for name in stored.files if name != "facts"}


def history(folder: Path) -> list[dict[str, float]]:
    """What was logged, without the speed."""
    (run,) = list_runs(folder)
    return [{k: v for k, v in row.items() if k != "images_per_second"} for row in run.metrics()]


def killed_and_resumed(folder: Path, arguments: list[str], at: int) -> int:
    """Kill at about step `at`; return the last step logged before the kill."""
    process = zoo(arguments)
    while True:
        rows = list_runs(folder)[0].metrics() if list_runs(folder) else []
        if rows and rows[-1]["step"] >= at:
            os.kill(process, signal.SIGKILL)
            break
        time.sleep(0.01)
    assert wait(process) == -signal.SIGKILL, "it ended before the kill"
    (run,) = list_runs(folder)
    reached = int(run.metrics()[-1]["step"])
    assert wait(zoo(["run", "--resume", str(run.path)])) == 0
    return reached


def trial(folder: Path, generator: str, jit: str, number: int, steps: int) -> dict[str, Any]:
    """One kill, and how far the resumed run is from the whole one."""
    whole = folder / f"{generator}-{jit}-whole"
    if not whole.is_dir():
        assert wait(zoo(command(whole, generator, jit, steps))) == 0
    expected = state(whole)
    at = random.Random(f"{generator}{jit}{number}").randrange(1, steps - 10)
    mine = folder / f"{generator}-{jit}-{number}"
    reached = killed_and_resumed(mine, command(mine, generator, jit, steps), at)
    found = state(mine)
    differences = [np.abs(found[k].astype("float64") - expected[k]).max(initial=0) for k in found]
    return {
        "generator": generator,
        "jit": jit,
        "trial": number,
        "killed_after_step": reached,
        "of": steps,
        "max_difference": float(max(differences)),
        "identical": all(np.array_equal(found[k], expected[k]) for k in expected),
        "same_history": history(mine) == history(whole),
        "commit": commit(),
    }


def main() -> None:
    """Run the trials that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", nargs="+", default=[f"{k}={v}" for k, v in TRIALS.items()])
    parser.add_argument("--steps", type=int, default=120)
    given = parser.parse_args()
    results = RESULTS / "kill_resume.jsonl"
    given.folder.mkdir(parents=True, exist_ok=True)
    lines = results.read_text().splitlines() if results.exists() else []
    done = {(r["generator"], r["jit"], r["trial"]) for r in map(json.loads, lines)}
    for generator, count in (text.split("=") for text in given.trials):
        for jit in ("off", "on"):
            for number in range(int(count)):
                if (generator, jit, number) in done:
                    continue
                row = trial(given.folder, generator, jit, number, given.steps)
                with results.open("a") as file:
                    print(json.dumps(row), file=file)
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
