"""Train every generator on BBBC038's fluorescence images for 12 kimg and score what it makes.

usage: python benchmarks/generators.py --weights FILE [--runs FOLDER] [--only NAME …]

`--weights` are InceptionV3's up to mixed8; `zoo data import bbbc/bbbc038 …` comes first. Rows go to
results/generators.json as they are measured; those that are there already are not measured again.
12 kimg are a fraction of a training: the table compares beginnings, not what a method can reach.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measured import RESULTS, measure

DATA = "bbbc/bbbc038-fluorescence"
KIMG = 12.0
SCORED = 512
SEEDS = (0, 1, 2)
QUICK = {"preset": "quick"}
PLAIN = {"preset": "quick", "ema_kimg": "0"}
# Settings and options that differ from the generator's quick preset.
VARIANTS: Mapping[str, tuple[str, Mapping[str, str], Sequence[int]]] = {
    "dcgan": ("dcgan", QUICK, SEEDS),
    "dcgan plain": ("dcgan", PLAIN, SEEDS),
    "dcgan small": ("dcgan", {"preset": "small"}, SEEDS),
    "lsgan": ("lsgan", QUICK, SEEDS),
    "hinge-gan": ("hinge-gan", QUICK, SEEDS),
    "wgan-gp": ("wgan-gp", QUICK, SEEDS),
    # These images have one class, so this shows what the conditional networks cost, not more.
    "cgan": ("cgan", {**QUICK, "label": "modality"}, SEEDS),
    "stylegan-lite": ("stylegan-lite", QUICK, (0,)),
    "dcgan + DiffAugment": ("dcgan", {**QUICK, "augment": "diffaugment"}, SEEDS),
    "dcgan + R1": ("dcgan", {**QUICK, "r1_gamma": "1", "lazy_every": "4"}, SEEDS),
}
SETTINGS = ("preset", "label")
COLUMNS = ("fid_mixed8", "floor", "ratio", "kid_mixed8", "coverage", "images_per_second")


def one(variant: str, seed: int, weights: Path, runs: Path, kimg: float) -> dict[str, Any]:
    """Train and score one row; in a process of its own, so that its memory is its own."""
    import zoo
    from zoo.data.home import home
    from zoo.evaluation.score import score
    from zoo.plugins import find

    generator, changes, _ = VARIANTS[variant]
    settings = {k: v for k, v in changes.items() if k in SETTINGS}
    options = {k: v for k, v in changes.items() if k not in SETTINGS}
    run = zoo.run(
        generator,
        DATA,
        kimg=kimg,
        seed=seed,
        image_size=64,
        eval=False,
        out=str(runs),
        options=options,
        **settings,
    )
    gan = zoo.load("run", run.path)
    images = zoo.load("dataset", DATA, image_size=64, label=settings.get("label"))
    extractor = find("extractors", "inception-v3").load()(weights=weights, layer="mixed8")
    evaluation = score(
        images,
        lambda n, seed: gan.sample(n, seed=seed),
        extractor=extractor,
        n=SCORED,
        seed=seed,
        cache=home() / "features",
    )
    found = {entry["name"]: entry for entry in evaluation["metrics"]}
    headline = found["fid_mixed8"]
    manifest = run.manifest
    return {
        "run": run.path.name,
        "fid_mixed8": headline["value"],
        **{key: headline[key] for key in ("floor", "ratio", "interval", "n_real", "n_fake")},
        **{name: found[name]["value"] for name in ("fid_mixed8_train", "kid_mixed8", "coverage")},
        **{key: manifest[key] for key in ("kimg", "images_per_second", "parameters")},
        "training_seconds": manifest["timings"]["training"],
        "peak_memory_mb": manifest["peak_memory_mb"],
        "findings": [finding["title"] for finding in manifest.get("findings", [])],
        "changes": dict(changes),
    }


def in_process(variant: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """`one` in another process."""
    arguments = ["--one", variant, "--seed", str(seed), "--weights", given.weights.absolute()]
    arguments += ["--runs", given.runs.absolute(), "--kimg", given.kimg]
    with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
        command = [sys.executable, __file__, *map(str, arguments), "--answer", answer.name]
        subprocess.run(command, check=True)
        found: dict[str, Any] = json.load(answer)
    return found


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: mean and range over the seeds of each variant."""
    lines = [
        f"| {KIMG:g} kimg | seeds | " + " | ".join(COLUMNS) + " | peak MB | G + D parameters |",
        "|---" * (len(COLUMNS) + 4) + "|",
    ]
    for variant in VARIANTS:
        found = [row for name, row in rows.items() if name.rpartition(" seed ")[0] == variant]
        if not found:
            continue
        cells = [_cell([row[column] for row in found]) for column in COLUMNS]
        parameters = sum(found[0]["parameters"].values())
        memory = max(row["peak_memory_mb"] for row in found)
        cells += [f"{memory:,}", f"{parameters:,}"]
        lines.append(f"| {variant} | {len(found)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    mean = statistics.fmean(values)
    if len(values) == 1:
        return f"{mean:.3g}"
    return f"{mean:.3g} ({min(values):.3g}–{max(values):.3g})"


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="+", default=list(VARIANTS))
    parser.add_argument("--kimg", type=float, default=KIMG)
    parser.add_argument("--one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--answer", type=Path)
    given = parser.parse_args()
    if given.one:
        found = one(given.one, given.seed, given.weights, given.runs, given.kimg)
        given.answer.write_text(json.dumps(found))
        return
    wanted = [
        (seed, variant) for seed in SEEDS for variant in given.only if seed in VARIANTS[variant][2]
    ]
    rows = measure(
        RESULTS / "generators.json",
        {
            f"{variant} seed {seed}": lambda v=variant, s=seed: in_process(v, s, given)
            for seed, variant in wanted
        },
    )
    print(table(rows))


if __name__ == "__main__":
    main()
