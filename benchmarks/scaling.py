"""How cost grows: with the side of the images, and with their number, as slopes between logarithms.

usage: python benchmarks/scaling.py [--sides 32 64 …] [--images 250 1000 …] [--out FILE]

A slope of 1 says that twice as much costs twice as much; against the side of an image, 2 is that of
its number of pixels. It is that of the line through the logarithms of the points, by least squares,
with its standard error; `last_slope` is that of the last two points alone, where what a process
costs at its start weighs least. Training steps (DCGAN, 16 grey images) and features (InceptionV3,
random weights, 16 RGB images) are timed in turns, in one process; data are prepared (64 px) and
scored (32 px, `score_memory.py`'s projection in place of a network) by a process for each number of
images, of which the peak memory is taken, too. Rows that FILE holds are not measured again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import data_memory
import measured
import numpy as np
import score_memory

BATCH = 16
SIDES = (32, 64, 128, 256)
IMAGES = (250, 1_000, 4_000, 16_000)

Run = Callable[[], float]


def slope(points: Mapping[float, float]) -> dict[str, Any]:
    """Of the line through the logarithms of (x, y), with its standard error."""
    x, y = (np.log(np.array(list(side))) for side in (points.keys(), points.values()))
    away = x - x.mean()
    found = (away @ y) / (away @ away)
    rest = y - y.mean() - found * away
    error = np.sqrt(rest @ rest / (len(x) - 2) / (away @ away))
    last = (y[-1] - y[-2]) / (x[-1] - x[-2])
    return {
        "slope": round(float(found), 2),
        "standard_error": round(float(error), 2),
        "last_slope": round(float(last), 2),
        "points": {str(n): measured.rounded(value) for n, value in points.items()},
    }


def training(side: int) -> Run:
    """A training step."""
    import tensorflow as tf

    import zoo

    gan = zoo.load("generator", "dcgan", image_shape=(side, side, 1))
    gan.compile(batch_size=BATCH, augment="none")
    step = tf.function(gan.train_step)
    images = np.zeros((BATCH, side, side, 1), np.uint8)
    return lambda: _seconds(lambda: step(images))


def extraction(side: int) -> Run:
    """Features of a batch, resize included."""
    from zoo.metrics.fid_network import build
    from zoo.metrics.network import ImageNetwork
    from zoo.metrics.resizing import find_resize

    network = ImageNetwork(build(), find_resize("legacy"), lambda x: (x - 128) / 128)
    network.batch_size = BATCH
    images = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), np.uint8)
    return lambda: _seconds(lambda: network(images))


PARTS: Mapping[str, Callable[[int], Run]] = {"training step": training, "features": extraction}


def timed(part: str, sides: Sequence[int], rounds: int) -> None:
    """Print the seconds of each side, in turns; run in a process of its own."""
    from zoo.device import configure

    configure("cpu")
    runs = {str(side): PARTS[part](side) for side in sides}
    print(json.dumps(measured.in_turns(runs, rounds=rounds, warm=2)))


def with_side(part: str, sides: Sequence[int], rounds: int) -> dict[str, Any]:
    """The slope of seconds against the side of the images."""
    sizes = ["--sides", *map(str, sides), "--rounds", str(rounds)]
    command = [sys.executable, __file__, "--part", part, *sizes]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    seconds: dict[str, list[float]] = json.loads(done.stdout)
    medians = {float(side): float(np.median(found)) for side, found in seconds.items()}
    ranges = {
        side: [measured.rounded(min(found)), measured.rounded(max(found))]
        for side, found in seconds.items()
    }
    facts = {"batch": BATCH, "rounds": rounds, "ranges": ranges}
    versions = measured.versions(("tensorflow", "keras"))
    return {"seconds": slope(medians), **facts, "versions": versions}


def preparing(counts: Sequence[int]) -> dict[str, Any]:
    """Slopes of seconds and of peak memory against the number of images prepared."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "site").mkdir()
        data_memory.install(work / "site")
        found = {n: data_memory.in_process(work, n, 0) for n in counts}
    return _slopes(found, "load_seconds")


def scoring(counts: Sequence[int]) -> dict[str, Any]:
    """Slopes of seconds and of peak memory against the number of images scored on each side."""
    return _slopes({n: score_memory.measure(n) for n in counts}, "seconds")


def _slopes(found: Mapping[int, Mapping[str, Any]], seconds: str) -> dict[str, Any]:
    keys = {"seconds": seconds, "peak_mb": "peak_mb"}
    return {
        name: slope({float(n): float(row[key]) for n, row in found.items()})
        for name, key in keys.items()
    }


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--images", type=int, nargs="+", default=IMAGES)
    parser.add_argument("--rounds", type=int, default=9, help="for the sides")
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "scaling.json")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        timed(given.part, given.sides, given.rounds)
        return
    rows: dict[str, Callable[[], dict[str, Any]]] = {
        part: partial(with_side, part, given.sides, given.rounds) for part in PARTS
    }
    rows["data preparation"] = partial(preparing, given.images)
    rows["scoring"] = partial(scoring, given.images)
    measured.measure(given.out, rows)


if __name__ == "__main__":
    main()
