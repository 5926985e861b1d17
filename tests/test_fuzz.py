"""Damaged files are read or refused: none crashes the reader, hangs it or takes much memory."""

import contextlib
import os
import signal
import sys

import fuzz_formats
import pytest
from fuzz_formats import Worker, fuzzed_files, run
from valid_files import valid_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")

FAILED = ("failed", "crashed", "hung", "over memory")


def no_failures(counts):
    return counts["failures"] == {} and not any(counts[kind] for kind in FAILED)


def test_damaged_files_are_read_or_refused():
    counts = run(len(valid_files()), seed=1)
    assert no_failures(counts)
    assert counts["read"] > 0
    assert counts["refused"] > 0


@pytest.mark.slow
def test_five_hundred_damaged_files_are_read_or_refused():
    counts = run(500, seed=0)
    assert no_failures(counts)
    assert counts["read"] + counts["refused"] == 500


def test_a_file_that_hangs_the_reader_is_noticed_and_the_next_one_is_read(tmp_path, monkeypatch):
    (tmp_path / "good.png").write_bytes(valid_files()["grey.png"])
    with contextlib.closing(Worker()) as worker:
        assert worker.read(tmp_path / "good.png")[0] == "read"
        os.kill(worker.process.pid, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr(fuzz_formats, "SECONDS", 0.5)
            assert worker.read(tmp_path / "good.png")[0] == "hung"
        assert worker.read(tmp_path / "good.png")[0] == "read"


def test_the_same_seed_gives_the_same_files():
    first, again = (list(fuzzed_files(50, seed=3)) for _ in range(2))
    assert first == again
    assert first != list(fuzzed_files(50, seed=4))
