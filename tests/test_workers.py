"""One training on several processes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo import workers
from zoo.errors import Interrupted, UsageError, ZooError
from zoo.recipe import resolve
from zoo.runs import Run
from zoo.workflow import run

SETTINGS = {"steps": 50, "image_size": "32x32", "eval": False, "device": "cpu", "threads": 1}
# In float64, where rounding is too little for a training to enlarge it.
OPTIONS = {"width": "4", "latent_dim": "8", "batch_size": "8", "precision": "float64"}
ADDRESSES = ["127.0.0.1:1", "127.0.0.1:2"]


def a_run(parent, **changes):
    """A run that was set up and not trained."""
    settings = {**SETTINGS, "out": str(parent), **changes}
    recipe = resolve("dcgan", "bbbc/simulated", settings=settings, options=OPTIONS, origin="call")
    made = Run.create(parent, "dcgan", "bbbc/simulated")
    made.write_recipe(recipe.to_dict())
    made.update_manifest(status="running")
    return made


@pytest.fixture
def started(monkeypatch):
    """The processes that `train_together` starts, as it starts them."""
    processes = []
    start = subprocess.Popen

    def recording(*arguments, **options):
        processes.append(start(*arguments, **options))
        return processes[-1]

    monkeypatch.setattr(workers.subprocess, "Popen", recording)
    return processes


def losses(finished):
    return np.array([[row["d_loss"], row["g_loss"]] for row in finished.metrics()])


def weights(of_run):
    with np.load(max(of_run.checkpoints.glob("*.npz")), allow_pickle=False) as stored:
        return [stored[name] for name in sorted(stored.files) if name != "facts"]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A run that two workers trained."""
    out = str(tmp_path_factory.mktemp("together"))
    return run("dcgan", "bbbc/simulated", options=OPTIONS, workers="2", out=out, **SETTINGS)


def test_two_workers_learn_what_one_learns_with_the_same_batches(together, tmp_path):
    one = run("dcgan", "bbbc/simulated", options=OPTIONS, out=str(tmp_path), **SETTINGS)
    assert together.status == "finished"
    assert together.report_path.is_file()
    assert losses(one).shape == losses(together).shape == (50, 2)
    np.testing.assert_allclose(losses(one), losses(together), atol=1e-9)


def test_a_lost_worker_costs_only_what_came_after_the_last_checkpoint(
    together, tmp_path, started, capsys
):
    seen = []

    def lose_one(step, values):
        seen.append(step)
        if step == 12:
            started[1].send_signal(signal.SIGKILL)

    broken = a_run(tmp_path)
    workers.train_together(broken, 2, logged=lose_one)
    assert len(started) == 4
    assert "worker 1 was lost (signal 9); all 2 begin again from step" in capsys.readouterr().err
    assert seen == list(range(1, 51))
    pairs = zip(weights(together), weights(broken), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_workers_that_are_lost_again_and_again_end_the_training(tmp_path, monkeypatch, capsys):
    a = a_run(tmp_path)
    broken = [sys.executable, "-c", "raise SystemExit(3)"]
    start = subprocess.Popen
    monkeypatch.setattr(workers.subprocess, "Popen", lambda _, **options: start(broken, **options))
    with pytest.raises(ZooError, match=r"a worker was lost 4 times in a row.*exit status 3"):
        workers.train_together(a, 2)
    assert capsys.readouterr().err.count("begin again from step 0") == 3


@pytest.mark.slow
def test_a_known_error_of_a_worker_is_the_training_s(tmp_path):
    a = a_run(tmp_path)
    held = a.recipe
    held["options"]["batch_size"] = 9
    a.write_recipe(held)
    with pytest.raises(ZooError, match="batch_size=9 cannot be shared by 2 devices"):
        workers.train_together(a, 2)


@pytest.mark.slow
def test_a_request_to_stop_keeps_the_step_and_leaves_no_worker(tmp_path, started):
    stopped = []

    def stop(step, values):
        if not stopped:
            stopped.append(step)
            os.kill(os.getpid(), signal.SIGTERM)

    a = a_run(tmp_path, steps=2000)
    with pytest.raises(Interrupted):
        workers.train_together(a, 2, logged=stop)
    assert all(process.poll() is not None for process in started)
    assert stopped[0] <= max(int(path.stem) for path in a.checkpoints.glob("*.npz")) < 2000


@pytest.mark.parametrize("value", ["0", "-1", "two", ""])
def test_workers_are_a_number_or_an_environment(value):
    with pytest.raises(UsageError, match="a number above 0, or one of slurm, tf-config"):
        workers.count(value)


@pytest.mark.parametrize(
    "config",
    [
        "",
        "[]",
        '{"cluster": {"worker": []}}',
        json.dumps({"cluster": {"worker": ADDRESSES}, "task": {"type": "worker", "index": 2}}),
        json.dumps({"cluster": {"worker": ADDRESSES, "ps": []}, "task": {"index": 0}}),
    ],
)
def test_a_wrong_tf_config_is_told_with_a_right_one(config, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UsageError, match=re.escape('TF_CONFIG must be like {"cluster"')):
        workers.join("tf-config")


def test_slurm_s_workers_are_started_by_srun(monkeypatch):
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(UsageError, match="start each worker with srun"):
        workers.join("slurm")


@pytest.mark.parametrize("given", ["2", "tf-config"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minutes": 1.0}, "minutes: workers must end at the same step"),
        ({"steps_per_call": 2}, "steps_per_call=2: workers return after each step"),
    ],
)
def test_what_workers_cannot_agree_on_is_refused(given, changes, message):
    alone = {"minutes": None, "steps_per_call": 1, "workers": "1", **changes}
    workers.check(alone)
    with pytest.raises(UsageError, match=message):
        workers.check({**alone, "workers": given})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": "zwei"}, "workers=zwei: expected a number above 0"),
        ({"workers": "2", "minutes": 1}, "minutes: workers must end at the same step"),
    ],
)
def test_a_recipe_with_wrong_workers_is_refused_before_it_is_run(settings, message):
    with pytest.raises(UsageError, match=message):
        resolve("dcgan", "bbbc/simulated", settings=settings, origin="call")


@pytest.mark.slow
def test_processes_that_find_each_other_write_one_run(tmp_path):
    ports = workers._free_ports(2)
    command = [sys.executable, "-m", "zoo_cli.main", "run", "dcgan", "--data", "bbbc/simulated"]
    command += ["--steps", "4", "--image-size", "32", "--no-eval", "--workers", "tf-config"]
    command += ["-o", "width=4", "-o", "batch_size=8", "--threads", "1", "--out", str(tmp_path)]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    started = []
    for number in range(2):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}})
        env = {**os.environ, "TF_CONFIG": config, "PYTHONPATH": os.pathsep.join(sys.path)}
        started.append(
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
    answers = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], answers
    assert [bool(out) for out, _ in answers] == [True, False]
    (made,) = (path for path in Path(tmp_path).iterdir() if path.is_dir())
    assert Run(made).status == "finished"
    assert len(Run(made).metrics()) == 4
