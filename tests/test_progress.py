"""Progress, on a terminal and elsewhere."""

import io

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
