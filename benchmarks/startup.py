"""How long commands that only look take, beside an empty Python program and another plugin tool.

usage: python benchmarks/startup.py [--other "datasette plugins"] [--rounds 15] [--out FILE]

`zoo list`, `zoo list --json` and `zoo --help`, each beside `python -c pass` and, if it is given,
beside another tool that finds plugins with pluggy and has a command line of click, in turns. Files
are in the page cache, as at the second call of a day. Rows that FILE holds are not measured again.
"""

import argparse
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import measured

COMMANDS = ("zoo list", "zoo list --json", "zoo --help")
EMPTY = "python -c pass"


def beside(mine: str, other: str, rounds: int) -> dict[str, Any]:
    """Seconds of two commands in turns."""
    runs = {short(text): partial(measured.wall, words(text)) for text in (mine, other)}
    row = measured.compared(measured.in_turns(runs, rounds=rounds))
    versions = measured.versions(("click", "pluggy", "PyYAML"))
    return row | {"versions": versions | version_of(other)}


def words(text: str) -> list[str]:
    """A command as it is started, zoo's and Python's from this environment."""
    program, *arguments = shlex.split(text)
    here = {"python": sys.executable, "zoo": str(Path(sys.executable).with_name("zoo"))}
    return [here.get(program, program), *arguments]


def version_of(text: str) -> dict[str, str]:
    """What another tool says of itself, without the folder that it lies in."""
    program, *_ = words(text)
    if text == EMPTY:
        return {}
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return {Path(program).name: done.stdout.split()[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--other", default="", help="a command, such as 'PATH/datasette plugins'")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "startup.json")
    given = parser.parse_args()
    rows = {}
    for mine in COMMANDS:
        for other in filter(None, (EMPTY, given.other)):
            title = f"{mine} beside {short(other)}"
            rows[title] = partial(beside, mine, other, given.rounds)
    for title, row in measured.measure(given.out, rows).items():
        (other,) = row["others"].values()
        low, high = other["ratio_range"]
        print(f"{title:50} {row['zoo']['seconds']:6} s, ratio {other['ratio']} ({low} to {high})")


def short(text: str) -> str:
    """A command without the folder of its program."""
    program, *arguments = shlex.split(text)
    return shlex.join([Path(program).name, *arguments])


if __name__ == "__main__":
    main()
