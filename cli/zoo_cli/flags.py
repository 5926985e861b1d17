"""Flags made from the settings of a run, alike wherever they are taken."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from zoo.recipe import show
from zoo.settings import SETTINGS, Setting, convert_setting, from_environment
from zoo.values import choices
from zoo_cli.user import Complete, complete_choices, complete_path, complete_several

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def setting_options(names: Iterable[str] = SETTINGS) -> Decorator:
    """A decorator that gives a command one flag for each setting; `None` where it is not given."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(list(names)):
            command = _flag(name)(command)
        return command

    return decorate


def fail_on_option(such_as: str) -> Decorator:
    """`--fail-on CONDITION`, read as `conditions`; the help holds what it can be."""
    return click.option(
        "--fail-on",
        "conditions",
        metavar="CONDITION",
        multiple=True,
        help=f"Exit 1 if it holds{such_as}; may be given several times.",
    )


def training_options(more: str = "") -> Decorator:
    """`--seeds`, `--seed` and `--images` of trainings in arms; `more` ends the last one's help."""
    options = (
        click.option(
            "--seeds",
            default=3,
            show_default=True,
            type=click.IntRange(min=1),
            help="Trainings in each arm, which their deviation is of.",
        ),
        click.option(
            "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="The first."
        ),
        click.option(
            "--images",
            "n",
            default=2000,
            show_default=True,
            type=click.IntRange(min=2),
            help=f"Real training images at most{more}.",
        ),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def settings_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a command that is no run: command line, else `ZOO_*`, else the default.

    Args:
        given: Values of the flags that `setting_options` made; those for `DATA_SETTINGS` are
            what `zoo.data.load` takes.

    Raises:
        zoo.errors.UsageError: If a value does not fit its setting.
    """
    typed = {k: convert_setting(k, value) for k, value in given.items() if value is not None}
    defaults = {name: SETTINGS[name].default for name in given}
    environment = {k: v for k, v in from_environment(os.environ).items() if k in defaults}
    return {**defaults, **environment, **typed}


def _flag(name: str) -> Decorator:
    setting = SETTINGS[name]
    flag = f"--{name.replace('_', '-')}"
    if setting.annotation == "bool":
        # Neither form leaves the word to the environment and to config.yaml.
        switch = f"{flag}/--no-{flag.removeprefix('--')}"
        return click.option(switch, default=None, help=setting.help)
    default = "" if setting.default in (None, "") else f"  [default: {show(setting.default)}]"
    return click.option(
        flag,
        metavar=setting.metavar,
        help=setting.help + default,
        shell_complete=complete_several("trackers") if name == "track" else _completion(setting),
    )


def _completion(setting: Setting) -> Complete:
    kinds = {"FILE": "file", "FOLDER": "dir", "DIR": "dir"}
    if setting.metavar in kinds:
        return complete_path(kinds[setting.metavar])
    return complete_choices(choices(setting.annotation))
