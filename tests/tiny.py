"""A run that takes seconds, by the command line's own entry in this process."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from zoo_cli.main import main

from zoo.runs.folder import Run, list_runs

DATA = "--data bbbc/simulated --data-options images=40 --image-size 32"
NETWORK = "-o width=4 -o latent_dim=8 -o batch_size=4"
RUN = f"run dcgan {DATA} {NETWORK} --steps 8 --score-images 64 --device cpu"


def zoo(command: str, *paths: Path) -> int:
    """The exit status of `zoo COMMAND PATHS`; a traceback fails the test."""
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(command), *map(str, paths)])
    return int(ended.value.code or 0)


def errors(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on stderr that begin with `Error`, and what follows them."""
    lines = capsys.readouterr().err.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("Error: ")), len(lines))
    return lines[first:]


def the_run(parent: Path) -> Run:
    """The only run in a folder."""
    (run,) = list_runs(parent)
    return run


def state(run: Run) -> dict[str, np.ndarray]:
    """All arrays of a run's last checkpoint."""
    with np.load(sorted(run.checkpoints.glob("*.npz"))[-1]) as stored:
        return {name: stored[name] for name in stored.files if name != "facts"}


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    """Whether two states are equal, bit for bit."""
    return left.keys() == right.keys() and all(np.array_equal(left[k], right[k]) for k in left)
