"""`zoo detect`: can detectors tell generated from real images?"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import UsageError
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete, runs_option

if TYPE_CHECKING:
    from zoo.detecting import Study
    from zoo.specs import Detector

LARGE = "applications"  # the plugin whose networks are only tried when they are named


@click.command()
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option(
    "--real", metavar="DATA", help="Real images, such as folder:PATH, instead of a run's."
)
@click.option("--fake", metavar="DATA", help="Generated images, such as folder:PATH.")
@click.option("--image-size", metavar="HxW", help="Size of --real and --fake.")
@click.option(
    "--detector",
    "names",
    metavar="NAME",
    multiple=True,
    shell_complete=complete("detectors"),
    help="Detector to try, again for more.  [default: all but the large networks]",
)
@click.option(
    "--features", metavar="A,B", help="Features of classical detectors, such as lbp,hog,spectrum."
)
@click.option(
    "-o",
    "pairs",
    metavar="NAME.KEY=VALUE",
    multiple=True,
    help="Option of a detector, such as resnet50.epochs=4.",
)
@click.option("-n", "n", default=400, show_default=True, type=click.IntRange(min=8))
@click.option(
    "--n-small",
    default=150,
    show_default=True,
    type=click.IntRange(min=8),
    help="Images per class of the 50 % controls and of the curve; -n is that of the table.",
)
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--curve/--no-curve", default=True, help="Accuracy at each stored snapshot.")
@click.option("--robust/--no-robust", default=True, help="Accuracy on changed test images.")
@click.option(
    "--recompress",
    metavar="QUALITY",
    type=click.IntRange(1, 95),
    help="Compress real and generated images alike as JPEG.",
)
@click.option(
    "--image", metavar="FILE", type=click.Path(path_type=Path), help="Ask about one picture."
)
@click.option(
    "--with", "kept", metavar="DETECTOR", help="Trained detector that is asked about --image."
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for what --real and --fake give.",
)
@runs_option
@json_option
def command(
    runs: tuple[str, ...],
    real: str | None,
    fake: str | None,
    image_size: str | None,
    names: tuple[str, ...],
    features: str | None,
    pairs: tuple[str, ...],
    image: Path | None,
    kept: str | None,
    out: Path | None,
    parent: Path,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train detectors to tell generated from real images, and measure them on held-out ones.

    RUN is a path, a name or a number such as 3; its detection.json, its report and its folder
    `detectors` are written anew. Of several runs a matrix follows, trained on one and tested on
    another, and for runs that share their data also leave-one-generator-out. With --real and
    --fake two sets of images take the place of a run. With --image a trained detector, a folder
    in `detectors` or its name in RUN, is asked about one picture.
    """
    _check_use(runs, real, fake, image, kept, out)
    if image and kept:
        _print_answer(_asked(image, kept, runs, parent), as_json)
        return
    records = _records(names)
    options = _options(records, pairs, features)

    def study() -> "Study":
        from zoo.detecting import Study

        return Study(detectors=records, options=options, **settings)

    if real and fake:
        _print_found(_of_sets(real, fake, study, image_size, out), as_json)
        return
    _print_runs(*_of_runs(runs, parent, study), as_json=as_json)


def _check_use(
    runs: Sequence[str],
    real: str | None,
    fake: str | None,
    image: Path | None,
    kept: str | None,
    out: Path | None,
) -> None:
    if (real is None) != (fake is None):
        raise UsageError("--real and --fake go together")
    if (image is None) != (kept is None):
        raise UsageError("--image and --with go together")
    if real and (runs or image):
        raise UsageError("--real and --fake take the place of a run and of --image")
    if image and len(runs) > 1:
        raise UsageError("--image takes one run, in which --with names a detector")
    if out and not real:
        raise UsageError("--out goes with --real and --fake; what runs give lies in their folders")
    if not (runs or real or image):
        raise UsageError("give a run, or --real and --fake, or --image and --with")


def _asked(image: Path, kept: str, runs: Sequence[str], parent: Path) -> dict[str, Any]:
    from zoo.runs.find import find_run

    folder = find_run(runs[0], parent).detectors if runs else None
    from zoo.evaluation.kept import ask, find_kept

    return ask(image, find_kept(kept, folder))


def _records(names: Sequence[str]) -> "list[Detector]":
    from zoo.plugins import find, records

    if names:
        return [find("detectors", name) for name in dict.fromkeys(names)]
    return [r for r in records("detectors") if f".{LARGE}." not in r.target]


def _options(
    detectors: "Iterable[Detector]", pairs: Iterable[str], features: str | None
) -> dict[str, dict[str, Any]]:
    """Options by detector, in the types that its class states."""
    from zoo.plugins import unknown

    records = {record.name: record for record in detectors}
    given: dict[str, dict[str, str]] = {name: {} for name in records}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name, dot, option = key.partition(".")
        if not equals or not dot:
            raise UsageError(f"-o {pair}: expected NAME.KEY=VALUE")
        if name not in records:
            raise unknown("detector", name, records)
        given[name][option.replace("-", "_")] = value
    if features is not None:
        for name in [n for n, r in records.items() if r.framework == "sklearn"]:
            given[name].setdefault("features", features)
    return {name: _typed(records[name], values) for name, values in given.items() if values}


def _typed(record: "Detector", values: Mapping[str, str]) -> dict[str, Any]:
    import inspect

    from zoo.plugins import unknown
    from zoo.values import convert

    parameters = inspect.signature(record.load()).parameters
    typed: dict[str, Any] = {}
    for key, value in values.items():
        if key not in parameters or key == "seed":
            raise unknown(f"option of {record.name}", key, [k for k in parameters if k != "seed"])
        annotation = inspect.formatannotation(parameters[key].annotation)
        parts = value.split(",") if annotation.startswith("tuple[str") else value
        typed[key] = convert(parts, annotation, key=f"{record.name}.{key}")
    return typed


def _of_sets(real: str, fake: str, study: Any, image_size: str | None, out: Path | None) -> Any:
    from zoo.device import configure

    configure()
    from zoo.detecting import detect_sets

    return detect_sets(real, fake, study(), image_size=image_size, out=out)


def _of_runs(texts: Sequence[str], parent: Path, study: Any) -> Any:
    from zoo.runs.find import find_run

    runs = [find_run(text, parent) for text in texts]
    for run in runs:
        run.snapshot_step()
    from zoo.device import configure

    configure()
    from zoo.detecting import detect_across, detect_run

    chosen = study()
    found = {run.path.resolve().name: detect_run(run, chosen) for run in runs}
    return found, detect_across(runs, chosen) if len(runs) > 1 else None


def _print_answer(answer: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    tiles = f" ({answer['tiles_called_generated']} of {answer['tiles']} tiles)"
    click.echo(
        f"{answer['says']}: probability of being generated {answer['probability_generated']:.3f}"
        f"{tiles if answer['tiles'] > 1 else ''}"
    )
    click.echo(
        f"{answer['detector']}, trained on {answer['trained_on']['data']} against "
        f"{answer['trained_on']['generated']}; right about {answer['test_accuracy']:.1%} of "
        f"{answer['n_test']} test images"
    )
    click.echo(answer["limit"], err=True)


def _print_runs(
    found: Mapping[str, Any], across: Mapping[str, Any] | None, *, as_json: bool
) -> None:
    if as_json:
        print_json({"runs": found, "across": across})
        return
    for name, detection in found.items():
        click.echo(name)
        _print_found(detection, as_json=False)
    for part in ("leave_one_out", "matrix") if across else ():
        _print_matrix(part, (across or {})[part])
    _print_missing((across or {}).get("not_computed", []))


def _print_found(found: Mapping[str, Any], as_json: bool) -> None:
    from zoo.report.numbers import figure, percent, span

    if as_json:
        print_json(found)
        return
    rows = [
        (
            row["name"],
            percent(row["accuracy"]),
            span(row["interval"], percent),
            percent(row["f1"]),
            figure(row["auroc"], 3),
            f"n = {row['n']}",
        )
        for row in found["detectors"]
    ]
    if rows:
        print_columns([("DETECTOR", "ACCURACY", "INTERVAL", "F1", "AUROC", "TEST IMAGES"), *rows])
        verdict = (
            "all controls passed" if found["valid"] else "void: " + "; ".join(found["reasons"])
        )
        click.echo(verdict)
    for trend in found["trend"]:
        click.echo(
            f"{trend['detector']}: Spearman's rho of accuracy and step {trend['spearman_rho']:.2f}"
        )
    _print_missing(found["not_computed"])


def _print_matrix(part: str, rows: Sequence[Mapping[str, Any]]) -> None:
    from zoo.report.numbers import percent, span

    if not rows:
        return
    click.echo(part.replace("_", " "))
    table = [
        (
            row["detector"],
            ", ".join(row["trained_on"]),
            row["tested_on"],
            percent(row["accuracy"]),
            span(row["interval"], percent),
        )
        for row in rows
    ]
    print_columns([("DETECTOR", "TRAINED ON", "TESTED ON", "ACCURACY", "INTERVAL"), *table])


def _print_missing(items: Iterable[Mapping[str, str]]) -> None:
    for item in items:
        click.echo(f"not computed: {item['name']}: {item['reason']}")
