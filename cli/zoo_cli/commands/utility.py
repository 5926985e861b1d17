"""`zoo utility`: what generated images are worth as training data."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from zoo.errors import UsageError
from zoo.runs import Run
from zoo.runs.find import find_run
from zoo_cli.commands.run import parse_options
from zoo_cli.flags import training_options
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete, complete_keys, complete_runs, complete_several, runs_option


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_runs)
@click.option(
    "--per-class",
    is_flag=True,
    help="One run for each class, as RUN or as NAME=RUN.",
)
@click.option(
    "--data",
    metavar="DATA",
    shell_complete=complete("datasets"),
    help="Real images with classes.  [default: those of the run]",
)
@click.option("--label", metavar="FIELD", help="What the classes are.  [default: as the run]")
@click.option(
    "--classifiers",
    metavar="NAME,NAME",
    shell_complete=complete_several("detectors"),
    help="Detectors to use.  [default: the five CNNs on a GPU, else random-forest,small-cnn]",
)
@click.option(
    "-o",
    "pairs",
    metavar="[NAME.]KEY=VALUE",
    multiple=True,
    shell_complete=complete_keys("detectors"),
    help="Option of the classifiers, or of one, such as vgg16.epochs=4.",
)
@training_options()
@click.option(
    "--imbalance",
    metavar="CLASS:SHARE,SHARE",
    help="Cut a class to these shares, such as MONOCYTE:0.1, and refill it.",
)
@click.option(
    "--low-data", metavar="SHARE,SHARE", help="Repeat with these shares of the real images."
)
@click.option(
    "--external",
    metavar="DATA",
    shell_complete=complete("datasets"),
    help="Test on another dataset with the same classes too.",
)
@click.option(
    "--by",
    default="group",
    show_default=True,
    metavar="FIELD",
    help="Also state the values of a field with the lowest and the highest accuracy.",
)
@runs_option
@json_option
def command(
    runs: tuple[str, ...],
    per_class: bool,
    parent: Path,
    pairs: tuple[str, ...],
    classifiers: str | None,
    imbalance: str | None,
    low_data: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train classifiers on real and on generated images of RUN, and test them on real ones.

    RUN is a path, a name or a number such as 3. Five arms are always measured: real, synthetic,
    real and synthetic, and the real ones with classic augmentation, alone and with synthetic. They
    differ in nothing else: the same number of images shown, of optimiser steps, of settings, the
    same validation and test images, which the generator has not seen. The table is written into
    the run and its report; what is finished is kept, and the same command goes on.
    """
    found = _per_class(runs, parent) if per_class else _single(runs, parent)
    settings |= {
        "classifiers": _names(classifiers),
        "options": parse_options(pairs),
        "imbalance": _imbalance(imbalance),
        "low_data": _shares(low_data, "--low-data"),
    }
    from zoo.device import configure

    configure()
    from zoo.evaluation.on_runs import utility_of

    measured = utility_of(found, **settings)
    if as_json:
        print_json(measured)
    else:
        _print(measured)


def _single(runs: tuple[str, ...], parent: Path) -> Run:
    if len(runs) > 1:
        raise UsageError("one RUN is measured at a time; --per-class takes one for each class")
    return find_run(runs[0], parent)


def _per_class(runs: tuple[str, ...], parent: Path) -> dict[str, Run]:
    from zoo.evaluation.trained import class_of

    found: dict[str, Run] = {}
    for text in runs:
        name, _, number = text.rpartition("=")
        run = find_run(number, parent)
        name = name or class_of(run)
        if name in found:
            raise UsageError(f"--per-class {text}: {name} has a run already")
        found[name] = run
    return found


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _imbalance(text: str | None) -> tuple[str, list[float]] | None:
    if text is None:
        return None
    name, colon, shares = text.rpartition(":")
    if not colon:
        raise UsageError(f"--imbalance {text}: expected CLASS:SHARE, such as MONOCYTE:0.1")
    return name, _shares(shares, f"--imbalance {text}")


def _shares(text: str | None, where: str) -> list[float]:
    if text is None:
        return []
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{where}: expected shares such as 0.1,0.25") from None


def _print(found: Mapping[str, Any]) -> None:
    from zoo.report.numbers import percent, span

    print_columns(_table(found["table"]))
    for heading, rows in _cut_tables(found):
        click.echo(f"\n{heading}")
        print_columns(_table(rows))
    if found["extremes"]:
        click.echo(f"\naccuracy by {found['by']}")
        print_columns(_extremes(found["extremes"]))
    click.echo()
    for row in found["ratios"]:
        interval = f" ({span(row['interval'], percent)} over groups)" if row["interval"] else ""
        of = {"f1": "F1"}.get(row["of"], row["of"])
        click.echo(f"{row['classifier']}: {of} synthetic / real {percent(row['value'])}{interval}")
    always = found["majority"]
    click.echo(f"always {always['class']}: accuracy {percent(always['accuracy'])}")
    for item in found["not_computed"]:
        click.echo(f"not computed: {item['name']}: {item['reason']}")


def _cut_tables(found: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    from zoo.report.numbers import percent

    for each in found["imbalance"]:
        yield f"{each['class']} cut to {percent(each['share'])}", each["table"]
    for each in found["low_data"]:
        yield f"{percent(each['share'])} of the real images", each["table"]
    if found["external"]:
        yield "external test", found["external"]


def _extremes(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    from zoo.report.numbers import percent

    def shown(each: Mapping[str, Any]) -> str:
        return f"{each['value']}: {percent(each['accuracy'])} of {each['n']}"

    heading = ("CLASSIFIER", "TRAINED ON", "WORST", "BEST")
    return [
        heading,
        *((row["classifier"], row["arm"], shown(row["worst"]), shown(row["best"])) for row in rows),
    ]


def _table(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    from zoo.report.numbers import mean_sd

    columns = ("accuracy", "recall", "precision", "f1")
    heading = ("CLASSIFIER", "TRAINED ON", *(name.upper() for name in columns))
    return [
        heading,
        *(
            (row["classifier"], row["arm"], *(mean_sd(row[name]) for name in columns))
            for row in rows
        ),
    ]
