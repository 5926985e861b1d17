"""Features and the Fréchet distance, zoo beside torch-fidelity, pytorch-fid and clean-fid.

usage: python benchmarks/fid_speed.py --torch-python PATH [--tool NAME …] [--out FILE]

`features`: InceptionV3 with the same random weights, from uint8 images of 64 px in memory to 2048
numbers, each tool with its own resize (zoo with clean-fid's beside clean-fid), each in its own
process, in turns. `distance`: from the features of both sides to the number, covariances included.
A ratio is the tool's seconds over zoo's in one round. PATH is a Python with torch and `pip install
--no-deps torch-fidelity pytorch-fid clean-fid torchvision`, numpy, scipy, Pillow, requests and
tqdm. Rows that FILE holds are not measured again.
"""

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import measured
import numpy as np
from extractor_speed import features as drawn
from fid_parity import Worker, make_weights

TOOLS = ("torch-fidelity", "pytorch-fid", "clean-fid")
SIDE = 64
COUNTS = (600, 10_000)
SCRIPT = Path(__file__).with_name("fid_tools.py")


def serve(weights: str, resize: str) -> None:
    """zoo's side of `features`."""
    from zoo.metrics.published import PublishedInception

    network = PublishedInception(weights, resize=resize)
    print(json.dumps(measured.versions(("tensorflow", "keras"))), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        images, network.batch_size = np.load(asked["images"]), asked["batch"]
        start = time.perf_counter()
        found = network(images)
        seconds = time.perf_counter() - start
        np.save(asked["out"], found)
        print(json.dumps({"seconds": seconds}), flush=True)


def features(given: argparse.Namespace, tool: str) -> dict[str, Any]:
    """Seconds that the features of some images take in both."""
    from zoo.metrics.published_weights import convert

    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        shape = (given.images, SIDE, SIDE, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        np.save(work / "images.npy", images)
        made = make_weights(given.torch_python, images[:8], work)
        convert(made, work / "weights.h5")
        resize = "clean" if tool == "clean-fid" else "legacy"
        mine = Worker([sys.executable, __file__, "--serve", work / "weights.h5", resize])
        theirs = Worker([given.torch_python, SCRIPT, "features", tool, made])
        asked = {"images": str(work / "images.npy"), "batch": given.batch}
        runs = {
            label: partial(worker.seconds, **asked, out=str(work / f"{label}.npy"))
            for label, worker in (("zoo", mine), (tool, theirs))
        }
        row = measured.compared(measured.in_turns(runs, rounds=given.rounds))
        found = [np.load(work / f"{label}.npy") for label in runs]
        for worker in (mine, theirs):
            worker.close()
    facts = {"images": given.images, "batch": given.batch, "resize": resize}
    apart = np.linalg.norm(found[0] - found[1]) / np.linalg.norm(found[1])
    versions = mine.versions | theirs.versions
    return row | facts | {"relative_l2": measured.rounded(apart), "versions": versions}


def distance(given: argparse.Namespace, n: int, tool: str) -> dict[str, Any]:
    """Seconds that the distance of n features on each side takes in both."""
    from zoo.metrics.frechet import frechet_distance

    sides = {side: drawn(n, seed) for seed, side in enumerate(("real", "fake"))}
    values = {}

    def mine() -> float:
        start = time.perf_counter()
        values["zoo"] = frechet_distance(*sides.values())
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as name:
        for side, rows in sides.items():
            np.save(Path(name, f"{side}.npy"), rows)
        worker = Worker([given.torch_python, SCRIPT, "distance", tool])
        asked = {side: str(Path(name, f"{side}.npy")) for side in sides}

        def theirs() -> float:
            answer = worker(**asked)
            values["other"] = answer["distance"]
            return float(answer["seconds"])

        seconds = measured.in_turns(
            {"zoo": mine, tool: theirs}, rounds=given.rounds_distance, warm=0
        )
        worker.close()
    apart = abs(values["zoo"] - values["other"]) / abs(values["other"])
    facts = {"relative_difference": measured.rounded(apart), "versions": worker.versions}
    return measured.compared(seconds) | facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default="")
    parser.add_argument("--tool", nargs="+", choices=TOOLS, default=TOOLS)
    parser.add_argument("--images", type=int, default=32, help="in a turn")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rounds-distance", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="rows of features")
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "fid_speed.json")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve)
        return
    if not given.torch_python:
        parser.error("nothing to compare with: --torch-python PATH names a Python with the tools")
    rows = {f"features, {SIDE} px, {tool}": partial(features, given, tool) for tool in given.tool}
    for n in given.counts:
        for tool in given.tool:
            rows[f"distance, {n} rows, {tool}"] = partial(distance, given, n, tool)
    measured.measure(given.out, rows)


if __name__ == "__main__":
    main()
