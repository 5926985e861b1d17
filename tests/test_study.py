"""Studies on Ray: what is done, done once, and done again after a kill."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import study_script
import yaml
from click.testing import CliRunner
from PIL import Image
from zoo_cli.main import cli

import zoo
from zoo.errors import UsageError, ZooError
from zoo.runs.files import json_mapping
from zoo.studies import cluster, driver
from zoo.studies.cells import Cell
from zoo.studies.design import Resources

if importlib.util.find_spec("ray") is None:
    pytest.skip("studies need ray", allow_module_level=True)

TWO = {
    "generators": ["dcgan", "lsgan"],
    "data": ["bbbc/simulated"],
    "seeds": [0],
    "options": {"width": 4, "latent_dim": 8, "batch_size": 4},
    "settings": {"image_size": 32, "steps": 4, "score_images": 32, "device": "cpu"},
}


TRAINED = {"settings": {**TWO["settings"], "eval": False}}  # one stage, which takes less time


def write(folder, **changes):
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**TWO, **changes}))
    return path


@pytest.fixture(scope="module")
def ray(tmp_path_factory):
    """Ray on two CPUs of this machine, for every test of this module that stays in its process."""
    with cluster.session(tmp_path_factory.mktemp("ray"), Resources(), cpus=2) as found:
        yield found.ray


@pytest.fixture
def faked(ray, monkeypatch):
    """Put other work in the place of the trainings."""

    def fake(behave=None, seconds=0.0):
        monkeypatch.setattr(driver, "carry_out", study_script.worker(behave, seconds))

    fake()
    return fake


def done(folder):
    """Which stages each run has been through, in order, repeated ones too."""
    paths = sorted((folder / "runs").glob("*/done.txt"))
    return {path.parent.name[:5]: path.read_text().split() for path in paths}


def attempts(folder, number, stage="training"):
    return json_mapping(folder / "cells" / f"{number:05d}.json")["state"]["attempts"][stage]


ALL = ["training", "evaluation", "detection"]


def test_every_cell_goes_through_its_stages_once_and_the_same_call_does_nothing(
    faked, tmp_path, capsys
):
    path = write(tmp_path)
    found = zoo.study(path, out=tmp_path / "s")
    assert [cell["status"] for cell in found["cells"]] == ["finished", "finished"]
    assert done(tmp_path / "s") == {"00000": ALL, "00001": ALL}
    names = {p.name for p in (tmp_path / "s").iterdir()}
    assert names >= {"study.yaml", "cells", "runs", *(f"leaderboard.{e}" for e in BOARD)}
    capsys.readouterr()
    again = zoo.study(path, out=tmp_path / "s")
    assert "2 finished; nothing to do" in capsys.readouterr().err
    assert again["groups"] == found["groups"]
    assert attempts(tmp_path / "s", 0) == 1


def test_a_run_killed_while_its_report_was_written_is_reported_by_the_same_call(faked, tmp_path):
    found = zoo.study(write(tmp_path), out=tmp_path / "s")
    report = tmp_path / "s" / found["cells"][1]["run"] / "report.html"
    report.unlink()
    zoo.study(write(tmp_path), out=tmp_path / "s")
    assert report.is_file()
    assert done(tmp_path / "s") == {"00000": ALL, "00001": [*ALL, ALL[-1]]}


BOARD = ("json", "csv", "html")


def test_a_seed_added_later_is_all_that_is_run(faked, tmp_path):
    zoo.study(write(tmp_path, **TRAINED), out=tmp_path / "s")
    found = zoo.study(write(tmp_path, **TRAINED, seeds=[5, 0]), out=tmp_path / "s")
    assert {(c["seed"], c["number"]) for c in found["cells"]} == {(0, 0), (0, 1), (5, 2), (5, 3)}
    assert attempts(tmp_path / "s", 0) == 1


def test_what_a_run_was_begun_with_cannot_change(faked, tmp_path):
    zoo.study(write(tmp_path, generators=["dcgan"]), out=tmp_path / "s")
    for changes, said in [
        ({"settings": {**TWO["settings"], "steps": 9}}, "steps: 4, not 9"),
        ({"settings": {**TWO["settings"], "score_images": 64}}, "score_images: 32, not 64"),
        ({"detectors": ["svm"]}, "detectors"),
    ]:
        with pytest.raises(UsageError, match=said):
            zoo.study(write(tmp_path, **changes), out=tmp_path / "s")


def test_a_worker_that_is_killed_is_tried_again(faked, tmp_path):
    def killed_once(cell, stage):
        if cell.number == 1 and stage == "training" and cell.state["attempts"][stage] == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    faked(killed_once)
    found = zoo.study(write(tmp_path, **TRAINED), out=tmp_path / "s")
    assert [cell["status"] for cell in found["cells"]] == ["finished", "finished"]
    assert done(tmp_path / "s") == {"00000": ["training"], "00001": ["training"]}
    assert attempts(tmp_path / "s", 1) == 2


def test_cells_that_fail_say_why_and_stop_no_other(faked, tmp_path):
    def failing(cell, stage):
        if cell.generator == "lsgan" and cell.seed == 0:
            raise ZooError("training diverged")
        if cell.generator == "lsgan" and cell.seed == 1:
            raise MemoryError
        if cell.generator == "lsgan":
            os.kill(os.getpid(), signal.SIGKILL)

    faked(failing)
    path = write(tmp_path, **TRAINED, seeds=[0, 1, 2], retries=1)
    result = CliRunner().invoke(cli, ["study", str(path), "--out", str(tmp_path / "s")])
    assert isinstance(result.exception, ZooError)
    assert result.exception.exit_status == 1
    assert "3 of 6 cells did not finish" in str(result.exception)
    board = json.loads((tmp_path / "s" / "leaderboard.json").read_text())
    reasons = {c["seed"]: c["reason"] for c in board["cells"] if c["status"] == "failed"}
    assert reasons[0] == "training diverged"
    assert reasons[1].startswith("out of memory")
    assert reasons[2].startswith("its process died, in 2 attempts")
    page = (tmp_path / "s" / "leaderboard.html").read_text()
    assert "3 of 6 cells finished" in page
    assert "training diverged" in page
    assert "training diverged" in (tmp_path / "s" / "leaderboard.csv").read_text()
    faked()
    found = zoo.study(path, out=tmp_path / "s")
    assert {cell["status"] for cell in found["cells"]} == {"finished"}
    assert attempts(tmp_path / "s", 0) == 1


def test_a_run_whose_files_are_damaged_is_a_cell_that_failed(faked, tmp_path):
    zoo.study(write(tmp_path, **TRAINED), out=tmp_path / "s")
    manifest = next((tmp_path / "s" / "runs").glob("00001-*/manifest.json"))
    manifest.write_text("{")
    found = zoo.study(write(tmp_path, **TRAINED), out=tmp_path / "s")
    assert [cell["status"] for cell in found["cells"]] == ["finished", "failed"]
    assert "manifest.json is damaged" in found["cells"][1]["reason"]


def test_more_than_the_machine_has_is_refused_before_anything_starts(faked, tmp_path):
    path = write(tmp_path, resources={"cpus": 99})
    with pytest.raises(UsageError, match="takes 99 CPUs"):
        zoo.study(path, out=tmp_path / "s")
    assert not (tmp_path / "s" / "runs").exists()


def test_ray_listens_on_this_machine_only(ray):
    if not Path("/proc/net/tcp").is_file():
        pytest.skip("no /proc")
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                listening.add((fields[9], fields[1].rpartition(":")[0]))
    addresses = dict(listening)
    nodes = ray.nodes()
    assert [node["NodeManagerAddress"] for node in nodes] == ["127.0.0.1"]
    session = Path(ray._private.worker._global_node.get_session_dir_path()).parent
    mine = [pid for pid in os.listdir("/proc") if pid.isdigit() and is_of(pid, str(session))]
    found = {addresses[i] for pid in mine for i in sockets(pid) if i in addresses}
    assert found
    assert found <= {"0100007F", "0000000000000000FFFF00000100007F"}


def is_of(pid, session):
    try:
        return session in Path("/proc", pid, "cmdline").read_text(errors="ignore")
    except OSError:
        return False


def sockets(pid):
    for entry in Path("/proc", pid, "fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


def start(path, out, seconds, *more):
    words = [sys.executable, study_script.__file__, str(path), str(out), str(seconds), *more]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def marked(mark):
    return list(cluster._marked(mark))


def test_a_killed_study_goes_on_with_the_same_call_and_leaves_no_process(tmp_path):
    out = tmp_path / "s"
    path = write(tmp_path, seeds=[0, 1, 2], generators=["dcgan"])
    first = start(path, out, 1.0)
    until(lambda: any(stages == ALL for stages in done(out).values()))
    first.kill()
    first.wait()
    before = done(out)
    record = json.loads((out / ".ray.json").read_text())
    again = start(path, out, 0.0)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert not marked(record["mark"])
    assert not Path(record["place"]).exists()
    assert not (out / ".ray.json").exists()
    assert len(done(out)) == 3
    for name, stages in done(out).items():
        assert [s for s in ALL if s in stages] == ALL
        assert stages[: len(before.get(name, []))] == before.get(name, [])
    finished = [name for name, stages in before.items() if stages == ALL]
    assert finished
    assert all(done(out)[name] == ALL for name in finished)


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--deaf",)], ids=["told by Ray", "told by a signal"])
def test_a_study_that_is_terminated_says_how_to_go_on(words, tmp_path):
    out = tmp_path / "s"
    path = write(tmp_path)
    process = start(path, out, 600.0, *words)
    until(lambda: (out / "cells/00000.json").is_file()
          and json_mapping(out / "cells/00000.json")["state"]["status"] == "training")  # fmt: skip
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 75
    assert "the same command continues" in said
    assert json_mapping(out / "cells/00000.json")["state"]["status"] == "interrupted"


def test_two_studies_in_one_folder_do_not_meet(tmp_path, monkeypatch):
    with driver._held(tmp_path / "s"), pytest.raises(ZooError, match="in use by another"):
        zoo.study(write(tmp_path), out=tmp_path / "s")


def test_without_ray_there_is_one_line_with_the_pip_install(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "missing", lambda requirements: requirements)
    with pytest.raises(ZooError, match=r"pip install 'ray>=2\.52'"):
        zoo.study(write(tmp_path), out=tmp_path / "s")


@pytest.mark.slow
def test_a_study_trains_and_measures(ray, tmp_path):
    path = write(tmp_path, generators=["dcgan"], detectors=[])
    found = zoo.study(path, out=tmp_path / "s")
    (cell,) = found["cells"]
    assert cell["status"] == "finished", (tmp_path / "s/cells/00000.log").read_text()
    assert "swd" in cell["numbers"]
    assert cell["training"]["parameters"] > 0
    run = zoo.load("run", tmp_path / "s" / cell["run"])
    assert run.sample(2).shape == (2, 32, 32, 1)
    assert (tmp_path / "s" / cell["run"] / "report.html").is_file()
    assert Cell.from_file(tmp_path / "s/cells/00000.json").next_stage() is None


def pictures(folder):
    """Eighty images of noise with a bright square."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(80):
        image = random.integers(0, 90, (32, 32), np.uint8)
        row, column = random.integers(0, 20, 2)
        image[row : row + 8, column : column + 8] += 120
        Image.fromarray(image).save(folder / f"{number}.png")


@pytest.mark.slow
def test_a_study_whose_command_and_worker_are_killed_loses_nothing(tmp_path):
    other = f"folder:{tmp_path / 'images'}"
    pictures(tmp_path / "images")
    data = ["bbbc/simulated", other]
    path = write(tmp_path, data=data, seeds=[0, 1], detectors=["logistic"])
    out = tmp_path / "s"
    words = [sys.executable, "-m", "zoo_cli.main", "study", str(path), "--out", str(out)]

    def states():
        return [json_mapping(p)["state"]["status"] for p in sorted((out / "cells").glob("*.json"))]

    first = subprocess.Popen([*words, "--cpus", "2"], stderr=subprocess.DEVNULL)
    until(lambda: "finished" in states(), 900)
    victim = next(json_mapping(p)["state"] for p in sorted((out / "cells").glob("*.json"))
                  if json_mapping(p)["state"]["status"] in ALL)  # fmt: skip
    os.kill(victim["pid"], signal.SIGKILL)
    time.sleep(5)
    first.kill()
    first.wait()
    finished = [p for p in (out / "cells").glob("*.json")
                if json_mapping(p)["state"]["status"] == "finished"]  # fmt: skip
    before = {p: json_mapping(p)["state"] for p in finished}
    subprocess.run([*words, "--cpus", "2"], check=True, timeout=1500)
    assert set(states()) == {"finished"}
    assert len(states()) == 8
    assert all(json_mapping(p)["state"] == state for p, state in before.items())
