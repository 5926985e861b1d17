"""`zoo run`: prepare images, train, sample, measure, detect, report."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import UsageError
from zoo.settings import BUDGETS
from zoo_cli.flags import setting_options
from zoo_cli.output import print_json
from zoo_cli.user import (
    complete,
    complete_runs,
    pairs_option,
    recipe_sources,
    registry_option,
)

# Of 64 px, with all that is measured.
DURATIONS = {
    "quick": "it takes about a quarter of an hour on a CPU",
    "small": "it takes about three quarters of an hour on a CPU",
}

if TYPE_CHECKING:
    from zoo.recipe import Recipe
    from zoo.runs import Run


@click.command()
@click.argument(
    "name", metavar="GENERATOR", default="", shell_complete=complete("generators", "recipes")
)
@click.option("--data", metavar="DATA", shell_complete=complete("datasets"), help="Dataset.")
@pairs_option("the generator")
@click.option("--augment", metavar="NAME", help="The same as -o augment=NAME.")
@click.option("--micro-batch", metavar="N", help="The same as -o micro_batch=N.")
@click.option("--max-memory", metavar="GB", help="The same as -o max_memory=GB.")
@setting_options()
@registry_option
@click.option(
    "--resume",
    metavar="RUN",
    shell_complete=complete_runs,
    help="Continue a run: its folder, name or number.",
)
@click.option("--dry-run", is_flag=True, help="Print the resolved recipe and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    name: str,
    data: str | None,
    pairs: tuple[str, ...],
    augment: str | None,
    micro_batch: str | None,
    max_memory: str | None,
    registry: Path | None,
    resume: str | None,
    dry_run: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train GENERATOR, or run a recipe by its name, then measure it and write a report.

    `zoo info GENERATOR` lists what -o sets. Settings may also come from the environment
    (ZOO_SEED, …) or from config.yaml; --dry-run prints where each value comes from.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    shortcuts = {"augment": augment, "micro_batch": micro_batch, "max_memory": max_memory}
    spelt_out = [f"{key}={value}" for key, value in shortcuts.items() if value is not None]
    options = parse_options([*pairs, *spelt_out])
    if resume is not None:
        recipe, start = _resumed(resume, name, data, given, options)
    else:
        recipe, start = _new(name, data, given, options, registry)
    if dry_run:
        _print_recipe(recipe, as_json)
        return
    for line in recipe.describe():
        click.echo(line, err=True)
    _print_run(start(), as_json)


def parse_options(pairs: Iterable[str]) -> dict[str, str]:
    """`key=value` texts as a mapping; a key given twice keeps its last value."""
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"-o {pair}: expected KEY=VALUE")
        options[key.strip().replace("-", "_")] = value
    return options


def _new(
    name: str,
    data: str | None,
    given: dict[str, Any],
    options: dict[str, str],
    registry: Path | None,
) -> tuple["Recipe", Callable[[], "Run"]]:
    from zoo.recipe import resolve

    if not name:
        raise UsageError(
            "GENERATOR is missing, as dcgan in `zoo run dcgan --data bbbc`; "
            "`zoo list generators` shows the choices"
        )
    recipe = resolve(
        name,
        data,
        settings=given,
        options=options,
        **recipe_sources(registry),
    )

    def start() -> "Run":
        from zoo.workflow import run_recipe

        _greet(recipe)
        run: Run = run_recipe(recipe)
        return run

    return recipe, start


def _greet(recipe: "Recipe") -> None:
    """What a newcomer asks, at the first run on a machine: where, how long, how to stop."""
    from zoo.data.home import home

    if home().exists():
        return
    preset = recipe.settings["preset"]
    known = all(recipe.origins.get(name, "").startswith(("preset", "default")) for name in BUDGETS)
    time = DURATIONS.get(preset, "") if known else ""
    click.echo(
        f"first run here: prepared images are kept in {home()} (ZOO_HOME takes another folder), "
        f"the run and its report in {recipe.settings['out']}\n"
        f"{time or 'progress says how long it takes'}; Ctrl-C stops it, and says how to go on",
        err=True,
    )


def _resumed(
    text: str, name: str, data: str | None, given: dict[str, Any], options: dict[str, str]
) -> tuple["Recipe", Callable[[], "Run"]]:
    from zoo.recipe import Recipe, locate
    from zoo.runs.find import find_run

    run = find_run(text, Path(given.get("out", "runs")))
    recipe = Recipe.from_dict(run.recipe)
    differing = recipe.contradictions(given, options)
    asked = run.manifest.get("dataset", {}).get("asked")  # the alias, where there was one
    if name and name != recipe.generator:
        differing.append(f"generator: {recipe.generator}, not {name}")
    if data and not {data, locate(data)} & {recipe.data, asked}:
        differing.append(f"data: {recipe.data}, not {data}")
    if differing:
        raise UsageError(f"{run.path} cannot be resumed with what differs: {'; '.join(differing)}")

    recipe = recipe.adjusted(given)

    def start() -> "Run":
        from zoo.workflow import resume

        resumed: Run = resume(run.path, recipe=recipe)
        return resumed

    return recipe, start


def _print_recipe(recipe: "Recipe", as_json: bool) -> None:
    if as_json:
        print_json(recipe.to_dict())
    else:
        click.echo("\n".join(recipe.describe()))


def _print_run(run: "Run", as_json: bool) -> None:
    report = run.report_path if run.report_path.is_file() else None
    if as_json:
        print_json({"run": str(run.path), "report": report and str(report), **run.manifest})
        return
    click.echo(run.path)
    if report:
        click.echo(report)
