"""Write the pages that follow from the code: cli.md from every `--help`, gallery.md from
registry.yaml. `--check` writes nothing and exits 1 if a page differs."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from zoo_cli.main import cli

from zoo.catalog import NamedRecipe, read_mapping, recipes, shipped

HERE = Path(__file__).parent
WIDTH = 78  # whatever the terminal's

CLI = """\
# Commands

Every command with its `--help`. Standard output is the answer, standard error progress and
warnings; `--json` prints what a program can read. On a terminal progress is a bar, without colours
where `NO_COLOR` is set; elsewhere, and where `TERM` is `dumb`, it is plain lines. Exit status:
0 done, 1 known failure, 2 wrong use, 75 interrupted and resumable. Every setting of `zoo run` can
also be given in the environment, such as `ZOO_SEED=1`, or in `config.yaml`;
[Training](training.md) says what the settings do.
"""

GALLERY = """\
# Gallery

Recipes of `registry.yaml` that were measured, with what they gave. Each is run again by its name,
which holds its options and its seed; `--seed` takes another, `zoo info NAME` shows them. The
numbers are those of the versions and of the images that stand beside them. They are no promise for
other data, and not to be set beside numbers of another [protocol](protocol.md). Every picture shows
the first images of one seed; none was left out.

"""

NOT_MEASURED = """\
## Not measured

These recipes can be run in the same way, and their results are not recorded here:

"""

PICTURES = {
    "cgan.blood-cells-64": (
        "images/cgan-blood-cells.png",
        "Generated blood smears, each row with its kind of white cell",
        "Eosinophils, lymphocytes, monocytes, neutrophils, a row each.",
    ),
    "dcgan.simulated-64": (
        "images/dcgan-simulated.png",
        "Generated nuclei: round to oval, some torn, on black",
        "The first 36 images of seed 0.",
    ),
    "dcgan.bbbc038-small-64": (
        "images/dcgan-small.png",
        "Generated nuclei: round, oval and bean-shaped, most of them dim",
        "The first 36 images of seed 0, as dark as the real ones.",
    ),
}


def commands(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    """Each command below one, itself first: how it is called, and its help."""
    settings = {**command.context_settings, "terminal_width": WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            if (found := command.get_command(context, below)) is not None:
                yield from commands(found, below, context)


def cli_page() -> str:
    """The reference of the command line."""
    shown = [f"\n## {path}\n\n```text\n{text}\n```\n" for path, text in commands(cli, "zoo")]
    return CLI + "".join(shown)


def gallery_page() -> str:
    """Every recipe of zoo's own with what it gave, and the names of the others."""
    own = read_mapping(shipped())["recipes"]
    found = [recipe for name, recipe in recipes().items() if name in own]
    measured = [entry(recipe) for recipe in found if recipe.measured]
    others = [f"- `{recipe.name}`: {recipe.summary}\n" for recipe in found if not recipe.measured]
    return GALLERY + "\n".join(measured) + "\n" + NOT_MEASURED + "".join(others)


def entry(recipe: NamedRecipe) -> str:
    """A recipe's heading, command, picture and table."""
    lines = [f"## {recipe.name}", "", f"{recipe.summary}.", ""]
    lines += ["```", f"zoo run {recipe.name}", "```", ""]
    if picture := PICTURES.get(recipe.name):
        path, words, caption = picture
        lines += [f"![{words}]({path})", "", caption, ""]
    rows = [f"| {key.replace('_', ' ')} | {_value(v)} |" for key, v in recipe.measured.items()]
    return "\n".join([*lines, "| | |", "|---|---|", *rows]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {number}" for name, number in value.items())
    return str(value)


PAGES = {"cli.md": cli_page, "gallery.md": gallery_page}


def main(check: bool) -> int:
    """Write the pages, or say which differ."""
    stale = []
    for name, page in PAGES.items():
        path, text = HERE / name, page()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"{', '.join(stale)}: run `python docs/reference.py`", file=sys.stderr)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
