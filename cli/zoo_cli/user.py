"""The user's own files, and TAB completion of names. Neither imports a framework."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from zoo.errors import ZooError

if TYPE_CHECKING:
    from zoo.signatures import Option

Items = list["CompletionItem[str]"]  # the oldest click that is taken has no generic one
Complete = Callable[[click.Context, click.Parameter, str], Items]

registry_option = click.option(
    "--registry",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Recipes that win over all others.",
)

runs_option = click.option(
    "--runs",
    "parent",
    metavar="DIR",
    default="runs",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that holds the runs.",
)


def recipe_sources(registry: Path | None) -> dict[str, Any]:
    """Where `zoo.recipe.resolve` looks for recipes and settings: `--registry`, the user's files."""
    return {
        "registry_file": registry,
        "user_registry": user_file("registry.yaml"),
        "user_config": user_file("config.yaml"),
    }


def user_file(name: str) -> Path:
    """A file in the user's configuration folder; it may be missing."""
    return Path(click.get_app_dir("zoo")) / name


def complete(*kinds: str) -> Complete:
    """A completion function for the names of some kinds, such as `"generators"`.

    Of datasets that take a path, such as `folder:PATH`, the folders follow.
    """

    def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        scheme, colon, path = incomplete.partition(":")
        if colon and "datasets" in kinds:
            return _folders(f"{scheme}:", path)
        return _starting(incomplete, _names(kinds))

    return names


def complete_several(kind: str) -> Complete:
    """A completion function for names joined by commas."""

    def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        before, comma, _ = incomplete.rpartition(",")
        given = set(before.split(","))
        return _starting(incomplete, (before + comma + n for n in _names([kind]) if n not in given))

    return names


def complete_path(kind: str) -> Complete:
    """A completion function for a `"file"` or a `"dir"`, which the shell looks for."""
    return lambda ctx, param, incomplete: [CompletionItem(incomplete, type=kind)]


def complete_choices(choices: Iterable[str]) -> Complete:
    """A completion function for fixed words."""
    return lambda ctx, param, incomplete: _starting(incomplete, choices)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Names of runs in `--runs`, the newest first, also by their number; else folders."""
    return _runs(ctx, incomplete) or [CompletionItem(incomplete, type="dir")]


def complete_images(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """What has images: runs, datasets; else files."""
    found = [*_runs(ctx, incomplete), *complete("datasets")(ctx, param, incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def complete_classes(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """Classes of the run that was named before."""
    from zoo.runs.find import find_run

    try:
        run = find_run(str(_given(ctx).get("run")), _parent(ctx))
        return _starting(incomplete, run.class_names)
    except ZooError:
        return []


def complete_options(ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
    """`KEY=` of the generator or recipe that was named before; then the values, if they are few."""
    from zoo.values import choices

    known = _options(str(_given(ctx).get("name")))
    key, equals, _ = incomplete.partition("=")
    if not equals:
        return _starting(incomplete, (f"{name}=" for name in known))
    option = known.get(key.replace("-", "_"))
    values = choices(option.annotation) if option else []
    return _starting(incomplete, (f"{key}={value}" for value in values))


def pairs_option(of: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`-o KEY=VALUE` of the generator or recipe that the argument `name` names."""
    return click.option(
        "-o",
        "pairs",
        metavar="KEY=VALUE",
        multiple=True,
        shell_complete=complete_options,
        help=f"Option of {of}.",
    )


def complete_keys(kind: str) -> Complete:
    """A completion function for the name in `NAME.KEY=VALUE`."""
    return lambda ctx, param, incomplete: _starting(incomplete, (f"{n}." for n in _names([kind])))


def _starting(incomplete: str, words: Iterable[str]) -> Items:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def _names(kinds: Iterable[str]) -> list[str]:
    from zoo.plugins import registry

    found: set[str] = set()
    for kind in kinds:
        if kind == "recipes":
            from zoo.catalog import recipes

            found |= set(recipes(user=user_file("registry.yaml")))
            continue
        for entry in registry().usable(kind):
            found.add(f"{entry.name}:" if getattr(entry.record, "scheme", "") else entry.name)
    return sorted(found)


def _folders(before: str, path: str) -> Items:
    parent, name = os.path.split(path)
    try:
        found = sorted(p.name for p in Path(parent or ".").expanduser().iterdir() if p.is_dir())
    except OSError:
        return []
    shown = (folder for folder in found if name.startswith(".") or not folder.startswith("."))
    start = before + path[: len(path) - len(name)]
    return _starting(before + path, (f"{start}{folder}/" for folder in shown))


def _parent(ctx: click.Context) -> Path:
    given = _given(ctx)  # `zoo run --resume` looks where the runs go
    return Path(given.get("parent", given.get("out")) or "runs")


def _given(ctx: click.Context) -> Mapping[str, Any]:
    """What was typed; click has forgotten it all where an option at the end awaits its value."""
    words = (ctx.obj or [])[len(ctx.command_path.split()) - 1 :]
    if not words or not words[-1].startswith("-"):
        return ctx.params
    again = ctx.command.make_context(
        ctx.info_name, words[:-1], parent=ctx.parent, resilient_parsing=True
    )
    return again.params


def _runs(ctx: click.Context, incomplete: str) -> Items:
    from zoo.runs.folder import list_runs

    number = int(incomplete) if incomplete.isdecimal() else None
    names = [run.name for run in reversed(list_runs(_parent(ctx)))]
    return [CompletionItem(n) for n in names if n.startswith(incomplete) or int(n[:5]) == number]


def _options(name: str) -> Mapping[str, "Option"]:
    from zoo.catalog import recipes
    from zoo.plugins import find
    from zoo.signatures import options

    try:
        named: Any = recipes(user=user_file("registry.yaml")).get(name)
        return options(find("generators", named.generator if named else name))
    except ZooError:
        return {}
