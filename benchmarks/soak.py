"""Train, score and report for an hour in one process: do memory, handles or temporary files grow?

usage: python benchmarks/soak.py FOLDER [--minutes 60] [--detectors small-cnn] [--weights FILE]
       python benchmarks/soak.py FOLDER --cli --minutes 10

A cycle trains a small DCGAN on simulated nuclei of 32 px, measures it, writes its report, and
scores it once more with a feature network: one of random weights that is built anew, or
InceptionV3 if `--weights` are given. With `--cli` a cycle is the command `zoo run`, each in a
process of its own. After each cycle a line is appended to results/soak.jsonl: memory after a
garbage collection, open files, threads, child processes, temporary files, and the size of the
cache. A soak that was stopped begins another process, whose memory is counted for itself; one that
is there for this commit and this long is only summed up. The slope is that of a least-squares line
after the warm-up.
"""

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measured import RESULTS, commit

FILE = RESULTS / "soak.jsonl"
DATA = "bbbc/simulated"
SETTINGS = {
    "steps": 20,
    "image_size": 32,
    "data_options": "images=60",
    "device": "cpu",
    "threads": 1,
    "score_images": 64,
}
NETWORK = {"width": 8, "latent_dim": 16, "batch_size": 16}
MB = 2**20


class RandomNetwork:
    """An extractor of random weights, for a score that needs no download."""

    suffix = "random"
    dimension = 32

    def __init__(self) -> None:
        import keras
        import tensorflow as tf

        self.facts = {"extractor": "random convolutions", "seed": 0}
        start = keras.initializers.GlorotUniform(seed=0)
        layers = [keras.layers.Conv2D(32, 3, 2, kernel_initializer=start) for _ in range(2)]
        network = keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D()])
        self._batch = tf.function(lambda images: network(tf.cast(images, tf.float32) / 255))

    def __call__(self, images: Any) -> Any:
        return self._batch(images).numpy()


def held(folder: Path) -> dict[str, Any]:
    """What this process holds, and what lies in its folders."""
    gc.collect()
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    memory = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
    tasks = Path("/proc/self/task")
    children = [(task / "children").read_text().split() for task in tasks.iterdir()]
    return {
        "rss_mb": round(memory["Rss"], 1),
        "pss_mb": round(memory["Pss"], 1),
        "anonymous_mb": round(memory["Anonymous"], 1),
        "handles": len(os.listdir("/proc/self/fd")),
        "threads": len(list(tasks.iterdir())),
        "children": sum(map(len, children)),
        **lying(folder),
    }


def lying(folder: Path) -> dict[str, Any]:
    """Temporary files, and the size of the cache."""
    files = [path for path in (folder / "home").rglob("*") if path.is_file()]
    return {
        "temporary_files": len(list((folder / "tmp").rglob("*"))),
        "cache_mb": round(sum(path.stat().st_size for path in files) / MB, 3),
        "cache_files": len(files),
    }


def cycle(folder: Path, number: int, detectors: Sequence[str], weights: str | None) -> None:
    """Train, measure, report; then score and report again."""
    import zoo
    from zoo.recipe import resolve
    from zoo.report import build
    from zoo.workflow import run_recipe

    settings = {**SETTINGS, "seed": number, "out": str(folder / "runs")}
    recipe = resolve("dcgan", DATA, settings=settings, options=NETWORK, origin="call")
    run = run_recipe(recipe, detectors=detectors)
    network = {"weights": weights} if weights else {"extractor": RandomNetwork()}
    asked = {"image_size": 32, "data": {"data_options": SETTINGS["data_options"]}}
    found = zoo.score(DATA, str(run.path), n=64, **asked, **network)
    assert found["metrics"], found["not_computed"]
    build(run)
    shutil.rmtree(run.path)


def command(folder: Path, number: int) -> None:
    """The same as a command, but for the second score."""
    pairs = [f"{key}={value}" for key, value in NETWORK.items()]
    options = [part for pair in pairs for part in ("-o", pair)]
    for key, value in SETTINGS.items():
        options += [f"--{key.replace('_', '-')}", str(value)]
    options += ["--data", DATA, "--seed", str(number), "--out", str(folder / "runs")]
    subprocess.run(
        [sys.executable, "-m", "zoo_cli.main", "run", "dcgan", *options],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(folder / "runs")


def work(given: argparse.Namespace) -> None:
    """Cycles until the time is over, a line for each."""
    began, number = time.time(), 0
    while time.time() - began < 60 * given.minutes:
        start = time.perf_counter()
        if given.cli:
            command(given.folder, number)
        else:
            cycle(given.folder, number, given.detectors, given.weights)
        row = {
            "began": int(began),
            "variant": variant(given),
            "cycle": number,
            "minutes": round((time.time() - began) / 60, 2),
            "seconds": round(time.perf_counter() - start, 1),
            **(lying(given.folder) if given.cli else held(given.folder)),
            "load": round(os.getloadavg()[0], 1),
            "commit": commit(),
        }
        append(row)
        number += 1


def append(row: dict[str, Any]) -> None:
    """Keep a row, and show it."""
    with FILE.open("a") as file:
        print(json.dumps(row), file=file)
    print(json.dumps(row), flush=True)


def variant(given: argparse.Namespace) -> str:
    if given.cli:
        return "command line"
    with_weights = ", InceptionV3" if given.weights else ""
    return " and ".join(["one process", *given.detectors]) + with_weights


def rows_of(name: str) -> list[dict[str, Any]]:
    """The longest soak of a variant at this commit, without what was left at its end."""
    lines = FILE.read_text().splitlines() if FILE.is_file() else []
    rows = [row for row in map(json.loads, lines) if row["variant"] == name and "cycle" in row]
    rows = [row for row in rows if row["commit"] == commit()]
    starts = {row["began"] for row in rows}
    parts = [[row for row in rows if row["began"] == start] for start in starts]
    return max(parts, key=lambda part: float(part[-1]["minutes"]), default=[])


def slope(rows: Sequence[dict[str, Any]], key: str) -> tuple[float, float]:
    """MB an hour of a least-squares line, and its standard error."""
    hours = np.array([row["minutes"] for row in rows]) / 60
    (line, _), covariance = np.polyfit(hours, [row[key] for row in rows], 1, cov=True)
    return round(float(line), 1), round(float(covariance[0, 0] ** 0.5), 1)


def summary(rows: Sequence[dict[str, Any]], warm_up: float) -> dict[str, Any]:
    """Cycles, slopes after the warm-up, and the first and last count of everything else."""
    warm = [row for row in rows if row["minutes"] > warm_up]
    told: dict[str, Any] = {"cycles": len(rows), "minutes": rows[-1]["minutes"]}
    for key in ("rss_mb", "anonymous_mb"):
        if key in rows[0] and len(warm) > 3:
            told[f"{key}_an_hour"], told[f"{key}_standard_error"] = slope(warm, key)
            told[f"{key}_first_warm_last"] = [rows[0][key], warm[0][key], rows[-1][key]]
    for key in ("handles", "threads", "children", "temporary_files", "cache_mb", "cache_files"):
        if key in rows[0]:
            told[f"{key}_first_last"] = [rows[0][key], rows[-1][key]]
    return told


def main() -> None:
    """Soak in a process of its own, then say what grew and what was left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=10, help="minutes")
    parser.add_argument("--detectors", nargs="*", default=[])
    parser.add_argument("--weights", help="of Keras' InceptionV3")
    parser.add_argument("--cli", action="store_true")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.folder = given.folder.absolute()
    if given.work:
        work(given)
        return
    rows = rows_of(variant(given))
    if not rows or rows[-1]["minutes"] < given.minutes:
        places = {"TMPDIR": given.folder / "tmp", "ZOO_HOME": given.folder / "home"}
        for place in places.values():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
        environment = {**os.environ, **{key: str(place) for key, place in places.items()}}
        subprocess.run([sys.executable, *sys.argv, "--work"], env=environment, check=True)
        rows = rows_of(variant(given))
        left = {"variant": variant(given), "began": rows[0]["began"], **lying(given.folder)}
        append({**left, "left_at_the_end": True})
    print(json.dumps(summary(rows, given.warm_up), indent=1))


if __name__ == "__main__":
    main()
