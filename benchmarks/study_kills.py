"""Kill a study's worker, then the study itself, and start it again: nothing is done twice.

usage: python benchmarks/study_kills.py FOLDER [--trials 1] [--cpus 2]

Two generators on two datasets with two seeds are trained, measured and detected by `zoo study` on
Ray. When a cell has finished, the worker of another one is killed with SIGKILL; when two more have
finished, so is the command. The same command then has to finish all eight, and to leave every
file of those that had finished as it was, by content and by date. FOLDER is emptied first; rows go
into results/study_kills.json.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import measured
import numpy as np
from PIL import Image

STAGES = ("training", "evaluation", "detection")
CELLS = 8
SECONDS = 1800


def pictures(folder: Path) -> None:
    """Eighty images of noise with a bright square, as the second dataset."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(80):
        image = random.integers(0, 90, (32, 32), np.uint8)
        row, column = random.integers(0, 20, 2)
        image[row : row + 8, column : column + 8] += 120
        Image.fromarray(image).save(folder / f"{number}.png")


def design(folder: Path) -> Path:
    """The study's file; JSON is YAML."""
    pictures(folder / "images")
    path = folder / "kills.yaml"
    study = {
        "generators": ["dcgan", "hinge-gan"],
        "data": ["bbbc/simulated", f"folder:{folder / 'images'}"],
        "seeds": [0, 1],
        "options": {"width": 4, "latent_dim": 8, "batch_size": 4},
        "settings": {"image_size": 32, "steps": 20, "score_images": 32, "device": "cpu"},
        "detectors": ["logistic"],
    }
    path.write_text(json.dumps(study))
    return path


def states(out: Path) -> dict[int, dict[str, Any]]:
    """The state of each cell."""
    return {
        int(path.stem): json.loads(path.read_text())["state"]
        for path in sorted((out / "cells").glob("*.json"))
    }


def finished(out: Path) -> list[int]:
    return [number for number, state in states(out).items() if state["status"] == "finished"]


def until(condition: Callable[[], Any], process: "subprocess.Popen[bytes]") -> Any:
    """Wait for a condition that must come before the process ends."""
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"it ended with {process.poll()} before it was killed")
        time.sleep(0.1)
    return found


def files_of(out: Path, number: int) -> dict[str, tuple[str, int]]:
    """Hash and date of every file of a cell's run."""
    (run,) = (out / "runs").glob(f"{number:05d}-*")
    return {
        str(path.relative_to(run)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def working(out: Path) -> Any:
    """A cell that a worker is in the middle of."""
    found = [(number, state) for number, state in states(out).items() if state["status"] in STAGES]
    return found[0] if found else None


def trial(folder: Path, cpus: int) -> dict[str, Any]:
    """One study with both kills."""
    shutil.rmtree(folder, ignore_errors=True)
    path, out = design(folder), folder / "out"
    words = [sys.executable, "-m", "zoo_cli.main", "study", str(path), "--out", str(out)]
    words += ["--cpus", str(cpus)]
    began = time.monotonic()
    with (folder / "log").open("wb") as log:
        first = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log)
        until(lambda: finished(out), first)
        number, state = until(lambda: working(out), first)
        os.kill(state["pid"], signal.SIGKILL)
        until(lambda: states(out)[number].get("pid") != state["pid"], first)
        until(lambda: len(finished(out)) >= 3, first)
        first.kill()
        first.wait()
        time.sleep(3)  # its workers end within seconds of it
        done = finished(out)
        before = {number: files_of(out, number) for number in done}
        attempts = {number: states(out)[number]["attempts"] for number in done}
        status = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=log).returncode
    board = json.loads((out / "leaderboard.json").read_text())
    after = {number: files_of(out, number) for number in done}
    return {
        "load": [round(value, 1) for value in os.getloadavg()],
        "seconds": round(time.monotonic() - began, 1),
        "worker_killed_in": [number, state["status"]],
        "finished_when_the_command_was_killed": len(done),
        "exit_status_of_the_same_command": status,
        "reported_finished": sum(cell["status"] == "finished" for cell in board["cells"]),
        "of": len(board["cells"]),
        "files_of_finished_cells": sum(map(len, before.values())),
        "changed_content": _differing(before, after, 0),
        "changed_date": _differing(before, after, 1),
        "finished_cells_tried_again": [
            number for number in done if states(out)[number]["attempts"] != attempts[number]
        ],
        "attempts": [sum(state["attempts"].values()) for state in states(out).values()],
        "processes_left": len(left(out)),
    }


def _differing(before: Any, after: Any, which: int) -> list[str]:
    return [
        f"{number}/{name}"
        for number in before
        for name in sorted(before[number].keys() | after[number].keys())
        if before[number].get(name, (0, 0))[which] != after[number].get(name, (0, 0))[which]
    ]


def left(out: Path) -> list[str]:
    """Processes of the study's folder that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if str(out) in line and entry.name != str(os.getpid()):
            found.append(line)
    return found


def main() -> None:
    """Run the trials that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=1)
    parser.add_argument("--cpus", type=int, default=2)
    given = parser.parse_args()
    folder = given.folder.absolute()
    rows = {
        f"trial {n}": partial(trial, folder / f"trial-{n}", given.cpus) for n in range(given.trials)
    }
    measured.measure(measured.RESULTS / "study_kills.json", rows)


if __name__ == "__main__":
    main()
