"""Commands that are told to stop, and commands that begin at once, as processes of their own."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from tiny import RUN, errors, same, state, the_run, zoo

from zoo.runs.folder import list_runs

LATE = """
import hashlib, os, signal, threading, time
from zoo.runs.signals import continued_by, ended_in_time, terminate_as_interrupt, unhurried

with terminate_as_interrupt(), ended_in_time(0.3), {how}:
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGTERM]).start()
    try:
        hashlib.pbkdf2_hmac("sha256", b"", b"", {rounds})  # Python answers no signal meanwhile
        time.sleep(60)
    except KeyboardInterrupt:
        print("answered")
"""


@pytest.mark.parametrize(
    ("how", "rounds", "status", "said"),
    [
        ("continued_by('try again')", 2 * 10**9, 75, "Error: interrupted; try again\n"),
        ("unhurried()", 3 * 10**6, 0, "answered\n"),
        ("continued_by('')", 1, 0, "answered\n"),
    ],
    ids=["late", "unhurried", "in time"],
)
def test_a_process_that_cannot_answer_sigterm_ends_in_time(how, rounds, status, said):
    script = textwrap.dedent(LATE).format(how=how, rounds=rounds)
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout + ended.stderr) == (status, said)


def test_ctrl_c_in_any_command_says_how_to_go_on(monkeypatch, capsys):
    def interrupted(*arguments, **settings):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr("zoo.evaluation.pair.score", interrupted)
    assert zoo("score bbbc/simulated bbbc/simulated") == 75
    (line,) = errors(capsys)
    assert line.startswith("Error: interrupted; the same command goes on with what was finished")


@pytest.mark.slow
@pytest.mark.parametrize("after", ["training", "sampling"])
def test_a_run_that_is_terminated_goes_on_bit_for_bit(tmp_path, after):
    assert zoo(f"{RUN} --no-eval --steps 150 --out", tmp_path / "whole") == 0
    command = f"{RUN} --no-eval --steps 150 --out {tmp_path / 'stopped'}"
    status, said = terminated(command, after, seconds=1.0)
    run = the_run(tmp_path / "stopped")
    assert status == 75
    assert said[-1].endswith(f"; continue with `zoo run --resume {run.path}`")
    assert zoo("run --resume", run.path) == 0
    assert same(state(the_run(tmp_path / "whole")), state(run))


@pytest.mark.slow
def test_what_measures_a_run_and_what_prepares_data_ends_when_it_is_terminated(tmp_path):
    assert zoo(f"{RUN} --no-eval --out", tmp_path / "runs") == 0
    path = the_run(tmp_path / "runs").path
    for command, seen in (
        (f"score bbbc/simulated {path} --metric swd -n 4000", ""),
        (f"detect {path}", ""),
        (f"memorisation {path}", ""),
        ("data preview bbbc/simulated --image-size 64 --data-options images=4000", ""),
    ):
        status, said = terminated(command, seen, seconds=4.0)
        assert (status, len(said)) == (75, 1), command
        assert said[0].startswith("Error: interrupted; "), command
    assert zoo(f"score bbbc/simulated {path} --metric swd -n 40") == 0


def terminated(command, seen, *, seconds):
    """Status and error of `zoo COMMAND`, terminated some seconds after a line began like `seen`."""
    arguments = [sys.executable, "-m", "zoo_cli.main", *command.split()]
    with subprocess.Popen(arguments, stderr=-1, stdout=subprocess.DEVNULL, text=True) as process:
        while seen and not process.stderr.readline().startswith(seen):
            assert process.poll() is None
        time.sleep(seconds)
        process.terminate()
        begin = time.monotonic()
        said = [line.rstrip() for line in process.stderr if line.startswith("Error: ")]
        process.wait()
    assert time.monotonic() - begin < 60  # ten on an idle machine
    return process.returncode, said


@pytest.mark.slow
def test_commands_that_begin_at_once_on_one_home_and_one_run_do_not_disturb_each_other(tmp_path):
    environ = {**os.environ, "ZOO_HOME": str(tmp_path / "home")}

    def together(command):
        arguments = [sys.executable, "-m", "zoo_cli.main", *command.split()]
        both = [
            subprocess.Popen(arguments, env=environ, stdout=-1, stderr=-1, text=True)
            for _ in range(2)
        ]
        return [(*process.communicate(), process.returncode) for process in both]

    for _, said, status in together(f"{RUN} --no-eval --out {tmp_path / 'runs'}"):
        assert status == 0, said
    first, second = list_runs(tmp_path / "runs")
    assert same(state(first), state(second))
    scored = together(f"score bbbc/simulated {first.path} --metric swd -n 40 --json")
    assert [status for *_, status in scored] == [0, 0]
    assert scored[0][0] == scored[1][0]
