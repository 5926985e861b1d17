"""Find a run by what a person types: a path, a name, or a number."""

import difflib
import os
from pathlib import Path

from zoo.errors import UsageError
from zoo.runs.folder import Run, list_runs


def find_run(text: str, parent: Path) -> Run:
    """Open the run that `text` means.

    Args:
        text: A run folder's path, its name under `parent`, or its number, such as `3` for
            `00003-dcgan-bbbc-simulated`.
        parent: The folder that holds runs.

    Raises:
        zoo.errors.UsageError: If there is no such run, it is no run folder, or two have that
            number; the message names the closest or the newest ones.
    """
    if (Path(text) / "recipe.yaml").is_file() or {os.sep, "/"} & set(text):
        return Run.open(text)
    if (parent / text).is_dir():
        return Run.open(parent / text)
    runs = list_runs(parent)
    numbered = [run for run in runs if text.isdecimal() and int(run.name[:5]) == int(text)]
    if len(numbered) == 1:
        return numbered[0]
    if numbered:
        names = ", ".join(run.name for run in numbered)
        raise UsageError(f"run {text} could be {names}; write the name")
    if Path(text).is_dir():
        return Run.open(text)
    raise UsageError(f"no run {text!r} in {parent}{_hint(text, [run.name for run in runs])}")


def _hint(text: str, names: list[str]) -> str:
    if not names:
        return ", which holds no runs; `zoo run dcgan --data bbbc` makes one"
    if close := difflib.get_close_matches(text, names, n=1):
        return f"; did you mean {close[0]}?"
    return f"; the newest: {', '.join(names[-3:][::-1])}"
