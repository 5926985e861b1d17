"""The benchmark that kills commands knows all of them, and notices what a kill has damaged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import kill_checks as checks
import kill_subjects as subjects
import numpy as np
import pytest
from PIL import Image
from zoo_cli.main import cli

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_every_command_that_writes_is_killed_and_every_other_one_has_a_reason():
    commands = subjects.leaves(cli)
    killed = {subjects.command_of(each.words, commands) for each in subjects.SUBJECTS}
    assert killed | set(subjects.READING) == set(commands)
    assert not killed & set(subjects.READING)


def test_every_state_that_a_command_starts_from_can_be_made():
    assert {each.state for each in subjects.SUBJECTS} <= set(subjects.STATES)
    assert {parent for parent, _ in subjects.STATES.values()} <= {"", *subjects.STATES}
    assert len({each.name for each in subjects.SUBJECTS}) == len(subjects.SUBJECTS)


def valid(folder):
    folder.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (32, 32), np.uint8)).save(folder / "a.png")
    np.savez(folder / "b.npz", v=rng.normal(size=(40, 40)))
    np.save(folder / "c.npy", np.arange(1000))
    (folder / "d.json").write_text(json.dumps({"value": 1, "ended": "2026-01-05T10:00:00+00:00"}))
    (folder / "e.html").write_text("<html><body>text</body></html>\n")
    (folder / "f.csv").write_text("a,b,c\n1,2,3\n4,5,678\n")
    return folder


@pytest.mark.parametrize("name", ["a.png", "b.npz", "c.npy", "d.json", "e.html", "f.csv"])
def test_a_file_that_was_cut_is_noticed(tmp_path, name):
    folder = valid(tmp_path / "place")
    assert checks.damaged(checks.files(folder)) == []
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) - max(4, len(content) // 3)])
    (line,) = checks.damaged(checks.files(folder))
    assert line.startswith(f"{name}: ")


def test_times_may_differ_and_nothing_else_may(tmp_path):
    one, other = valid(tmp_path / "one"), valid(tmp_path / "other")
    (one / "d.json").write_text(json.dumps({"value": 1, "ended": "2026-01-06T11:00:00+00:00"}))
    assert checks.differences(one, other, words={}) == []
    (one / "d.json").write_text(json.dumps({"value": 2}))
    np.save(one / "c.npy", np.arange(1001))
    (one / "f.csv").unlink()
    (one / "g.txt").write_text("")
    lines = ["differs c.npy", "differs d.json", "missing f.csv", "too many: g.txt"]
    assert checks.differences(one, other, words={}) == lines


def test_what_is_gone_is_lost_unless_the_command_removes_it(tmp_path):
    before, after, expected = (valid(tmp_path / name) for name in ("before", "after", "expected"))
    found = [checks.files(folder) for folder in (before, after, expected)]
    assert checks.lost(*found) == []
    np.save(after / "c.npy", np.arange(7))
    for name in ("a.png", "f.csv"):
        (after / name).unlink()
    (expected / "f.csv").unlink()
    found = [checks.files(folder) for folder in (before, after, expected)]
    assert checks.lost(*found) == ["gone: a.png", "changed: c.npy"]
    assert checks.lost(*found, anew=["a.png"]) == ["changed: c.npy"]


@pytest.mark.slow
def test_a_trial_leaves_a_row_and_is_not_run_again(tmp_path):
    if not hasattr(os, "fork") or not Path("/proc/self/environ").exists():
        pytest.skip("needs fork and /proc")
    rows = tmp_path / "rows.jsonl"
    number = next(i for i, each in enumerate(subjects.SUBJECTS) if each.name == "new")
    command = [sys.executable, BENCHMARKS / "kill_commands.py", tmp_path / "work", "--out", rows]
    command += ["--only", "new", "--lanes", "1", "--trials", str(number + 1)]
    path = os.pathsep.join(part for part in sys.path if part)
    for _ in range(2):
        subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": path})
    (row,) = map(json.loads, rows.read_text().splitlines())
    assert row["ok"]
    assert row["command"] == "new"
