"""Peak resident memory of `zoo.score` on 5,000 and on 100,000 images a side.

usage: python benchmarks/score_memory.py [--images 5000 100000] [--out FILE]

Each measurement is a process of its own that scores two .npy files of 32x32 grey images with a
projection to 64 features in place of a network, and all metrics that are computed by default but
MS-SSIM, which loads TensorFlow. Rows that FILE holds are not measured again.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import measured
import numpy as np
import numpy.typing as npt

SIDE, FEATURES, BLOCK = 32, 64, 1000


class Projection:
    """A fixed random projection in place of a feature network."""

    suffix, dimension = "projection", FEATURES

    def __init__(self) -> None:
        self.facts = {"extractor": "random projection"}
        weights = np.random.default_rng(0).standard_normal((SIDE * SIDE, FEATURES))
        self._weights = weights.astype(np.float32)

    def __call__(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return (images.reshape(len(images), -1) / np.float32(255)) @ self._weights


def write_images(path: Path, n: int, seed: int) -> None:
    """An .npy file of n noisy images."""
    shape = (n, SIDE, SIDE, 1)
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        rng = np.random.default_rng(seed)
        for start in range(0, n, BLOCK):
            block = (min(BLOCK, n - start), *shape[1:])
            file.write(rng.integers(0, 200 + 20 * seed, block, np.uint8).tobytes())


def score(real: str, fake: str) -> dict[str, Any]:
    """Seconds, peak memory and what was not computed of one score."""
    import zoo
    from zoo.evaluation.score import default_metrics

    names = [m.name for m in default_metrics() if m.name != "ms_ssim_diversity"]
    start = time.monotonic()
    found = zoo.score(real, fake, extractor=Projection(), metrics=names)
    return {
        "seconds": round(time.monotonic() - start, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "metrics": len(found["metrics"]),
        "not_computed": found["not_computed"],
    }


def measure(n: int) -> dict[str, Any]:
    """The score of n images a side in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{name}.npy") for name in ("real", "fake")]
        for seed, path in enumerate(paths):
            write_images(path, n, seed)
        environment = os.environ | {"ZOO_HOME": str(Path(folder, "home"))}
        call = [sys.executable, __file__, "--one", *map(str, paths)]
        done = subprocess.run(call, check=True, stdout=subprocess.PIPE, env=environment)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[5000, 100_000])
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "score_memory.json")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(score(*given.one)))
        return
    measured.measure(given.out, {f"{n} images": partial(measure, n) for n in given.images})


if __name__ == "__main__":
    main()
