"""The user's own files, and TAB completion of names. Neither imports a framework."""

from collections.abc import Callable
from pathlib import Path

import click

Complete = Callable[[click.Context, click.Parameter, str], list[str]]

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
    type=click.Path(path_type=Path),
    help="Folder that holds the runs.",
)


def user_file(name: str) -> Path:
    """A file in the user's configuration folder; it may be missing."""
    return Path(click.get_app_dir("zoo")) / name


def complete(*kinds: str) -> Complete:
    """A completion function for the names of some kinds, such as `"generators"`."""

    def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from zoo.plugins import registry

        found = {entry.name for kind in kinds for entry in registry().usable(kind)}
        if "recipes" in kinds:
            from zoo.catalog import recipes

            found |= set(recipes(user=user_file("registry.yaml")))
        return sorted(name for name in found if name.startswith(incomplete))

    return names
