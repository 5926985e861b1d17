"""A run as an MLflow server on this machine shows it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import tracked
from tracked import Stops, Telltale

from zoo import workflow
from zoo.errors import Interrupted
from zoo.plugins import find
from zoo.recipe import show
from zoo.runs import Run
from zoo.runs.folder import list_runs
from zoo.testing import conformance

mlflow = pytest.importorskip("mlflow", reason="needs mlflow: pip install 'mlflow>=3.2'")

test_the_tracker_keeps_the_contract = conformance("mlflow", kind="tracker")

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
START_SECONDS = 240  # a few on an idle machine


class Server:
    """`mlflow server` on a free port, in a process group of its own."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
        command += ["--artifacts-destination", str(folder / "artifacts")]
        self.log = folder / "server.log"
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | QUIET,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self):
        """Until it answers."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health") as page:
                if page.status == 200:
                    return
            time.sleep(0.2)
        pytest.fail(f"the MLflow server does not answer: {self.log.read_text()[-2000:]}")

    def kill(self):
        """It and the processes that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        server.wait()
        yield server
    finally:
        server.kill()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """Only tests that name a server tell one."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)


@pytest.fixture(scope="module")
def stages(server, tmp_path_factory):
    """A run that was stopped at step 4 and resumed, and what the server held in between."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", server.url)
        patch.setattr(workflow, "_detect", lambda *_: None)
        tracked.install(patch, Stops)
        with pytest.raises(Interrupted):
            tracked.start(folder, track="mlflow,stops")
        (run,) = list_runs(folder)
        client = mlflow.MlflowClient(server.url)
        stopped = client.get_run(run.read_json(run.mlflow_path)["run_id"])
        # Of an earlier step, so that the training repeats what was told.
        sorted(run.checkpoints.glob("*.npz"))[-1].unlink()
        patch.setattr(Stops, "logged", lambda *_: None)
        workflow.resume(run.path)
    return client, run, stopped


def found(client):
    """The one run of the experiment `zoo`."""
    experiment = client.get_experiment_by_name("zoo").experiment_id
    (run,) = client.search_runs([experiment])
    return run


def test_a_stopped_run_is_told_as_killed_and_a_finished_one_as_finished(stages):
    client, run, stopped = stages
    assert stopped.info.status == "KILLED"
    assert stopped.data.tags["status"] == "interrupted"
    assert "interrupted at step 4" in stopped.data.tags["reason"]
    ended = found(client)
    assert ended.info.run_name == run.name
    assert ended.info.status == "FINISHED"
    assert ended.data.tags["status"] == "finished"
    assert ended.data.tags["reason"] == ""


def test_a_resumed_run_is_the_same_run_with_each_step_once(stages):
    client, run, stopped = stages
    ended = found(client)
    assert ended.info.run_id == stopped.info.run_id
    history = client.get_metric_history(ended.info.run_id, "d_loss")
    told = sorted((metric.step, metric.value) for metric in history)
    assert told == [(row["step"], pytest.approx(row["d_loss"])) for row in run.metrics()]
    assert [step for step, _ in told] == list(range(1, 9))


def test_recipe_versions_and_fingerprint_are_there(stages):
    client, run, _ = stages
    data = found(client).data
    recipe = run.recipe
    for name, value in recipe["settings"].items():
        assert data.params[name] == show(value)
    assert data.params["options.width"] == "4"
    assert data.params["generator"] == "dcgan"
    assert data.tags["dataset_fingerprint"] == run.manifest["dataset"]["fingerprint"]
    assert data.tags["version.keras"] == run.manifest["versions"]["keras"]
    assert "mlflow.user" not in data.tags


def test_scores_model_card_and_report_are_there(stages, tmp_path):
    client, run, _ = stages
    ended = found(client)
    scores = run.read_json(run.evaluation_path)["metrics"]
    assert scores
    for score in scores:
        name = score["name"].replace("[class=", "/class/").replace("]", "")
        assert ended.data.metrics[f"evaluation/{name}"] == pytest.approx(score["value"])
    for path in (run.card_path, run.report_path):
        held = client.download_artifacts(ended.info.run_id, path.name, str(tmp_path))
        with open(held, "rb") as file:
            assert file.read() == path.read_bytes()


def copy(run, folder):
    """The run's folder as if it had told nobody, its recipe with a value that is too long."""
    ignored = shutil.ignore_patterns("mlflow.json")
    copied = Run(shutil.copytree(run.path, folder / "runs" / run.name, ignore=ignored))
    copied.write_recipe({**run.recipe, "options": {"width": 4, "text": "x" * 9000}})
    return copied


def test_without_a_server_it_is_a_database_beside_the_runs(stages, tmp_path):
    """And one that is told only on resume holds the run from its beginning."""
    run = copy(stages[1], tmp_path)
    tracker = find("trackers", "mlflow").load()()
    tracker.run_started(run)
    tracker.run_ended(run, "failed")
    folder = tmp_path / "runs" / "mlflow"
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    held = found(client)
    assert held.info.status == "FAILED"
    history = client.get_metric_history(held.info.run_id, "g_loss")
    assert [metric.step for metric in history] == list(range(1, 9))
    assert held.data.params["options.text"] == "x" * 6000
    assert {path.name for path in folder.rglob("*.*")} >= {"report.html", "MODEL_CARD.md"}
    assert [one.path for one in list_runs(tmp_path / "runs")] == [run.path]


def test_a_run_that_another_server_knew_begins_anew(stages, server, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of mine")
    run = copy(stages[1], tmp_path)
    run.mlflow_path.write_text('{"run_id": "0123456789abcdef0123456789abcdef"}')
    find("trackers", "mlflow").load()().run_started(run)
    client = stages[0]
    (made,) = client.search_runs([client.get_experiment_by_name("of mine").experiment_id])
    assert made.info.status == "RUNNING"
    assert run.read_json(run.mlflow_path) == {"run_id": made.info.run_id}


@pytest.mark.parametrize("answers", [False, True])
def test_a_server_that_cannot_be_reached_is_named_once(tmp_path, monkeypatch, capsys, answers):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as listens:  # and, where it takes the call, never says a word
        listens.bind(("127.0.0.1", 0))
        if answers:
            listens.listen()
        port = listens.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        start = time.monotonic()
        with workflow.tracking(Run(tmp_path), "mlflow") as trackers:
            (tmp_path / "recipe.yaml").write_text("generator: dcgan\ndata: bbbc/simulated\n")
            trackers.run_started()
            trackers.logged(1, {"d_loss": 0.7})
    assert time.monotonic() - start < 30
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("warning: tracker mlflow: ")
    assert f"http://127.0.0.1:{port}" in line
    assert line.endswith("the run goes on without it")


def test_it_gives_up_soon_and_tells_mlflow_s_makers_nothing():
    """In a process of its own: MLflow reports to nobody where it sees pytest."""
    code = (
        "import zoo_trackers.mlflow.tracker\n"
        "from mlflow import environment_variables as v, telemetry\n"
        "print(v.MLFLOW_DISABLE_TELEMETRY.get(), telemetry.get_telemetry_client(),"
        " v.MLFLOW_HTTP_REQUEST_TIMEOUT.get(),"
        " v.MLFLOW_HTTP_REQUEST_MAX_RETRIES.get())"
    )
    unset = ("PYTEST", "CI", "MLFLOW", "DO_NOT", "GITHUB")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
    clean["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean)
    assert done.stdout.split() == ["True", "None", "10", "1"], done.stderr


class Kills(Telltale):
    """Kills the server in the middle of the training."""

    server = None

    def logged(self, step, values):
        if step == 2:
            self.server.kill()


@pytest.mark.slow
def test_a_server_that_is_killed_in_the_middle_is_named_once_and_the_run_goes_on(
    server, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setattr(Kills, "server", server)
    tracked.install(monkeypatch, Kills)
    run = tracked.start(tmp_path, eval=False, track="kills,mlflow")
    assert run.status == "finished"
    assert len(run.metrics()) == 8
    told = [line for line in capsys.readouterr().err.splitlines() if "mlflow" in line.lower()]
    assert len(told) == 1
    assert told[0].startswith("warning: tracker mlflow: ")
