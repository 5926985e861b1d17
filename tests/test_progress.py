"""Progress, on a terminal and elsewhere."""

import contextlib
import io
import os
import re
import subprocess
import sys

import pytest

from zoo import progress as module
from zoo.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_elsewhere_than_on_a_terminal_a_line_tells_the_rate_and_the_time_left(monkeypatch, capsys):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    with progress("Training", 100, "images") as advance:
        advance(20)
        advance(80)
    assert capsys.readouterr().err == "Training: 20/100 images, 10/s, 8 s left\n"


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("Training", 4, "images") as advance:
        for _ in range(4):
            advance(1)
    assert "Training" in terminal.getvalue()
    assert "images" in terminal.getvalue()


def test_what_fails_inside_is_not_hidden():
    with pytest.raises(ZeroDivisionError), progress("Training", 4, "images"):
        _ = 1 / 0


SHOWN = """
import time
from zoo.progress import progress
with progress("Training", 4, "images") as advance:
    for _ in range(4):
        advance(1)
        time.sleep(0.15)
"""
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[0-9;]*m")


def on_a_terminal(**environ):
    """What stderr shows of a bar on a pseudo-terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    command = [sys.executable, "-c", SHOWN]
    with subprocess.Popen(command, stderr=theirs, env={**plain, **environ}) as process:
        os.close(theirs)
        shown = b""
        # Linux answers with an error where the other end is closed.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm-256color", "NO_COLOR": "0", "FORCE_COLOR": "1"}, False),
        ({"TERM": "xterm-256color", "FORCE_COLOR": "1"}, True),
    ],
)
def test_a_bar_has_colours_unless_no_color_is_set(environ, coloured):
    shown = on_a_terminal(**environ)
    assert "Training" in shown
    assert "\x1b[" in shown  # it moves
    assert bool(COLOUR.search(shown)) == coloured


def test_a_dumb_terminal_is_sent_nothing_that_moves_or_colours():
    assert "\x1b" not in on_a_terminal(TERM="dumb", FORCE_COLOR="1")


def test_what_is_no_terminal_is_sent_lines_even_if_colours_are_forced():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SHOWN.replace(
                "import time", "import time, zoo.progress as p\np.SECONDS_BETWEEN_LINES = 0.1"
            ),
        ],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"},
        check=True,
    )
    assert done.stderr.startswith("Training: ")
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr


@pytest.mark.parametrize("command", [["list"], ["run", "dcgn"], ["run", "--help"], ["nothing"]])
def test_answers_and_errors_are_plain_even_if_colours_are_forced(zoo_command, command):
    done = zoo_command(*command, FORCE_COLOR="1")
    assert "\x1b" not in done.stdout + done.stderr
