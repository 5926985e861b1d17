"""A run from its recipe to its report, interrupted, resumed, refused."""

import errno
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

import zoo
from zoo import workflow
from zoo.data import ImageSet
from zoo.errors import Interrupted, UsageError, ZooError
from zoo.runs import Run, files, write_text

SMALL = {
    "image_size": 32,
    "device": "cpu",
    "steps": 8,
    "score_images": 64,
    "options": {"width": 4, "latent_dim": 8, "batch_size": 4},
}


def start(folder, **changes):
    settings = {**SMALL, "out": str(folder), **changes}
    return zoo.run("dcgan", "bbbc/simulated", **settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(workflow, "DETECTORS", ("logistic",))
    try:
        yield start(tmp_path_factory.mktemp("runs"))
    finally:
        patch.undo()


def checkpoint(run):
    path = sorted(run.checkpoints.glob("*.npz"))[-1]
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files if name != "facts"}


def test_a_run_leaves_everything_that_the_run_folder_promises(finished):
    names = {path.name for path in finished.path.iterdir()}
    assert names >= {
        "recipe.yaml", "manifest.json", "run.log", "metrics.jsonl", "data.json", "checkpoints",
        "snapshots", "samples", "generated", "generator.keras", "evaluation.json",
        "detection.json", "figures", "report.html", "MODEL_CARD.md", "nearest.json",
    }  # fmt: skip
    assert finished.status == "finished"
    assert finished.manifest["step"] == 8
    assert finished.read_json(finished.data_path)["intensity"]["raw_dtype"] == "uint8"
    assert finished.manifest["dataset"]["name"] == "bbbc/simulated"
    noted = finished.manifest["sources"]
    assert noted["generators"]["dcgan"]["paper"] == "arXiv:1511.06434"
    assert "lehmussola2007" in noted["datasets"]["bbbc/simulated"]["bibtex"]
    assert "swd" in noted["metrics"]
    assert set(noted["detectors"]) == {"logistic"}
    assert not [path for path in finished.path.rglob(".*") if path.name != ".lock"]


def test_a_run_warns_before_it_trains_if_detectors_will_not_be_measured(capsys):
    groups = {"train": 60, "detect_train": 3, "validation": 4, "test": 9}
    splits = {part: {"images": 10 * n, "groups": n} for part, n in groups.items()}
    images = ImageSet.from_array(np.zeros((32, 8, 8, 1), np.uint8))
    workflow._warn_of_no_detection(replace(images, provenance={"splits": splits}))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: detectors will not be measured: 3 groups in detect_train")
    assert "--split-seed" in line
    splits["detect_train"]["groups"] = 4
    workflow._warn_of_no_detection(replace(images, provenance={"splits": splits}))
    assert capsys.readouterr().err == ""


def test_without_weights_scores_are_named_as_not_computed_with_the_command(finished, monkeypatch):
    evaluation = finished.read_json(finished.evaluation_path)
    assert "swd" in {entry["name"] for entry in evaluation["metrics"]}
    computed = {entry["name"] for entry in evaluation["metrics"]}
    if not any(name.startswith("fid") for name in computed):
        reasons = {entry["name"]: entry["reason"] for entry in evaluation["not_computed"]}
        assert "zoo weights fetch" in reasons["fid"]


def test_resuming_a_finished_run_says_so_and_changes_nothing(finished, capsys):
    before = finished.manifest
    assert workflow.resume(finished.path).path == finished.path
    assert "nothing to resume" in capsys.readouterr().err
    assert finished.manifest == before


def test_a_trained_generator_is_three_lines_of_python(finished):
    fakes = zoo.load("run", finished.path).sample(4, seed=1)
    assert fakes.shape == (4, 32, 32, 1)
    assert np.array_equal(fakes, zoo.load("run", finished.path).sample(4, seed=1))
    first, last = (zoo.load("run", finished.path, step=step).ema_generator for step in (1, 8))
    assert not np.array_equal(first.get_weights()[0], last.get_weights()[0])


def test_a_generator_loaded_from_a_run_does_not_judge_with_an_untrained_discriminator(finished):
    gan = zoo.load("run", finished.path)
    with pytest.raises(UsageError, match="has no trained discriminator"):
        gan.score(gan.sample(2))


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_run_stopped_in_any_stage_resumes_to_the_same_weights(
    tmp_path, finished, monkeypatch, number
):
    stages = iter(["_train", "write_products"])

    def stop_in(stage):
        original = getattr(workflow, stage)

        def stopping(*arguments):
            os.kill(os.getpid(), number)
            return original(*arguments)

        monkeypatch.setattr(workflow, stage, stopping)
        return original

    stage = next(stages) if number == signal.SIGINT else "write_products"
    original = stop_in(stage)
    with pytest.raises(Interrupted, match="zoo run --resume") as caught:
        start(tmp_path, eval=False)
    assert caught.value.exit_status == 75
    (folder,) = tmp_path.iterdir()
    assert Run.open(folder).status == "interrupted"

    monkeypatch.setattr(workflow, stage, original)
    resumed = workflow.resume(folder)
    assert resumed.status == "finished"
    expected, found = checkpoint(finished), checkpoint(resumed)
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_a_dataset_that_changed_is_refused_on_resume(tmp_path, finished):
    run = Run(tmp_path / finished.name)
    run.write_recipe(finished.recipe)
    facts = {**finished.manifest["dataset"], "fingerprint": "0" * 64}
    run.update_manifest(**{**finished.manifest, "status": "interrupted", "dataset": facts})
    with pytest.raises(ZooError, match=r"changed since .* fingerprint 000000000000"):
        workflow.resume(run.path)


def test_a_run_that_fails_says_why_in_its_manifest(tmp_path, monkeypatch):
    def fail(*arguments):
        raise ZooError("the disk is made of cheese")

    monkeypatch.setattr(workflow, "write_products", fail)
    with pytest.raises(ZooError, match="cheese"):
        start(tmp_path, eval=False)
    (folder,) = tmp_path.iterdir()
    assert Run.open(folder).status == "failed"
    assert Run.open(folder).manifest["reason"] == "the disk is made of cheese"


def test_a_run_in_use_is_refused(tmp_path, finished):
    with finished.lock(), pytest.raises(ZooError, match="in use by another"), finished.lock():
        pass


def test_wrong_use_is_refused_before_a_folder_is_made(tmp_path):
    with pytest.raises(UsageError, match="dcgan"):
        zoo.run("dcgann", "bbbc/simulated", out=str(tmp_path))
    with pytest.raises(UsageError, match="bbbc/simulated"):
        zoo.run("dcgan", "bbbc/simulatd", out=str(tmp_path))
    with pytest.raises(UsageError, match="width"):
        start(tmp_path, options={"widht": 8})
    with pytest.raises(UsageError, match="from 16 to 1024 px"):
        start(tmp_path, image_size=8)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_no_half_written_file(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    write_text(tmp_path / "kept.txt", "before")
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(ZooError, match=r"cannot write .*kept\.txt: No space left"):
        write_text(tmp_path / "kept.txt", "after")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    assert (tmp_path / "kept.txt").read_text() == "before"


def test_every_number_in_the_run_folder_is_json(finished):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    paths = list(finished.path.glob("*.json"))
    assert len(paths) >= 5
    for path in paths:
        assert json.loads(path.read_text(), parse_constant=refuse)
