"""How the answers of `zoo detect` are printed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from zoo_cli.output import print_columns, print_json


def print_answer(answer: Mapping[str, Any], as_json: bool) -> None:
    """Print what a trained detector says of one picture."""
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
    if answer["valid"] is None:
        click.echo("this detector was kept without the controls of its table")
    else:
        click.echo(_verdict(answer))
    click.echo(answer["limit"], err=True)


def print_runs(
    found: Mapping[str, Any], across: Mapping[str, Any] | None, *, as_json: bool
) -> None:
    """Print what was found of each run, and across them."""
    if as_json:
        print_json({"runs": found, "across": across})
        return
    for name, detection in found.items():
        click.echo(name)
        print_found(detection, as_json=False)
    for part in ("leave_one_out", "matrix") if across else ():
        _print_matrix(part, (across or {})[part])
    _print_missing((across or {}).get("not_computed", []))


def print_found(found: Mapping[str, Any], as_json: bool) -> None:
    """Print the table of a detection.json, its verdict, its trends and what is missing."""
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
        click.echo(_verdict(found))
    for trend in found["trend"]:
        click.echo(
            f"{trend['detector']}: Spearman's rho of accuracy and step {trend['spearman_rho']:.2f}"
        )
    _print_missing(found["not_computed"])


def _verdict(found: Mapping[str, Any]) -> str:
    return "all controls passed" if found["valid"] else f"void: {'; '.join(found['reasons'])}"


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
            percent(row["accuracy"]) + ("" if row["valid"] else " (void)"),
            span(row["interval"], percent),
        )
        for row in rows
    ]
    print_columns([("DETECTOR", "TRAINED ON", "TESTED ON", "ACCURACY", "INTERVAL"), *table])


def _print_missing(items: Iterable[Mapping[str, str]]) -> None:
    for item in items:
        click.echo(f"not computed: {item['name']}: {item['reason']}")
