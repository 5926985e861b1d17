"""`zoo completion`: what makes TAB complete commands, options and names."""

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script with which SHELL completes what you type after zoo, at TAB.

    Nothing is written into your files. Put one line at the end of ~/.bashrc, of ~/.zshrc or of
    ~/.config/fish/config.fish, and open a new shell:

    \b
      bash (from 4.4)   eval "$(zoo completion bash)"
      zsh               eval "$(zoo completion zsh)"
      fish              zoo completion fish | source
    """
    from click.shell_completion import get_completion_class

    import zoo_cli.shells  # noqa: F401  for it puts its own in place of click's
    from zoo_cli.main import COMPLETE, cli

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "zoo", COMPLETE).source(), nl=False)
