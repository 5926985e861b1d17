"""Run the quick preset on BBBC038 for several seeds and variants; collect its scores and times.

usage: python benchmarks/quick_preset.py FOLDER --weights FILE [--seeds 0 1 2] [--variant KEY=VALUE]

Rows are appended to FOLDER/results.jsonl; those that are there already are not run again.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("fid_mixed8", "fid_mixed8_train", "fid_mixed8_untrained", "kid_mixed8", "coverage", "swd")


def measure(folder: Path, weights: Path, seed: int, variant: list[str]) -> dict[str, object]:
    options = [part for pair in variant for part in ("-o", pair)]
    inception = ["--inception-weights", str(weights), "--inception-layer", "mixed8"]
    arguments = ["run", "dcgan", "--data", "bbbc", "--seed", str(seed), "--preset", "quick"]
    code = "from zoo_cli.main import main; main()"
    command = [sys.executable, "-c", code, *arguments, *inception, *options, "--json"]
    start = time.monotonic()
    done = subprocess.run([*command, "--out", str(folder)], stdout=subprocess.PIPE, check=True)
    seconds = time.monotonic() - start
    run = json.loads(done.stdout)
    evaluation = json.loads(Path(run["run"], "evaluation.json").read_text())
    detection = json.loads(Path(run["run"], "detection.json").read_text())
    entries = {entry["name"]: entry for entry in evaluation["metrics"]}
    headline = entries["fid_mixed8"]
    return {
        "seed": seed,
        "variant": variant,
        "run": Path(run["run"]).name,
        "seconds": round(seconds, 1),
        "timings": run["timings"],
        "kimg": run["kimg"],
        "images_per_second": run["images_per_second"],
        **{name: entries[name]["value"] for name in NAMES if name in entries},
        **{key: headline[key] for key in ("floor", "ratio", "interval", "n_real", "n_fake")},
        "detection_valid": detection["valid"],
        "detectors": {row["name"]: row["accuracy"] for row in detection["detectors"]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variant", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    results = given.folder / "results.jsonl"
    rows = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    for seed in given.seeds:
        if not any(row["seed"] == seed and row["variant"] == given.variant for row in rows):
            rows.append(measure(given.folder, given.weights, seed, given.variant))
            with results.open("a") as file:
                print(json.dumps(rows[-1]), file=file)
    mine = [row for row in rows if row["variant"] == given.variant]
    scores = [row["fid_mixed8"] for row in mine]
    print(f"{given.variant}: fid_mixed8 median {statistics.median(scores):.2f} of {scores}")
    print("seconds", [row["seconds"] for row in mine])


if __name__ == "__main__":
    main()
