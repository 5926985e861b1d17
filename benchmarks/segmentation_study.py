"""What are generated nuclei with masks worth to a segmentation? A U-Net on BBBC038.

usage: python benchmarks/segmentation_study.py [--run RUN] [--generator NAME] [--kimg N] [--size PX]
           [--seeds N] [--images N] [--steps N] [--runs FOLDER] [--out FILE]

`zoo data import bbbc/bbbc038 …` comes first. Without `--run` a generator is trained with masks; it
is found again after an interruption. Every training of the U-Net is kept in the run folder, so that
the same command goes on where it stopped; the row goes to results/segmentation_study.json.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measured import RESULTS, measure
from trained import trained

DATA = "bbbc/bbbc038-fluorescence"


def one(run: Any, given: argparse.Namespace) -> dict[str, Any]:
    """All arms."""
    from zoo.evaluation.on_runs import segmentation_of

    found = segmentation_of(run, seeds=given.seeds, n=given.images, steps=given.steps)
    return {"run": run.name, "kimg": run.manifest.get("kimg"), **found}


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: a line for each arm, then the differences."""
    from zoo.report.numbers import mean_sd, percent, span

    lines = ["| U-Net trained on | Dice | IoU | images |", "|---|---|---|---|"]
    for found in rows.values():
        lines += [
            f"| {row['arm']} | {mean_sd(row['dice'])} | {mean_sd(row['iou'])} | {row['shown']} |"
            for row in found["table"]
        ]
        lines += [
            f"| {row['arm']} minus {row['against']} | {percent(row['dice']['value'])} "
            f"({span(row['dice']['interval'], percent)}) | {percent(row['iou']['value'])} "
            f"({span(row['iou']['interval'], percent)}) | |"
            for row in found["differences"]
        ]
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--generator", default="dcgan")
    parser.add_argument("--kimg", type=float, default=50.0)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--out", type=Path, default=RESULTS / "segmentation_study.json")
    given = parser.parse_args()
    run = trained(
        given.generator,
        DATA,
        run=given.run,
        parent=given.runs,
        size=given.size,
        kimg=given.kimg,
        preset="quick",
        options={"flips": "dihedral"},
        with_mask=True,
    )
    name = (
        f"{given.size} px, {given.seeds} seeds, {given.steps} steps, "
        f"{given.images} images at most, run {run.name}"
    )
    rows = measure(given.out, {name: lambda: one(run, given)})
    print(name)
    print(table(rows))


if __name__ == "__main__":
    main()
