"""A trained run measured again from its folder, by the commands that do so."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from zoo_cli.commands.memorisation import command as memorisation_command
from zoo_cli.commands.monitor import command as monitor_command

import zoo
from zoo.errors import UsageError, ZooError
from zoo.finished import Finished
from zoo.runs import Run

SMALL = {
    "image_size": 32,
    "device": "cpu",
    "steps": 4,
    "eval": False,
    "options": {"width": 4, "latent_dim": 8, "batch_size": 4},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return zoo.run("dcgan", "bbbc/simulated", out=str(folder), **SMALL)


def call(command, run, *arguments):
    options = ["--runs", run.path.parent]
    return CliRunner().invoke(command, list(map(str, ["0", *arguments, *options])))


def test_memorisation_writes_numbers_pairs_and_report(run):
    result = call(memorisation_command, run, "-n", 40, "--json")
    found = json.loads(result.stdout)
    assert found == json.loads(run.memorisation_path.read_text())
    kinds = {test["kind"] for test in found["tests"]}
    assert {"near_share", "authenticity", "logan_auc", "leaks_tpr"} <= kinds
    assert Image.open(run.sample_path("copies")).size[0] > 4 * 64
    html = run.report_path.read_text()
    assert "The likeliest copies." in html
    assert "Membership by discriminator score (LOGAN): AUC" in html


def test_a_condition_that_holds_is_exit_1_after_the_answer(run):
    result = call(memorisation_command, run, "-n", 30, "--fail-on", "authenticity>=0")
    assert isinstance(result.exception, ZooError)
    assert str(result.exception).startswith("authenticity>=0: it is ")
    assert result.exception.exit_status == 1
    assert "near_share_pixels" in result.stdout
    fine = call(memorisation_command, run, "-n", 30, "--fail-on", "logan_auc>1")
    assert fine.exception is None


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("near_shar>0.1", "did you mean near_share"),
        ("copies>0.1", "choose from authenticity, distance_ratio, "),
        ("near_share", "expected NAME>NUMBER"),
        ("near_share>much", "much is no number"),
    ],
)
def test_a_condition_that_is_none_is_wrong_use(run, condition, message):
    result = call(memorisation_command, run, "--fail-on", condition)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def test_the_discriminator_is_the_trained_one_and_judges_held_out_images(run):
    finished = Finished.open(run)
    score = finished.discriminator()
    held_out = finished.images.split("test")
    logits = score(held_out)
    assert logits.shape == (len(held_out),)
    assert np.array_equal(logits, finished.discriminator()(held_out))


def test_without_a_checkpoint_the_attack_is_not_computed(run, tmp_path):
    bare = Run(tmp_path / run.name)
    bare.write_recipe(run.recipe)
    bare.update_manifest(**run.manifest)
    assert "keeps no checkpoint" in Finished.open(bare).discriminator()


def test_memorisation_is_a_line_of_python(run):
    found = zoo.memorisation(run.path, n=30)
    assert found["verdict"]
    assert {"tests", "suspects", "pairs", "not_computed", "protocol"} <= set(found)


def test_monitor_finds_a_drift_and_exits_1_if_asked(run, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        pixels = rng.integers(180, 256, (64, 64), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    result = call(monitor_command, run, folder, "--json")
    found = json.loads(result.stdout)
    assert "intensity" in found["drifted"]
    failing = call(monitor_command, run, folder, "--fail-on", "drift")
    assert isinstance(failing.exception, ZooError)
    assert str(failing.exception).startswith("drift: intensity")
    assert "threshold: the largest of 99 draws" in failing.stdout


@pytest.mark.slow
def test_monitor_calls_the_same_source_no_drift(run):
    result = call(monitor_command, run, "bbbc/simulated", "--fail-on", "drift")
    assert result.exception is None, result.stdout
    assert "no drift detected at these thresholds" in result.stdout
