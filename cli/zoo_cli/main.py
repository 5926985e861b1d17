"""The `zoo` command: each subcommand is a module of `zoo_cli.commands`, imported when used."""

import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

import click

from zoo.errors import ZooError
from zoo_cli import commands


class LazyGroup(click.Group):
    """A group whose commands are the modules of a package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the modules."""
        return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The `command` of the module of that name."""
        if name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{commands.__name__}.{name}")
        command: click.Command = module.command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="zoo", message="%(package)s %(version)s")
def cli() -> None:
    """Train GANs on biomedical images, and measure how good they are."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 known failure, 2 wrong use, 75 resumable."""
    try:
        status = cli.main(args, prog_name="zoo", standalone_mode=False)
        sys.stdout.flush()
    except ZooError as error:
        click.echo(f"Error: {error}", err=True)
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:
        # The reader has left; what Python flushes on its way out must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
