"""Run recipes of registry.yaml by their names, and record what they gave.

usage: python benchmarks/recipes.py NAME … --runs FOLDER [--weights FILE] [--machine WORDS]
       python benchmarks/recipes.py --write [NAME …]

Each recipe is run as a user would, `zoo run NAME`, below FOLDER; one that was stopped is resumed,
and one that fails is told and left out. `--weights` are InceptionV3's up to mixed8; without them
there is no fid_mixed8. Rows go to results/recipes.json as they are measured; those that are there
already are not measured again. `--write` puts them into registry.yaml as `measured`, from where
docs/reference.py takes them.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from measured import RESULTS, commit, machine, write

from zoo.catalog import read_mapping, shipped
from zoo.runs import Run
from zoo.runs.folder import list_runs

FILE = RESULTS / "recipes.json"
SCORES = ("fid_mixed8", "kid_mixed8", "coverage", "swd")
ZOO = (sys.executable, "-m", "zoo_cli.main")


def run_recipe(name: str, runs: Path, weights: Path | None) -> Run | None:
    """The finished run of a recipe in its own folder: found, resumed or new; none if it failed."""
    parent = runs / name
    found = list_runs(parent)
    if found and found[-1].status == "finished":
        return found[-1]
    if found and found[-1].status != "failed":
        arguments = ["--resume", str(found[-1].path)]
    else:
        network = ["--inception-weights", str(weights), "--inception-layer", "mixed8"]
        arguments = [name, "--out", str(parent), *(network if weights else [])]
    if subprocess.run([*ZOO, "run", *arguments]).returncode:
        return None
    return list_runs(parent)[-1]


def facts(run: Run, words: str) -> dict[str, Any]:
    """What a finished run says of itself: scores, detectors, cost, versions, machine, commit."""
    manifest, data = run.manifest, run.read_mapping(run.data_path)
    evaluation, detection = (
        run.read_mapping(path) for path in (run.evaluation_path, run.detection_path)
    )
    archives = [a["copy"] for a in data.get("archives") or () if a.get("copy")]
    return {
        "seed": manifest["seeds"]["seed"],
        "split_seed": manifest["seeds"]["split_seed"],
        "scores": {metric["name"]: _score(metric) for metric in evaluation["metrics"]},
        "detectors": {row["name"]: row["accuracy"] for row in detection["detectors"]},
        "detection_valid": detection["valid"],
        "not_computed": evaluation["not_computed"] + detection["not_computed"],
        **{key: manifest[key] for key in ("kimg", "images_per_second", "parameters")},
        "seconds": manifest["timings"],
        "findings": [finding["title"] for finding in manifest.get("findings", [])],
        "archive": "; ".join(archives) or None,
        "fingerprint": manifest["dataset"]["fingerprint"],
        "versions": manifest["versions"],
        "device": manifest["device"],
        "machine": {"words": words or _words(manifest["device"]), **machine()},
        "commit": commit(),
    }


def _score(metric: Mapping[str, Any]) -> dict[str, Any]:
    return {key: metric[key] for key in ("value", "interval", "floor", "ratio", "n_real", "n_fake")}


def _words(device: str) -> str:
    cores = re.fullmatch(r"CPU, (\d+) cores?", device)
    return f"{cores[1]} CPU cores" if cores else device


def block(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the `measured` of a recipe: rounded, and with what it must be read with."""
    scores, seed = row["scores"], f"seed {row['seed']}"
    versions = row["versions"]
    framework = f"TensorFlow {versions['tensorflow'].rpartition('.')[0]}, Keras {versions['keras']}"
    found = {
        "zoo": versions["zoo"],
        "machine": f"{row['machine']['words']}, {framework}",
        "archive": row["archive"],
        "protocol": _protocol(row),
    }
    first = scores.get("fid_mixed8")
    for name in SCORES:
        found[name] = {seed: _rounded(scores[name]["value"])} if name in scores else None
        if name == "fid_mixed8" and first:
            found |= {key: {seed: _rounded(first[key])} for key in ("floor", "ratio")}
            start = scores.get("fid_mixed8_untrained")
            found["untrained"] = {seed: _rounded(start["value"])} if start else None
    accuracies = {name: round(value, 3) for name, value in row["detectors"].items()}
    found["detectors"] = accuracies if row["detection_valid"] else None
    found["training"] = {
        "kimg": _rounded(row["kimg"]),
        "seconds": round(row["seconds"]["training"]),
        "images per second": row["images_per_second"],
    }
    found["monitors"] = ", ".join(row["findings"])
    found["commit"] = row["commit"]
    return {key: value for key, value in found.items() if value}


def _protocol(row: Mapping[str, Any]) -> str:
    names = [name for name in SCORES if name in row["scores"]]
    first = row["scores"][names[0]]
    counts = f"{first['n_fake']} generated against {first['n_real']} held-out images"
    return f"{names[0]}, {counts}, split seed {row['split_seed']}"


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def insert(text: str, name: str, measured: Mapping[str, Any]) -> str:
    """registry.yaml's text with a recipe's `measured` replaced or added; nothing else changes."""
    lines = text.splitlines()
    start = lines.index(f"  {name}:") + 1
    end = _end(lines, start, indent=4)
    if "    measured:" in lines[start:end]:
        old = lines.index("    measured:", start, end)
        after = _end(lines, old + 1, indent=6)
    else:
        old = after = end
    shown = [f"      {key}: {_flow(value)}" for key, value in measured.items()]
    return "\n".join([*lines[:old], "    measured:", *shown, *lines[after:]]) + "\n"


def _end(lines: list[str], start: int, *, indent: int) -> int:
    inside = (i for i in range(start, len(lines)) if not lines[i].startswith(" " * indent))
    return next(inside, len(lines))


def _flow(value: Any) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.removesuffix("...\n").strip()


def write_registry(rows: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Put rows into a registry, and make sure that all else in it is as before."""
    before, text = read_mapping(file), file.read_text(encoding="utf-8")
    for name, row in rows.items():
        text = insert(text, name, block(row))
        before["recipes"][name]["measured"] = block(row)
    if yaml.safe_load(text) != before:
        raise SystemExit(f"{file} is left as it is: inserting the rows would change more of it")
    file.write_text(text, encoding="utf-8")


def rows_of(names: Iterable[str]) -> dict[str, Any]:
    """The recorded rows, all or some."""
    held: dict[str, Any] = json.loads(FILE.read_text()) if FILE.is_file() else {}
    wanted = list(names) or list(held)
    return {name: held[name] for name in wanted if name in held}


def main() -> None:
    """Measure what is missing, or write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--machine", default="", help="its words, where the default is not enough")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.write:
        write_registry(rows_of(given.names), shipped())
        return
    if given.runs is None or not given.names:
        parser.error("give names of recipes and --runs FOLDER, or --write")
    for name in given.names:
        if not rows_of([name]):
            print(f"{name} …", flush=True)
            run = run_recipe(name, given.runs.absolute(), given.weights)
            if run is None:
                print(f"{name}: failed; its run folder says why", flush=True)
                continue
            write(FILE, {**rows_of([]), name: facts(run, given.machine)})
        print(f"{name}: {json.dumps(block(rows_of([name])[name]))}", flush=True)


if __name__ == "__main__":
    main()
