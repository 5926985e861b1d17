"""`zoo study`: many runs on Ray, and a leaderboard."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import UsageError, ZooError
from zoo_cli.output import json_option, one_line, print_columns, print_json
from zoo_cli.user import recipe_sources, registry_option

if TYPE_CHECKING:
    from zoo.studies.cells import Cell


@click.command()
@click.argument("design", metavar="STUDY", default="")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the study.  [default: studies/NAME]",
)
@click.option("--list", "listing", is_flag=True, help="List the studies that come with zoo.")
@click.option("--dry-run", is_flag=True, help="Print the cells and their recipes, and stop.")
@click.option(
    "--cpus", metavar="N", type=click.IntRange(min=1), help="CPUs of this machine; all by default."
)
@click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="A Ray cluster, all machines of which see DIR under one path.",
)
@registry_option
@json_option
def command(
    design: str,
    out: Path | None,
    listing: bool,
    dry_run: bool,
    cpus: int | None,
    ray_address: str | None,
    registry: Path | None,
    as_json: bool,
) -> None:
    """Carry out STUDY, a YAML file or the name of a study that comes with zoo.

    Each generator is trained on each dataset with each seed, scored, and shown to detectors: a run
    folder each, in DIR. Killed at any moment, the same command goes on; what is finished is not
    done again. A run that fails is reported with its reason and stops no other; the exit status is
    then 1.
    """
    if listing:
        _list(as_json)
        return
    if not design:
        raise UsageError("STUDY is missing: a YAML file, or a name of `zoo study --list`")
    sources = recipe_sources(registry)
    if dry_run:
        _dry_run(design, out, sources, as_json)
        return
    from zoo.studies.driver import study

    found = study(design, out=out, ray_address=ray_address, cpus=cpus, **sources)
    if as_json:
        print_json(found)
    else:
        _print(found)
    _check(found)


def _list(as_json: bool) -> None:
    from zoo.studies.design import shipped, summary_of

    rows = [{"name": path.stem, "summary": summary_of(path), "path": path} for path in shipped()]
    if as_json:
        print_json(rows)
    else:
        print_columns([(str(row["name"]), str(row["summary"])) for row in rows])


def _dry_run(design: str, out: Path | None, sources: Mapping[str, Any], as_json: bool) -> None:
    from zoo.studies.cells import folder_of, plan
    from zoo.studies.design import find_design, read_design

    read = read_design(find_design(design))
    cells = plan(read, folder_of(read, out), **sources)
    if as_json:
        print_json([{**cell.identity(), "recipe": cell.recipe.to_dict()} for cell in cells])
        return
    described = [{one_line(x): x for x in cell.recipe.describe()} for cell in cells]
    common = [key for key in described[0] if all(key in lines for lines in described)]
    click.echo("all cells\n" + "\n".join(f"  {described[0][key]}" for key in common))
    for cell, lines in zip(cells, described, strict=True):
        click.echo(f"\n{cell.number}  {cell}  {_state(cell)}".rstrip())
        click.echo("\n".join(f"  {line}" for key, line in lines.items() if key not in common))


def _state(cell: "Cell") -> str:
    if not cell.begun:
        return ""
    stage = cell.next_stage()
    return f"({f'next is {stage}' if stage else 'finished'})"


def _print(found: Mapping[str, Any]) -> None:
    from zoo.report.leaderboard import datasets, summary

    for data in datasets(found):
        title, rows = summary(found, data)
        click.echo(title)
        print_columns(rows, indent="  ")
        click.echo()
    for cell in _unfinished(found):
        click.echo(f"cell {cell['number']} {cell['status']}: {cell['reason'] or 'not begun'}")
    click.echo(Path(found["folder"]) / "leaderboard.html")


def _unfinished(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [cell for cell in found["cells"] if cell["status"] != "finished"]


def _check(found: Mapping[str, Any]) -> None:
    if lost := _unfinished(found):
        count, total = len(lost), len(found["cells"])
        raise ZooError(f"{count} of {total} cells did not finish; cell {lost[0]['number']}: "
                       f"{lost[0]['reason']}")  # fmt: skip
