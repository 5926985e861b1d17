"""`zoo list`: what is installed."""

from pathlib import Path
from typing import Any

import click

from zoo_cli.output import one_line, print_columns, print_json
from zoo_cli.user import registry_option, user_file

KINDS = ("generators", "datasets", "detectors", "extractors", "metrics", "trackers", "recipes")


@click.command()
@click.argument("kind", required=False, type=click.Choice(KINDS))
@click.option("-q", "--query", metavar="TEXT", default="", help="Only what has TEXT in it.")
@click.option("--all", "everything", is_flag=True, help="Also what is not listed by default.")
@registry_option
@click.option("--json", "as_json", is_flag=True, help="Print an array of objects.")
def command(
    kind: str | None, query: str, everything: bool, registry: Path | None, as_json: bool
) -> None:
    """List generators, datasets, detectors, extractors, metrics, trackers and recipes."""
    from zoo.plugins import registry as plugins

    kinds = [kind] if kind else KINDS
    found = {k: _matching(_rows(k, registry, everything), query) for k in kinds}
    plugins().tell()
    if as_json:
        labelled = [
            row if kind else {"kind": k, **row} for k, rows in found.items() for row in rows
        ]
        print_json(labelled)
    else:
        _print(found, headings=kind is None)
        _hint(query, kind)


def _rows(kind: str, registry: Path | None, everything: bool) -> list[dict[str, Any]]:
    if kind == "recipes":
        return _recipes(registry)
    from zoo.plugins import registry as plugins

    found = [entry.record for entry in plugins().usable(kind)]
    return [_row(record) for record in found if everything or getattr(record, "listed", True)]


def _row(record: Any) -> dict[str, Any]:
    row = {"name": record.name, "summary": one_line(record.summary), "licence": record.licence}
    if hasattr(record, "verified"):
        row["verified"] = record.verified
    return row


def _recipes(registry: Path | None) -> list[dict[str, Any]]:
    from zoo.catalog import recipes

    user = user_file("registry.yaml")
    return [
        {"name": r.name, "summary": one_line(r.summary), "generator": r.generator, "data": r.data}
        for r in recipes(registry=registry, user=user).values()
    ]


def _matching(rows: list[dict[str, Any]], query: str) -> list[dict[str, Any]]:
    text = query.lower()
    return [row for row in rows if any(text in str(value).lower() for value in row.values())]


def _print(found: dict[str, list[dict[str, Any]]], *, headings: bool) -> None:
    shown = {kind: rows for kind, rows in found.items() if rows}
    for kind, rows in shown.items():
        if headings:
            click.echo(("" if kind == next(iter(shown)) else "\n") + kind)
        print_columns([_cells(kind, row) for row in rows], indent="  " if headings else "")


def _hint(query: str, kind: str | None) -> None:
    """What to do where nothing was prepared yet."""
    from zoo.data.prepared import version_of
    from zoo.plugins import records

    if query or kind not in (None, "datasets"):
        return
    if not any(version_of(record) for record in records("datasets") if record.archives):
        click.echo(
            "no dataset is prepared yet: `zoo data fetch NAME` gets one; bbbc/simulated and "
            "folder:PATH need none of it",
            err=True,
        )


def _cells(kind: str, row: dict[str, Any]) -> list[str]:
    if kind == "recipes":
        return [row["name"], row["generator"], row["data"], row["summary"]]
    if kind == "datasets":
        unverified = "" if row["verified"] else "unverified"
        return [row["name"], row["licence"], unverified, row["summary"]]
    return [row["name"], row["summary"]]
