"""Peak resident memory of loading 1,000 to 100,000 images of 64x64 and reading 200 batches.

usage: python benchmarks/data_memory.py [--images 1000 10000 100000] [--batches 200] [--out FILE]

Each measurement is a process of its own: `first` cuts the images and loads them, `again` finds
them cut.
The images are made on the fly by a plugin, so that no file but zoo's own is read. Pages of the
memory-mapped file count as resident (`file_mb`), but the system takes them back when it needs them;
`anonymous_mb` is what it cannot. Rows that FILE holds are not measured again.
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

BATCH = 64
PLUGIN = """
import zoo

@zoo.hookimpl
def zoo_datasets():
    yield zoo.Dataset("noise", "zoo_noise.made:Noise", "Noise made on the fly", licence="CC0-1.0")
"""
MADE = """
import numpy as np

class Noise:
    def __init__(self, images=0):
        self.images = images
        self.content_key = f"noise {images}"

    def __iter__(self):
        for number in range(self.images):
            pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 1), np.uint8)
            yield {"id": f"image {number}", "image": pixels, "group": f"slide {number // 10}"}
"""


def install(site: Path) -> None:
    """Put the plugin where Python finds installed distributions."""
    package, info = site / "zoo_noise", site / "zoo_noise-0.1.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").write_text(PLUGIN)
    (package / "made.py").write_text(MADE)
    (info / "METADATA").write_text("Name: zoo-noise\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[zoo]\nnoise = zoo_noise\n")


def twice(work: Path, images: int, batches: int) -> dict[str, Any]:
    """Load images that are not cut yet, and once more when they are."""
    return {when: in_process(work, images, batches) for when in ("first", "again")}


def in_process(work: Path, images: int, batches: int) -> dict[str, Any]:
    path = os.pathsep.join(filter(None, (str(work / "site"), os.environ.get("PYTHONPATH"))))
    environ = os.environ | {"PYTHONPATH": path, "ZOO_HOME": str(work / "home")}
    command = [sys.executable, __file__, "--measure", str(images), "--batches", str(batches)]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def load_and_read(images: int, batches: int) -> dict[str, Any]:
    import zoo

    start = time.perf_counter()
    loaded = zoo.load("dataset", "noise", image_size=64, images=images) if images else None
    seconds = time.perf_counter() - start
    for _ in loaded.batches(0, batches, batch_size=BATCH) if loaded else ():
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "images": len(loaded) if loaded else 0,
        "peak_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1),
        **_now(),
        "load_seconds": round(seconds, 2),
    }


def _now() -> dict[str, float]:
    """Resident memory at the end, by kind, where the system tells."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    kinds = {"anonymous_mb": "RssAnon", "file_mb": "RssFile"}
    return {name: round(int(sizes[key]) / 2**10, 1) for name, key in kinds.items() if key in sizes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "data_memory.json")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is not None:
        print(json.dumps(load_and_read(given.measure, given.batches)))
        return
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "site").mkdir()
        install(work / "site")
        rows = {"no images": partial(in_process, work, 0, given.batches)}
        for images in given.images:
            row = f"{images} images, {given.batches} batches"
            rows[row] = partial(twice, work, images, given.batches)
        measured.measure(given.out, rows)


if __name__ == "__main__":
    main()
