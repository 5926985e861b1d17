"""A group of commands whose modules are imported when they are used."""

import importlib
import pkgutil
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands are the modules of a package, each with a `command`.

    Args:
        package: Import name; a module `import_` is the command `import`.
        **settings: Of `click.Group`.
    """

    def __init__(self, *, package: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the modules."""
        return sorted(self._modules())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The `command` of the module of that name."""
        if (module := self._modules().get(name)) is None:
            return None
        command: click.Command = importlib.import_module(f"{self.package}.{module}").command
        return command

    def _modules(self) -> dict[str, str]:
        path = importlib.import_module(self.package).__path__
        return {module.name.rstrip("_"): module.name for module in pkgutil.iter_modules(path)}
