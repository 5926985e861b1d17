"""What are generated blood cells worth as training data? Five CNNs, and the five arms on two.

usage: python benchmarks/utility_study.py [--run RUN] [--kimg N] [--size PX] [--seeds N]
           [--side PX] [-o NAME.KEY=VALUE …] [--images N] [--steps N] [--runs FOLDER] [--out FILE]

Without `--run` a cgan is trained on `blood-cells` first; it is found again after an interruption.
Real-only and synthetic-only training are measured with all five networks, the mixed arms with the
first two; at the end the run's utility.json and report hold all of them. Each network enlarges the
images to `--side` and passes them through its own `preprocess_input`. Every training is kept in the
run folder and every network's rows in results/utility_study.json, so that the same command goes on
where it stopped.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measured import RESULTS, measure
from trained import trained, weights_hash

DATA = "blood-cells"
ARMS = ("real", "synthetic", "real + synthetic", "real + classic", "real + classic + synthetic")
NETWORKS: Mapping[str, Sequence[str]] = {
    "inceptionv3": ARMS,
    "efficientnetb0": ARMS,
    "resnet50": ARMS[:2],
    "densenet121": ARMS[:2],
    "vgg16": ARMS[:2],
}
SCORES = ("accuracy", "recall", "precision", "f1")


def measured(names: Sequence[str], run: Any, given: argparse.Namespace) -> dict[str, Any]:
    """Networks, each in its arms; what is finished is found again."""
    from zoo.evaluation.on_runs import utility_of

    options = {"epochs": given.epochs, "batch_size": given.batch_size, "min_steps": given.steps}
    options["side"] = given.side
    own = {key: value for key, value in given.options.items() if key.partition(".")[0] in names}
    return utility_of(
        run,
        classifiers=names,
        arms={name: NETWORKS[name] for name in names},
        seeds=given.seeds,
        n=given.images,
        options=options | own,
    )


def one(name: str, run: Any, given: argparse.Namespace) -> dict[str, Any]:
    """All arms of one network."""
    found = measured([name], run, given)
    kept = ("table", "ratios", "majority", "differences", "not_computed", "protocol")
    return {"run": run.name, "kimg": run.manifest.get("kimg"), **{k: found[k] for k in kept}}


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown in the shape of published tables: a line for each network and arm."""
    from zoo.report.numbers import mean_sd, percent, span

    lines = [
        "| classifier | trained on | accuracy | recall | precision | F1 |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['classifier']} | {row['arm']} | {' | '.join(mean_sd(row[s]) for s in SCORES)} |"
        for found in rows.values()
        for row in found["table"]
    ]
    lines += [
        "",
        "| classifier | synthetic / real of | ratio | 95 % over groups |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['classifier']} | {row['of']} | {percent(row['value'])} "
        f"| {span(row['interval'], percent)} |"
        for found in rows.values()
        for row in found["ratios"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--kimg", type=float, default=100.0)
    parser.add_argument("--size", type=int, default=80)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=1, help="Optimiser steps at least.")
    parser.add_argument("--side", type=int, default=80, help="To which images are enlarged.")
    parser.add_argument("-o", dest="options", action="append", default=[], metavar="NAME.KEY=VALUE")
    parser.add_argument("--only", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--out", type=Path, default=RESULTS / "utility_study.json")
    given = parser.parse_args()
    given.options = dict(option.split("=", 1) for option in given.options)
    run = trained(
        "cgan",
        DATA,
        run=given.run,
        parent=given.runs,
        size=given.size,
        kimg=given.kimg,
        preset="small",
        options={"flips": "dihedral"},
    )
    budget = (
        f"{given.side} px, {given.seeds} seeds, {given.epochs} epochs of {given.batch_size}, "
        f"{given.steps} steps at least, {given.images} images at most, "
        f"run {run.name} ({weights_hash(run)[:12]})"
    )
    own = "".join(f", {key}={value}" for key, value in given.options.items())
    named = {f"{name}: {budget}{own}": (lambda n=name: one(n, run, given)) for name in given.only}
    rows = measure(given.out, named)
    measured(given.only, run, given)
    print(json.dumps(budget))
    print(table(rows))


if __name__ == "__main__":
    main()
