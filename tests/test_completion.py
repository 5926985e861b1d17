"""TAB, in the shells themselves: names come out whole, also with spaces, `=` and `:` in them."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from zoo_cli.main import cli

from zoo.runs import Run, write_json

TREE = Path(__file__).parents[1]
ARGS = '; args() {{ printf "ARG<%s>\\n" "$@"; printf "END%s\\n" {n}; }}'
# How each shell starts without the user's files, takes the script, and shows the words of a line.
SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        'eval "$(zoo completion bash)"' + ARGS,
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        'eval "$(zoo completion zsh)"' + ARGS,
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "zoo completion fish | source; "
        'function args; printf "ARG<%s>\\n" $argv; printf "END%s\\n" {n}; end',
    ),
}
HOME = "\x01"
CLEAR = "\x15"


class Terminal:
    """A shell in a pseudo-terminal."""

    def __init__(self, shell: str, environ: dict[str, str], folder: Path) -> None:
        command, setup = SHELLS[shell]
        self.pid, self.end = pty.fork()
        if not self.pid:
            os.chdir(folder)
            os.execvpe(command[0], command, environ)
        self.screen = ""
        self.type(setup.format(n=7) + "\rargs\r")
        self.wait("END7")

    def type(self, text: str) -> None:
        os.write(self.end, text.encode())

    def wait(self, text: str, seconds: float = 60) -> str:
        """What was shown up to `text`, without what colours and moves the cursor."""
        until = time.monotonic() + seconds
        while text not in self.screen:
            left = until - time.monotonic()
            if left < 0 or not select.select([self.end], [], [], left)[0]:
                raise AssertionError(f"{text!r} was not shown:\n{self.screen}")
            self.screen += os.read(self.end, 65536).decode(errors="replace")
        shown, _, self.screen = self.screen.partition(text)
        return re.sub(r"\x1b(\[[0-9;?>=]*[a-zA-Z]|[=>]|\][^\x07]*\x07)", "", shown)

    def complete(self, line: str) -> list[str]:
        """The words of a line after TAB."""
        self.type(f"{line}\t{HOME}args {chr(13)}")
        return re.findall(r"ARG<(.*)>", self.wait("END7"))

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.end)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder with runs, and folders that have a space in their names."""
    folder = tmp_path_factory.mktemp("shells") / "my work"
    for parent, data, classes in (
        ("runs", "bbbc/simulated", []),
        ("runs", "blood", ["white cell", "red cell"]),
        ("other runs", "bbbc/simulated", []),
    ):
        run = Run.create(folder / parent, "dcgan", data)
        run.write_recipe({"generator": "dcgan"})
        write_json(run.manifest_path, {"class_names": classes})
    (folder / "my images").mkdir()
    return folder


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    """`zoo` on the path, which is the code beside these tests, and an empty home."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "zoo"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zoo_cli.main "$@"\n')
    script.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (TREE, TREE / "cli", TREE / "plugins"))),
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "TERM": "xterm",
        "PS1": "> ",
    }


@pytest.fixture(scope="module", params=[*SHELLS])
def shell(request, environ, place):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    terminal = Terminal(request.param, environ, place)
    yield terminal
    terminal.close()


@pytest.mark.parametrize(
    ("typed", "last"),
    [
        ("zoo comple", "completion"),
        ("zoo turing ma", "make"),
        ("zoo run stylegan-lite.b", "stylegan-lite.bbbc038-64"),
        ("zoo run dcgan --data bbbc/sim", "bbbc/simulated"),
        ("zoo run dcgan --pres", "--preset"),
        ("zoo run dcgan --preset qu", "quick"),
        ("zoo run dcgan -o wid", "width="),
        ("zoo run cgan -o norm=sp", "norm=spectral"),
        ("zoo run dcgan --data folder:my", "folder:my images/"),
        ("zoo run dcgan --data folder:my\\ im", "folder:my images/"),
        ("zoo data check my", "my images/"),
        ("zoo generate 1", "00001-dcgan-blood"),
        ("zoo run --resume 00000", "00000-dcgan-bbbc-simulated"),
        ("zoo runs show --runs 'other runs' 00", "00000-dcgan-bbbc-simulated"),
        ("zoo compare 00000-dcgan-bbbc-simulated 1", "00001-dcgan-blood"),
        ("zoo generate 1 --class whi", "white cell"),
        ("zoo utility 1 --classifiers svm,small", "svm,small-cnn"),
        ("zoo run dcgan --track mlflow,tens", "mlflow,tensorboard"),
        ("zoo score folder:my", "folder:my images/"),
    ],
)
def test_tab_completes(shell, typed, last):
    words = shell.complete(typed)
    assert words[-1].removesuffix("/") == last.removesuffix("/")  # zsh may take it off again
    assert words[0] == "zoo"


def test_two_tabs_show_the_choices(shell):
    shell.type("zoo run cgan -o norm=\t\t")
    shown = shell.wait("spectral")
    assert "batch" in shown
    shell.type(f"{CLEAR}{CLEAR}\rargs\r")
    shell.wait("END7")


def answers(line, **environ):
    done = subprocess.run(
        [sys.executable, "-m", "zoo_cli.main"],
        env={**os.environ, "_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": line, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_bash_is_given_what_follows_its_own_word_breaks():
    assert answers("zoo run cgan -o norm=sp", COMP_CWORD="sp") == ["plain,spectral"]
    assert answers("zoo run cgan -o 'norm=sp", COMP_CWORD="'norm=sp") == ["plain,norm=spectral"]


def test_nothing_is_offered_where_nothing_is_known(tmp_path):
    assert answers("zoo run nothing -o ", COMP_CWORD="") == [""]
    assert answers("zoo generate 0 --class ", COMP_CWORD="") == [""]
    assert answers(f"zoo runs show --runs {tmp_path}/none ", COMP_CWORD="") == ["dir,"]
    assert answers("zoo run dcgan --data folder:/not/there/", COMP_CWORD="") == [""]


def commands(group, context):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, click.Context(command, info_name=name, parent=context))
        else:
            yield name, command


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        pytest.param(name, parameter, id=f"{name} {parameter.human_readable_name}")
        for name, command in commands(cli, click.Context(cli, info_name="zoo"))
        for parameter in command.params
        if (parameter.make_metavar(click.Context(command)) or "").strip("[].")
        in ("RUN", "RUNS", "DATA", "GENERATOR")
    ],
)
def test_every_run_and_every_dataset_that_a_command_takes_is_completed(name, parameter):
    assert parameter._custom_shell_complete is not None


def test_the_script_is_printed_and_nothing_is_written(environ):
    home = Path(environ["HOME"])
    before = sorted(home.rglob("*"))
    for shell, start in (("bash", "_zoo_comp"), ("zsh", "#compdef zoo"), ("fish", "function")):
        script = subprocess.run(
            ["zoo", "completion", shell], env=environ, capture_output=True, text=True, check=True
        ).stdout
        assert script.startswith(start)
    assert sorted(home.rglob("*")) == before
