"""Wrong use, told in one line: what is wrong, what was nearly meant, and where more is said."""

import difflib
import re
from collections.abc import Iterable

import click

from zoo_cli.output import one_line

# What people type who know other programs.
OTHER_WORDS = {
    "train": "run",
    "fit": "run",
    "resume": "run --resume",
    "sample": "generate",
    "evaluate": "score",
    "eval": "score",
    "download": "data fetch",
    "fetch": "data fetch",
    "ls": "list",
    "show": "info",
    "help": "--help",
    "version": "--version",
}


def in_one_line(error: click.ClickException) -> str:
    """What click says, with the closest choice and the help that says more."""
    text = one_line(error.format_message()).rstrip(".")
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return text
    text += _advice(error, error.ctx, text)
    more = f"; `{error.ctx.command_path} --help` says more"
    return text if "did you mean" in text.lower() else text + more


def _advice(error: click.UsageError, ctx: click.Context, text: str) -> str:
    parameter = getattr(error, "param", None)
    if ctx.command_path == "zoo run" and isinstance(error, click.NoSuchOption):
        return "; an option of the generator is set by -o KEY=VALUE"
    if ctx.command_path == "zoo run" and "extra argument" in text:
        return "; images are named by --data, such as --data folder:PATH"
    if isinstance(error, click.MissingParameter) and isinstance(parameter, click.Argument):
        named = parameter.make_metavar(ctx).strip("[].")
        return "; `zoo runs list` shows the choices" if named == "RUN" else ""
    wrong = re.search(r"'([^']*)'(?: is not one of|$)", text)
    if wrong and isinstance(ctx.command, click.Group):
        return _near(wrong[1], ctx.command.list_commands(ctx), top=ctx.parent is None)
    if wrong and isinstance(parameter, click.Parameter):
        return _near(wrong[1], map(str, getattr(parameter.type, "choices", ())))
    return ""


def _near(wrong: str, choices: Iterable[str], *, top: bool = False) -> str:
    meant = {choice: choice for choice in choices} | (OTHER_WORDS if top else {})
    close = difflib.get_close_matches(wrong, meant, n=1)
    return f"; did you mean {meant[close[0]]}?" if close else ""
