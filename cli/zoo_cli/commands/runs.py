"""`zoo runs`: the runs on this machine."""

import re
from pathlib import Path
from typing import Any

import click

from zoo.errors import UsageError, ZooError, expected_form
from zoo.runs import Run
from zoo.runs.find import find_run
from zoo.runs.folder import list_runs
from zoo.runs.summary import summary
from zoo_cli.output import print_columns, print_json
from zoo_cli.user import complete_runs, runs_option

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """List, show and remove runs. RUN is a path, a name or a number such as 3."""


@command.command("list")
@runs_option
@json_option
def list_(parent: Path, as_json: bool) -> None:
    """List runs, oldest first, each with its headline score."""
    rows = [summary(run) for run in list_runs(parent)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo(f"no runs in {parent}; `zoo run dcgan --data bbbc` makes one", err=True)
        return
    columns = ("NAME", "STATUS", "GENERATOR", "DATA", "KIMG", "SCORE")
    print_columns([columns, *(_cells(row) for row in rows)])


@command.command()
@click.argument("run", shell_complete=complete_runs)
@runs_option
@json_option
def show(run: str, parent: Path, as_json: bool) -> None:
    """Show what is known about RUN: status, data, seeds, scores and what was not computed."""
    found = find_run(run, parent)
    with expected_form(found.path):
        facts = _details(found)
        if as_json:
            print_json(facts)
        else:
            _print(facts)


def _print(facts: dict[str, Any]) -> None:
    from zoo.report.numbers import flat, full_name

    scores = facts.pop("metrics"), facts.pop("not_computed")
    print_columns(flat({key: value for key, value in facts.items() if value not in (None, {})}))
    for metric in scores[0]:
        click.echo(_score_line(metric))
    for item in scores[1]:
        click.echo(f"not computed: {full_name(item['name'])}: {item['reason']}")


@command.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_runs)
@runs_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def remove(runs: tuple[str, ...], parent: Path, yes: bool, as_json: bool) -> None:
    """Delete RUN… with all that is in it, after asking. A run in use is not deleted."""
    found = [_removable(find_run(run, parent)) for run in runs]
    names = [run.path.resolve().name for run in found]
    if not yes and not click.confirm(f"Delete {', '.join(names)}?", err=True):
        raise ZooError("nothing was deleted")
    for run in found:
        _delete(run)
    if as_json:
        print_json(names)
    else:
        click.echo("\n".join(names))


def _removable(run: Run) -> Run:
    if not re.match(r"\d{5}-", run.path.resolve().name) or run.path.is_symlink():
        raise UsageError(f"{run.path} is not named as `zoo run` names a run; delete it by hand")
    return run


def _delete(run: Run) -> None:
    try:
        with run.lock():
            run.remove()
    except OSError as error:
        raise ZooError(f"cannot delete {run.path}: {error.strerror}") from error


def _details(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    evaluation = run.read_mapping(run.evaluation_path)
    kept = ("device", "jit", "seeds", "versions", "dataset", "timings", "ended", "pulled")
    files = {"report": run.report_path, "model_card": run.card_path, "log": run.log_path}
    return {
        **{key: value for key, value in summary(run).items() if key != "headline"},
        **{key: manifest.get(key) for key in kept},
        "files": {name: str(path) for name, path in files.items() if path.is_file()},
        "metrics": evaluation.get("metrics") or [],
        "not_computed": evaluation.get("not_computed") or [],
    }


def _score_line(metric: dict[str, Any]) -> str:
    from zoo.report.numbers import figure, label, part_of, resampled_at, split_name

    side = split_name(metric["name"])[2]
    against = {"": "held-out", "train": "training", "untrained": "held-out, untrained"}[side]
    ratio = metric.get("ratio")
    m = resampled_at(metric) or "unknown"
    times = "" if ratio is None else f"; {figure(ratio, 3)} times the floor at m = {m}"
    part = part_of(metric["name"])
    which = f"{part}, " if part else ""
    return f"{label(metric)} {figure(metric['value'])} ({which}{against}{times})"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from zoo.report.numbers import figure

    score = row["headline"]
    shown = f"{score['name']} {figure(score['value'])}" if score else "–"
    kimg = "–" if row["kimg"] is None else figure(row["kimg"], 3)
    words = (str(row[key] or "–") for key in ("name", "status", "generator", "data"))
    return (*words, kimg, shown)
