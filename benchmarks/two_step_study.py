"""The two-step study: train DCGAN, then see how well detectors tell its images from real ones.

usage: python benchmarks/two_step_study.py [DATA …] [--runs FOLDER] [--kimg N] [--out FILE]
           [--recompress QUALITY]

Datasets must be prepared; by default BBBC038's fluorescence images and the blood cells. For each,
DCGAN is trained, or its training resumed, and then every classical detector and small-cnn give a
table with controls, robustness and a curve over the stored snapshots. Rows go to
results/two_step_study.json as they are measured, and those that are there are not measured again;
what a dataset's run holds in detection.json and in its report are all of its rows together.
With --recompress, real and generated images alike are compressed as JPEG where the files of the
data were compressed with loss, or it is not known whether they were.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from measured import RESULTS, measure

DATASETS = ("bbbc/bbbc038-fluorescence", "blood-cells")
GENERATOR = "dcgan"
LISTS = ("detectors", "controls", "curve", "trend", "robustness", "not_computed")
COLUMNS = ("accuracy", "precision", "recall", "f1", "auroc")


def trained(data: str, given: argparse.Namespace) -> Any:
    """The finished run of a dataset: found, resumed or new."""
    import zoo
    from zoo.runs.folder import list_runs
    from zoo.workflow import resume

    for run in list_runs(given.runs):
        settings = run.recipe.get("settings", {})
        asked = (GENERATOR, data, given.kimg, given.seed)
        found = (run.recipe.get("generator"), run.recipe.get("data"))
        if (*found, settings.get("kimg"), settings.get("seed")) == asked:
            return resume(run.path) if run.status != "finished" else run
    return zoo.run(
        GENERATOR,
        data,
        kimg=given.kimg,
        seed=given.seed,
        image_size=given.image_size,
        eval=False,
        out=str(given.runs),
    )


def detectors() -> dict[str, Any]:
    """Records of the classical detectors and of small-cnn, by name."""
    from zoo.plugins import records

    found = [r for r in records("detectors") if r.framework == "sklearn" or r.name == "small-cnn"]
    return {record.name: record for record in found}


def recompressed(data: str, given: argparse.Namespace) -> int | None:
    """The quality of the compression of both sides, or `None` where files are without loss."""
    from zoo.evaluation.encoding import encoding_of, lossiness
    from zoo.stored import images_of

    if not given.recompress:
        return None
    kinds = lossiness(encoding_of(images_of(trained(data, given))))
    return None if kinds == {False} else given.recompress


def one(data: str, name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Everything that one detector gives on one dataset, as detection.json holds it."""
    from zoo.detecting import Study, detect_run

    records = detectors()
    study = Study(
        detectors=[records[name]],
        family=len(records),
        n=given.n,
        n_small=given.n_small,
        repeats=given.repeats,
        seed=given.seed,
        recompress=recompressed(data, given),
    )
    run = trained(data, given)
    return {"run": run.path.name, "kimg": given.kimg, **detect_run(run, study)}


def together(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rows of several detectors as one detection.json."""
    first = rows[0]
    protocol = dict(first["protocol"])
    options = {k: v for row in rows for k, v in row["protocol"]["comparable"]["detectors"].items()}
    seconds = {k: v for r in rows for k, v in r["protocol"]["provenance"]["seconds"].items()}
    return {
        **{key: [item for row in rows for item in row[key]] for key in LISTS},
        "reasons": list(dict.fromkeys(reason for row in rows for reason in row["reasons"])),
        "valid": all(row["valid"] for row in rows),
        "spectrum": first.get("spectrum"),
        "protocol": {
            "comparable": {**protocol["comparable"], "detectors": options},
            "provenance": {**protocol["provenance"], "seconds": seconds},
        },
    }


def write(data: str, rows: Sequence[Mapping[str, Any]], given: argparse.Namespace) -> Any:
    """Put all rows of a dataset into its run and rebuild the report."""
    from zoo.report import build
    from zoo.runs import write_json

    run = trained(data, given)
    measured = [row for row in rows if row["detectors"]]
    if measured:
        write_json(run.detection_path, together(measured))
        build(run)
    return run


def table(found: Mapping[str, Any]) -> str:
    """Markdown: a line for each detector, with its controls and its trend."""
    lines = [
        f"| detector | {' | '.join(COLUMNS)} | interval | controls | ρ over snapshots |",
        "|---" * (len(COLUMNS) + 4) + "|",
    ]
    for row in found["detectors"]:
        name = row["name"]
        controls = [c for c in found["controls"] if c["detector"] == name]
        failed = [c["control"] for c in controls if not c["passed"]]
        rho = next((t["spearman_rho"] for t in found["trend"] if t["detector"] == name), None)
        cells = [_figure(row[column]) for column in COLUMNS]
        cells += [" to ".join(map(_figure, row["interval"])), ", ".join(failed) or "passed"]
        lines.append(f"| {name} | {' | '.join([*cells, _figure(rho)])} |")
    lines += [f"not computed: {i['name']}: {i['reason']}" for i in found["not_computed"]]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def main() -> None:
    """Measure what is missing, then print a table for each dataset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="*", default=list(DATASETS))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=RESULTS / "two_step_study.json")
    parser.add_argument("--kimg", type=float, default=100.0)
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--only", nargs="+", metavar="DETECTOR")
    parser.add_argument("-n", type=int, default=400)
    parser.add_argument("--n-small", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recompress", type=int, metavar="QUALITY")
    given = parser.parse_args()
    for data in given.data:
        budget = f"{given.kimg:g} kimg, n {given.n}/{given.n_small}, {given.repeats} seeds"
        if quality := recompressed(data, given):
            budget += f", JPEG {quality}"
        names = given.only or list(detectors())
        asked = {f"{data}, {name}, {budget}": partial(one, data, name, given) for name in names}
        rows = list(measure(given.out, asked).values())
        run = write(data, rows, given)
        print(f"\n{data}, {budget}: {run.path}\n\n{table(together(rows))}\n")


if __name__ == "__main__":
    main()
