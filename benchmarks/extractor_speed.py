"""Speed of feature extraction and of the Fréchet distance, and the memory that many images take.

usage: python benchmarks/extractor_speed.py [--torch-python PATH] [--out FILE] [--rows TEXT]

`images/s`: InceptionV3 at 299 px, zoo's network of the published FID and torch-fidelity's with the
same random weights, each in its own process, in turns; the ratio is the median over rounds, beside
its range and the load. `frechet`: `frechet_distance` of 2048 features beside the formula with
`scipy.linalg.sqrtm`, both from features on; `trace_over_sqrtm` leaves the covariances out.
`memory`: peak resident memory of a process that extracts features of n images with a stub instead
of a network, keeps them, and takes their distance. PATH is a Python with
`pip install torch torch-fidelity`. Rows that FILE holds are not measured again.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import fid_parity
import measured
import numpy as np

SIDE, DIMENSION = 299, 2048
FRECHET = (600, 2_000, 10_000)
MEMORY = (5_000, 100_000)
STUB_SIDE = 16


class Ours:
    """zoo's network in its own process."""

    def __init__(self, weights: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", weights],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, images: Path, *, batch: int) -> dict[str, Any]:
        """Seconds that the features of a file of images took."""
        assert self.process.stdin
        assert self.process.stdout
        print(
            json.dumps({"images": str(images), "batch": batch}), file=self.process.stdin, flush=True
        )
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


def serve(weights: Path) -> None:
    from zoo.metrics.published import PublishedInception

    network = PublishedInception(weights)
    for line in sys.stdin:
        asked = json.loads(line)
        images, network.batch_size = np.load(asked["images"]), asked["batch"]
        start = time.perf_counter()
        network(images)
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


def throughput(given: argparse.Namespace, batch: int) -> dict[str, Any]:
    """Images a second of both networks, and the ratio in each round."""
    from zoo.metrics.published_weights import convert

    load = [round(value, 1) for value in os.getloadavg()]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        images = np.random.default_rng(0).integers(0, 256, (given.images, SIDE, SIDE, 3), np.uint8)
        np.save(work / "images.npy", images)
        made = fid_parity.make_weights(given.torch_python, images[:8], work)
        convert(made, work / "weights.h5")
        ours, theirs = Ours(work / "weights.h5"), fid_parity.Theirs(given.torch_python, made)
        rounds: list[tuple[float, float]] = []
        for number in range(-1, given.rounds):  # the round before the first warms up
            pair = [net(work / "images.npy", batch=batch)["seconds"] for net in (ours, theirs)]
            rounds += [(pair[0], pair[1])] if number >= 0 else []
        for process in (ours.process, theirs.process):
            process.communicate()
    ratios = [other / mine for mine, other in rounds]
    rates = [[given.images / seconds for seconds in side] for side in zip(*rounds, strict=True)]
    return {
        "batch": batch,
        "images": given.images,
        "rounds": given.rounds,
        "load": load,
        "zoo_images_per_second": round(statistics.median(rates[0]), 1),
        "torch_fidelity_images_per_second": round(statistics.median(rates[1]), 1),
        "zoo_over_torch_fidelity": round(statistics.median(ratios), 2),
        "range": [round(min(ratios), 2), round(max(ratios), 2)],
        "versions": theirs.versions,
    }


def features(n: int, seed: int) -> np.ndarray:
    """Rows like pooled activations: not negative, correlated, with a falling spectrum."""
    mixing = np.random.default_rng(0)
    low = mixing.standard_normal((256, DIMENSION)) / np.sqrt(np.arange(1, 257))[:, None]
    rng = np.random.default_rng([1, seed])
    rows = rng.standard_normal((n, 256)) @ low + 0.1 * rng.standard_normal((n, DIMENSION))
    return np.maximum(rows + 0.05 * seed, 0).astype(np.float32)


def by_square_root(real: np.ndarray, fake: np.ndarray) -> tuple[float, float]:
    """The formula as it is usually computed, and the seconds of the square root alone."""
    from scipy.linalg import sqrtm

    first, second = (side.astype(np.float64) for side in (real, fake))
    shift = first.mean(0) - second.mean(0)
    covariances = [np.cov(side, rowvar=False) for side in (first, second)]
    root, seconds = _timed(sqrtm, covariances[0] @ covariances[1])
    trace = np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root).real
    return float(shift @ shift + trace), seconds


def frechet(n: int) -> dict[str, Any]:
    """Seconds of both ways in turns, three of ours for one of scipy's."""
    from zoo.metrics.frechet import GRAM_LIMIT, frechet_distance, root_trace

    load = [round(value, 1) for value in os.getloadavg()]
    real, fake = features(n, 0), features(n, 1)
    mine, before = _timed(frechet_distance, real, fake)
    (theirs, alone), square_root = _timed(by_square_root, real, fake)
    after = [_timed(frechet_distance, real, fake)[1] for _ in range(2)]
    seconds = statistics.median([before, *after])
    row = {
        "load": load,
        "seconds": round(seconds, 3),
        "sqrtm_seconds": round(square_root, 2),
        "over_sqrtm": round(seconds / square_root, 4),
        "relative_difference": abs(mine - theirs) / abs(theirs),
    }
    if n < GRAM_LIMIT:
        return row
    covariances = [np.cov(side.astype(np.float64), rowvar=False) for side in (real, fake)]
    trace = statistics.median(_timed(root_trace, *covariances)[1] for _ in range(3))
    return row | {
        "trace_seconds": round(trace, 3),
        "sqrtm_alone_seconds": round(alone, 2),
        "trace_over_sqrtm": round(trace / alone, 4),
    }


def _timed(function: Any, *arguments: Any) -> tuple[float, float]:
    start = time.perf_counter()
    value = function(*arguments)
    return value, time.perf_counter() - start


class Stub:
    """Random projections to 2048 numbers in place of a network."""

    suffix, dimension = "stub", DIMENSION

    def __init__(self) -> None:
        self.facts = {"extractor": "stub"}
        pixels = STUB_SIDE * STUB_SIDE
        self.weights = np.random.default_rng(0).standard_normal((pixels, DIMENSION), np.float32)

    def __call__(self, images: Any) -> np.ndarray:
        return np.asarray(images.reshape(len(images), -1) @ self.weights)


def memory(n: int) -> dict[str, Any]:
    """Peak resident memory of a process that scores n images against n."""
    done = subprocess.run(
        [sys.executable, __file__, "--score", str(n)], stdout=subprocess.PIPE, check=True
    )
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


class Drawn:
    """n random images that are made when they are read, so that no file of them is in memory."""

    dtype = np.dtype(np.uint8)

    def __init__(self, n: int, seed: int) -> None:
        self.shape = (n, STUB_SIDE, STUB_SIDE, 1)
        self.seed = seed

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: slice) -> np.ndarray:
        start, stop, _ = which.indices(len(self))
        rng = np.random.default_rng([self.seed, start])
        return rng.integers(0, 256, (stop - start, *self.shape[1:]), np.uint8)


def score_many(n: int) -> None:
    from zoo.metrics.features import extract
    from zoo.metrics.frechet import frechet_distance

    with tempfile.TemporaryDirectory() as name:
        sides = [extract(Stub(), Drawn(n, seed), cache=Path(name)) for seed in range(2)]
        distance = frechet_distance(*sides)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(json.dumps({"peak_mb": round(peak, 1), "distance": distance}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default="", help="without it images/s are not measured")
    parser.add_argument("--images", type=int, default=32, help="in a turn")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, nargs="+", default=[32])
    parser.add_argument("--rows", default="", help="only rows with this in their name")
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "extractor_speed.json")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--score", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    if given.score:
        score_many(given.score)
        return
    rows = {f"frechet, {n} rows": partial(frechet, n) for n in FRECHET}
    rows |= {f"memory, {n} images": partial(memory, n) for n in MEMORY}
    if given.torch_python:
        rows |= {f"images/s, batch {n}": partial(throughput, given, n) for n in given.batch}
    measured.measure(given.out, {name: row for name, row in rows.items() if given.rows in name})


if __name__ == "__main__":
    main()
