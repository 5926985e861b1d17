"""Disks that are full or read-only, for real: one line, nothing lost, and it goes on."""

import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from disks import Disk
from tiny import DATA, RUN, errors, same, state, the_run, zoo

from zoo import workflow
from zoo.data import load
from zoo.gan.journal import Journal

SIMULATED = {"image_size": 32, "images": 40}


@pytest.fixture(scope="module")
def mounted(tmp_path_factory):
    try:
        disk = Disk(tmp_path_factory.mktemp("mounted") / "disk", "64m")
    except OSError as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    yield disk
    disk.close()


@pytest.fixture
def disk(mounted):
    """An empty disk of 64 MB."""
    yield mounted
    mounted.remount("size=64m,rw")
    for path in mounted.path.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture(scope="module", autouse=True)
def one_detector():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow, "DETECTORS", ("logistic",))
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs")
    assert zoo(f"{RUN} --no-eval --out", folder) == 0
    return the_run(folder)


# Each fills the disk as the named step of a run begins, but for what it leaves free.
MOMENTS = [
    ("the first pictures", workflow, "describe_data", 20_000),
    ("a snapshot", Journal, "snapshot", 0),
    ("a line of metrics", Journal, "log", 0),
    ("a checkpoint", Journal, "checkpoint", 40_000),
    ("generated images", workflow, "write_products", 100_000),
]


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(moment, marks=[] if moment[0] == "a checkpoint" else pytest.mark.slow)
        for moment in MOMENTS
    ],
    ids=[name for name, *_ in MOMENTS],
)
def test_a_run_whose_disk_is_full_says_so_in_one_line_and_goes_on_bit_for_bit(
    disk, whole, monkeypatch, capsys, moment
):
    _, owner, name, leave = moment
    original, calls = getattr(owner, name), []

    def filling(*arguments, **settings):
        calls.append(name)
        if len(calls) == (4 if owner is Journal else 1):
            disk.fill(leave=leave)
        return original(*arguments, **settings)

    monkeypatch.setattr(owner, name, filling)
    assert zoo(f"{RUN} --no-eval --out", disk.path) == 1
    (line,) = errors(capsys)
    run = the_run(disk.path)
    assert line.startswith(f"Error: cannot write {run.path}/")
    said = f"No space left on device; when there is room, `zoo run --resume {run.path}` goes on"
    assert line.endswith(said)
    assert not [path for path in run.path.rglob(".*") if path.name != ".lock"]
    kept = run.checkpoint_steps()

    disk.make_room()
    monkeypatch.setattr(owner, name, original)
    assert zoo("run --resume", run.path) == 0
    assert not kept or run.checkpoint_steps()[0] >= kept[0]
    assert same(state(whole), state(run))
    steps = [row["step"] for row in run.metrics()]
    assert steps == [row["step"] for row in whole.metrics()]


def test_a_disk_that_is_full_from_the_beginning_gets_no_run(disk, capsys):
    disk.fill()
    assert zoo(f"{RUN} --no-eval --out", disk.path) == 1
    assert "No space left on device" in "".join(errors(capsys))
    assert [path.name for path in disk.path.iterdir()] == ["ballast"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["_evaluate", "_detect", "_report"])
def test_a_disk_that_is_full_while_a_run_is_measured_costs_no_training(
    disk, monkeypatch, capsys, stage
):
    original = getattr(workflow, stage)

    def filling(*arguments):
        disk.fill()
        original(*arguments)

    monkeypatch.setattr(workflow, stage, filling)
    assert zoo(f"{RUN} --out", disk.path) == 1
    (line,) = errors(capsys)
    assert "No space left on device; when there is room" in line
    before = state(the_run(disk.path))

    disk.make_room()
    monkeypatch.setattr(workflow, stage, original)
    monkeypatch.setattr(workflow, "_train", None)
    assert zoo("run --resume", the_run(disk.path).path) == 0
    assert same(before, state(the_run(disk.path)))
    assert the_run(disk.path).report_path.is_file()


@pytest.mark.parametrize("leave", [0, 100_000, 600_000, 1_300_000])
def test_images_are_prepared_whole_or_not_at_all(disk, monkeypatch, tmp_path, capsys, leave):
    monkeypatch.setenv("ZOO_HOME", str(disk.path / "home"))
    preview = f"data preview {DATA.removeprefix('--data ')} --out"
    disk.fill(leave=leave)
    assert zoo(preview, tmp_path / "a.png") == 1
    (line,) = errors(capsys)
    assert line == f"Error: cannot write into {disk.path}/home/crops: No space left on device"
    assert not [p for p in disk.path.rglob("*") if p.is_file() and p.suffix != ".lock"][1:]
    disk.make_room()
    assert zoo(preview, tmp_path / "a.png") == 0


COLUMNS = """
import sys
from pathlib import Path
from zoo.data.columns import ColumnWriter

writer = ColumnWriter(Path(sys.argv[1]))
for number in range(2000):
    writer.add({"id": "long" * 250 if number == 0 else "short"})
try:
    writer.finish()
except OSError as error:
    print(error.strerror)
"""


def test_a_disk_that_is_full_when_columns_are_written_is_an_error_and_no_signal(disk):
    disk.fill(leave=200_000)  # the rows fit, the column of 8 MB does not
    command = [sys.executable, "-c", COLUMNS, str(disk.path / "columns")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "No space left on device\n"), ended.stderr


@pytest.mark.slow
def test_scoring_and_reports_without_room_are_one_line_and_keep_what_was_there(
    disk, monkeypatch, capsys
):
    assert zoo(f"{RUN} --out", disk.path) == 0
    run = the_run(disk.path)
    before = run.report_path.read_bytes()
    disk.fill()
    assert zoo("report", run.path) == 1
    (line,) = errors(capsys)
    assert line.startswith("Error: cannot write ")
    assert run.report_path.read_bytes() == before

    monkeypatch.setattr(tempfile, "tempdir", str(disk.path))
    assert zoo("score bbbc/simulated --metric swd", run.path) == 1
    (line,) = errors(capsys)
    assert "No space left on device" in line


def test_features_that_cannot_be_kept_are_computed_all_the_same(disk, capsys):
    from zoo.metrics.features import extract

    class Network:
        def __init__(self):
            self.facts = {"extractor": "made"}

        def __call__(self, images):
            return images.reshape(len(images), -1)[:, :600].astype(np.float32)

    images = np.random.default_rng(0).integers(0, 255, (100, 32, 32, 1), np.uint8)
    disk.fill(leave=50_000)
    found = extract(Network(), images, cache=disk.path / "features")
    assert np.array_equal(found, Network()(images))
    assert "features are not kept: cannot write" in capsys.readouterr().err


def test_a_read_only_folder_for_runs_is_refused_before_any_work(disk, monkeypatch, capsys):
    disk.remount("ro")
    monkeypatch.setattr(workflow, "load_images", None)
    assert zoo(f"{RUN} --out", disk.path / "runs") == 2
    (line,) = errors(capsys)
    assert line == f"Error: {disk.path} cannot be written into; choose another --out"


@pytest.mark.slow
def test_a_folder_for_runs_that_becomes_read_only_is_one_line(disk, whole, monkeypatch, capsys):
    original, calls = Journal.checkpoint, []

    def turning(journal, elapsed):
        calls.append(elapsed)
        if len(calls) == 3:
            disk.remount("ro")
        original(journal, elapsed)

    monkeypatch.setattr(Journal, "checkpoint", turning)
    assert zoo(f"{RUN} --no-eval --out", disk.path) == 1
    (line,) = errors(capsys)
    assert "Read-only file system; when there is room, `zoo run --resume" in line
    disk.remount("rw")
    monkeypatch.setattr(Journal, "checkpoint", original)
    assert zoo("run --resume", the_run(disk.path).path) == 0
    assert same(state(whole), state(the_run(disk.path)))


def test_a_read_only_home_is_one_line_and_what_it_holds_is_used(
    disk, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("ZOO_HOME", str(disk.path / "home"))
    disk.remount("ro")
    preview = f"data preview {DATA.removeprefix('--data ')} --out"
    assert zoo(preview, tmp_path / "a.png") == 1
    assert errors(capsys) == [
        f"Error: cannot write into {disk.path}/home/crops: Read-only file system"
    ]
    disk.remount("rw")
    images = load("bbbc/simulated", **SIMULATED)
    disk.remount("ro")
    assert load("bbbc/simulated", **SIMULATED).fingerprint == images.fingerprint
    assert zoo(preview, tmp_path / "a.png") == 0
