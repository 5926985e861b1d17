"""The job script of docs/howto/machines.md, with stand-ins for Slurm's commands and for zoo."""

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from zoo_cli.main import cli

from zoo.catalog import recipes

PAGE = (Path(__file__).parents[1] / "docs/howto/machines.md").read_text(encoding="utf-8")
SCRIPT = re.search(r"```sh\n(#!/bin/bash.*?)```", PAGE, re.S)[1]
STAND_INS = {
    "srun": 'exec "$@"',
    "scontrol": 'echo "scontrol $*" >> calls',
    "zoo": 'echo "zoo $*" >> calls; mkdir -p "$NEW"; test -n "$NEW" && touch "$NEW/recipe.yaml"\n'
    'exit "$STATUS"',
}


@pytest.fixture
def job(tmp_path):
    """Run a task of the array; gives its status and the commands that it called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in STAND_INS.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)

    def run(task, status, new=""):
        (tmp_path / "calls").write_text("")
        environ = {"PATH": f"{folder}:/usr/bin:/bin", "RUNS": "runs", "SLURM_JOB_ID": "77"}
        environ |= {"SLURM_ARRAY_TASK_ID": str(task), "STATUS": str(status), "NEW": new}
        done = subprocess.run(["bash", "-c", SCRIPT], cwd=tmp_path, env=environ)
        return done.returncode, (tmp_path / "calls").read_text().splitlines()

    return run


def test_a_job_that_is_stopped_is_started_again_and_resumes_its_own_run(job):
    out = "runs/wgan-gp.bbbc038-64-seed-3"
    status, calls = job(8, 75, new=f"{out}/00000-wgan-gp-bbbc")
    assert status == 75
    assert calls == [f"zoo run wgan-gp.bbbc038-64 --seed 3 --out {out}", "scontrol requeue 77"]
    status, calls = job(8, 0)
    assert status == 0
    assert calls == [f"zoo run --resume 0 --out {out}"]


@pytest.mark.parametrize(("status", "again"), [(143, True), (1, False), (2, False), (0, False)])
def test_only_a_job_that_was_stopped_is_started_again(job, status, again):
    ended, calls = job(0, status)
    assert ended == status
    assert calls[1:] == (["scontrol requeue 77"] if again else [])


def test_the_array_has_a_task_for_each_recipe_and_seed(job):
    names = re.search(r"recipes=\((.+)\)", SCRIPT)[1].split()
    assert set(names) <= set(recipes())
    first, last = map(int, re.search(r"--array=(\d+)-(\d+)", SCRIPT).groups())
    asked = {job(task, 0)[1][0].partition(" --out")[0] for task in range(first, last + 1)}
    wanted = {f"zoo run {name} --seed {seed}" for name in names for seed in range(5)}
    assert asked == wanted


def test_what_the_script_runs_resolves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in re.search(r"recipes=\((.+)\)", SCRIPT)[1].split():
        words = ["run", name, "--seed", "3", "--out", "runs", "--dry-run"]
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output
