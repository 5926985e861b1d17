"""Clocks that go backwards, processes that meet, memory, networks and data that fail."""

import datetime
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from test_archives import published, shades
from test_training import IMAGES, compiled, equal, weights
from tiny import NETWORK, RUN, errors, the_run, zoo
from zoo_generators.dcgan.model import DCGAN

from zoo.data import download, load, loading
from zoo.data.fetching import fetch
from zoo.data.prepared import version_of
from zoo.errors import ZooError
from zoo.gan import loop
from zoo.gan.journal import Journal
from zoo.gan.loop import Budget, train
from zoo.runs import Run, stages
from zoo.runs.folder import list_runs

FAR = datetime.datetime(2190, 1, 1, tzinfo=datetime.UTC).timestamp()


# Clocks


@pytest.fixture
def backwards(monkeypatch):
    """Clocks of which each look is an hour before the last."""
    hours = iter(range(10**9))
    begin = time.time()
    monkeypatch.setattr(time, "time", lambda: begin - 3600 * next(hours))

    def now():
        return datetime.datetime.fromtimestamp(time.time(), datetime.UTC).isoformat()

    monkeypatch.setattr(stages, "now", now)


@pytest.fixture(scope="module")
def whole():
    """Weights after twelve steps that nothing disturbed."""
    gan = compiled()
    train(gan, IMAGES, Budget(steps=12))
    return weights(gan)


def test_a_budget_in_minutes_is_kept_by_a_clock_that_nobody_sets(backwards, tmp_path):
    run, begin = Run.create(tmp_path, "dcgan", "made"), time.monotonic()
    train(compiled(), IMAGES, Budget(minutes=0.05), run=run)
    assert 3 <= time.monotonic() - begin < 100
    assert all(row["images_per_second"] > 0 for row in run.metrics())
    before = run.checkpoint_steps()[-1]
    train(compiled(), IMAGES, Budget(minutes=0.05), run=run)  # its time is over
    assert run.checkpoint_steps()[-1] == before


@pytest.mark.slow
def test_files_of_the_future_change_nothing_in_a_training_and_in_what_is_kept(
    backwards, tmp_path, monkeypatch, whole
):
    run = Run.create(tmp_path / "runs", "dcgan", "made")
    run.write_recipe({})
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    load("bbbc/simulated", image_size=32, images=40)
    train(compiled(), IMAGES, Budget(steps=8), run=run)
    (tmp_path / "runs" / "00001-later").mkdir()
    (tmp_path / "runs" / "00001-later" / "recipe.yaml").touch()
    for number, path in enumerate(sorted(tmp_path.rglob("*"), reverse=True)):
        os.utime(path, (FAR + number, FAR + number))  # the newer, the older

    monkeypatch.setattr(loading, "write_crops", None)
    load("bbbc/simulated", image_size=32, images=40)
    assert [found.name[:5] for found in list_runs(tmp_path / "runs")] == ["00000", "00001"]
    assert Run.create(tmp_path / "runs", "dcgan", "made").name.startswith("00002")
    with run.lock():
        pass
    resumed = compiled()
    train(resumed, IMAGES, Budget(steps=12), run=run)
    assert equal(whole, weights(resumed))


# Runs that meet, and data that changed


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(60):
        pixels = rng.integers(0, 255, (32, 32), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture
def stopped(pictures, tmp_path, monkeypatch, capsys):
    """A run that was stopped after its second checkpoint."""
    original, calls = Journal.checkpoint, []

    def stopping(journal, elapsed):
        original(journal, elapsed)
        calls.append(elapsed)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "checkpoint", stopping)
        command = f"run dcgan --data folder:{pictures} {NETWORK} --steps 8 --device cpu --no-eval"
        assert zoo(f"{command} --out", tmp_path) == 75
    run = the_run(tmp_path)
    (line,) = errors(capsys)
    said = f"continue with `zoo run --resume {run.path}`"
    assert line == f"Error: interrupted at step {run.checkpoint_steps()[-1]}; {said}"
    return run


HOLD = "import sys; from zoo.runs import Run; lock = Run.open(sys.argv[1]).lock()\n"
HOLD += "with lock: print('held', flush=True); sys.stdin.read()"


@pytest.mark.slow
def test_a_run_that_another_process_trains_is_refused_in_one_line(stopped, capsys):
    command = [sys.executable, "-c", HOLD, str(stopped.path)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "held\n"
        before = stopped.manifest_path.read_bytes()
        assert zoo("run --resume", stopped.path) == 1
        assert errors(capsys) == [f"Error: {stopped.path} is in use by another zoo process"]
        assert stopped.manifest_path.read_bytes() == before
        other.kill()
    assert zoo("run --resume", stopped.path) == 0


def test_a_dataset_that_changed_is_refused_with_both_fingerprints(stopped, pictures, capsys):
    before = stopped.manifest["dataset"]["fingerprint"]
    content = (pictures / "07.png").read_bytes()
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(pictures / "07.png")
    try:
        assert zoo("run --resume", stopped.path) == 1
    finally:
        (pictures / "07.png").write_bytes(content)
    (line,) = errors(capsys)
    told = re.fullmatch(
        r"Error: (.*) changed since (.*) began: fingerprint (.*) then, (.*) now", line
    )
    assert told.groups()[:3] == (f"folder:{pictures}", str(stopped.path), before[:12])
    assert re.fullmatch(r"[0-9a-f]{12}", told[4])
    assert told[4] != told[3]
    assert zoo("run --resume", stopped.path) == 0


def test_runs_that_begin_at_once_get_a_folder_each(tmp_path):
    gate, made = threading.Barrier(8), []

    def create():
        gate.wait()
        made.append(Run.create(tmp_path, "dcgan", "made").name)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [f"{number:05d}-dcgan-made" for number in range(8)]


# Memory


@pytest.mark.slow
def test_a_step_that_takes_more_memory_than_there_is_says_what_to_type_and_goes_on(tmp_path, whole):
    class Hungry(DCGAN):
        def train_step(self, batch):
            def asking():
                return tf.reduce_sum(tf.random.normal([2**44]))

            extra = tf.cond(self.step < 5, lambda: 0.0, asking)
            logs = super().train_step(batch)
            return {**logs, "d_loss": logs["d_loss"] + 0.0 * extra}

    run = Run.create(tmp_path, "dcgan", "made")
    hungry, resumed = Hungry((32, 32, 1), width=8, latent_dim=16), compiled()
    hungry.compile(batch_size=8, jit_compile=False)
    with pytest.raises(ZooError) as caught:
        train(hungry, IMAGES, Budget(steps=12), run=run)
    said = "out of memory after step 5 with batch_size=8: begin anew with a smaller -o batch_size"
    assert str(caught.value).startswith(said)
    assert "-o micro_batch=N or -o max_memory=GB" in str(caught.value)
    assert run.checkpoint_steps() == [3]
    train(resumed, IMAGES, Budget(steps=12), run=run)
    assert equal(whole, weights(resumed))


def test_a_run_without_memory_is_one_line_and_can_be_resumed(tmp_path, monkeypatch, capsys):
    def hungry(gan, steps_per_call):
        def step(batch, steps):
            raise MemoryError("Unable to allocate 3 TiB")

        return step

    with monkeypatch.context() as patch:
        patch.setattr(loop, "compiled_step", hungry)
        assert zoo(f"{RUN} --no-eval --out", tmp_path) == 1
    run = the_run(tmp_path)
    (line,) = errors(capsys)
    assert line.startswith("Error: out of memory after step 0 with batch_size=4: begin anew")
    assert line.endswith(f"when there is room, `zoo run --resume {run.path}` goes on")
    assert run.status == "failed"


def test_any_command_without_memory_is_one_line(tmp_path, monkeypatch, capsys):
    def hungry(*arguments, **settings):
        raise MemoryError("Unable to allocate 3 TiB")

    monkeypatch.setattr("zoo.evaluation.pair.score", hungry)
    assert zoo("score bbbc/simulated bbbc/simulated") == 1
    assert errors(capsys) == ["Error: out of memory: Unable to allocate 3 TiB"]


# Networks


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_download_that_stalls_and_breaks_is_continued_and_its_hash_is_checked(
    server, home, monkeypatch
):
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.2)
    record = shades(published(server, "a.bin", bytes(range(200))))
    server.break_after = 50
    server.stalls.set()
    with pytest.raises(ZooError, match="broke off"):
        fetch(record)
    server.stalls.clear()
    server.break_after = 120
    with pytest.raises(ZooError, match="ended after"):
        fetch(record)
    assert version_of(record) is None
    assert not [path for path in (home / "downloads").rglob("*") if path.name == "a.bin"]
    server.break_after = None
    assert fetch(record)["archives"][0]["copy"] == "official"
    assert [asked for _, asked in server.asked] == [None, "bytes=50-", "bytes=120-"]


def test_a_download_that_is_continued_with_other_bytes_is_not_prepared(server, home):
    record = shades(published(server, "a.bin", bytes(range(200))))
    server.break_after = 50
    with pytest.raises(ZooError, match="ended after"):
        fetch(record)
    server.break_after, server.files["a.bin"] = None, bytes(200)
    with pytest.raises(ZooError, match="has the unknown SHA-256"):
        fetch(record)
    assert version_of(record) is None
