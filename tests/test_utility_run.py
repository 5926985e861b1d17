"""`zoo utility` and `zoo segment`: what they take, refuse and leave in the run and its report."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner
from zoo_cli.commands import detect, segment, utility

import zoo
from zoo.errors import UsageError
from zoo.evaluation.arms import ARMS
from zoo.evaluation.segmentation import ARMS as SEGMENTATION_ARMS
from zoo.recipe import resolve
from zoo.runs import Run

DATA = "bbbc/simulated"
SMALL = {"image_size": 32, "data_options": "images=60"}
QUICK = ("--classifiers", "random-forest", "-o", "grid=1", "--seeds", 1, "--images", 60)


def store(parent, generator, **settings):
    """A run with the generator as it was initialised."""
    from zoo.gan import build
    from zoo.gan.checkpoint import save_snapshot

    settings = {**SMALL, "steps": 1, **settings}
    options = {"width": 4, "latent_dim": 4}
    recipe = resolve(generator, DATA, settings=settings, options=options)
    chosen = {key: recipe.settings[key] for key in ("split_seed", "accept")}
    images = zoo.load("dataset", DATA, **SMALL, **chosen)
    run = Run.create(parent, generator, DATA)
    run.write_recipe(recipe.to_dict())
    run.update_manifest(
        status="finished",
        image_shape=list(images.shape[1:]),
        class_names=list(images.class_names),
        dataset={"name": images.name, "fingerprint": images.fingerprint},
    )
    gan = build(recipe, images.shape[1:], len(images.class_names))
    save_snapshot(gan, run.snapshot_path(0))
    return run


@dataclass
class Stored:
    """Run 0 is conditional and has masks, 3 is of another split, 4 of the first class alone."""

    parent: object
    names: list


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    parent = tmp_path_factory.mktemp("runs")
    store(parent, "cgan", with_mask=True)
    store(parent, "dcgan")
    store(parent, "dcgan", seed=1)
    store(parent, "dcgan", split_seed=1)
    images = zoo.load("dataset", DATA, **SMALL)
    accepted = parent / "accepted.txt"
    accepted.write_text("\n".join(np.unique(images.fields["source"][images.labels == 0])))
    store(parent, "dcgan", accept=str(accepted))
    return Stored(parent, list(images.class_names))


def call(module, stored, *arguments):
    given = [*map(str, arguments), "--runs", str(stored.parent)]
    return CliRunner().invoke(module.command, given, catch_exceptions=True)


def test_the_five_arms_of_a_run_are_printed_stored_and_reported(stored):
    result = call(utility, stored, 0, *QUICK, "--low-data", "0.2")
    assert result.exit_code == 0, result.exception
    for arm in ARMS:
        assert f"random-forest  {arm.name}  " in result.stdout
    assert "20.0 % of the real images" in result.stdout
    assert "synthetic / real" in result.stdout
    run = Run.open(stored.parent / "00000-cgan-bbbc-simulated")
    found = json.loads(run.utility_path.read_text())
    assert found["protocol"]["comparable"]["training_images"] == 60
    assert found["protocol"]["provenance"]["synthetic"]["runs"][0]["run"] == run.name
    page, model_card = run.report_path.read_text(), run.card_path.read_text()
    assert 'id="utility-table"' in page
    assert 'id="low-data-1-table"' in page
    assert 'id="utility-by-table"' in page
    assert "accuracy by group" in result.stdout
    worst = found["extremes"][0]["worst"]
    assert f"{worst['value']}: " in result.stdout
    assert f"{worst['value']}, n = {worst['n']}" in page
    assert "Training on generated images:" in page
    assert "| random-forest | real + classic + synthetic |" in model_card
    again = call(utility, stored, 0, *QUICK, "--low-data", "0.2", "--json")
    assert json.loads(again.stdout) == found


def test_a_classifier_that_is_named_twice_is_measured_once(stored):
    twice = ("--classifiers", "random-forest,random-forest", *QUICK[2:])
    result = call(utility, stored, 0, *twice, "--json")
    assert result.exit_code == 0, result.exception
    assert [row["seeds"] for row in json.loads(result.stdout)["table"]] == [1] * len(ARMS)


def test_the_report_names_the_data_that_was_tested(stored):
    from zoo.report import build

    run = Run.open(stored.parent / "00000-cgan-bbbc-simulated")
    found = run.read_mapping(run.utility_path)
    before = run.utility_path.read_text()
    found["protocol"]["comparable"]["data"] = "folder:elsewhere"
    run.utility_path.write_text(json.dumps(found))
    assert "on real test images of folder:elsewhere" in build(run).read_text()
    run.utility_path.write_text(before)


def test_a_run_without_masks_or_utility_says_how_to_measure_it(stored):
    from zoo.report import build

    run = Run.open(stored.parent / "00001-dcgan-bbbc-simulated")
    page = build(run).read_text()
    assert f"<code>zoo utility {run.name}</code>" in page
    assert "zoo segment" not in page


def test_one_run_for_each_class_is_measured_together(stored):
    result = call(utility, stored, "--per-class", 4, f"{stored.names[1]}=1", *QUICK, "--json")
    assert result.exit_code == 0, result.exception
    runs = json.loads(result.stdout)["protocol"]["provenance"]["synthetic"]["runs"]
    assert [run["class"] for run in runs] == stored.names
    assert [run["run"][:5] for run in runs] == ["00004", "00001"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1,), "makes images of no class"),
        ((0, 1), "one RUN is measured at a time"),
        (("--per-class", 1), "was trained on images of 2 classes; write NAME=RUN"),
        (("--per-class", "{0}=1"), "one run is needed for each of"),
        (("--per-class", "{0}=1", "{0}=2"), "has a run already"),
        (("--per-class", "{0}=0", "{1}=1"), "is conditional"),
        (("--per-class", "{0}=1", "{1}=3"), "of the images that are held out in bbbc/simulated"),
        ((0, "--imbalance", "mitotic"), "expected CLASS:SHARE"),
        ((0, "--imbalance", "mitotic:"), "expected shares such as"),
        ((0, "--low-data", "some"), "expected shares such as"),
        ((0, "--low-data", ""), "expected shares such as"),
        ((0, "--classifiers", "random-forrest"), "did you mean random-forest?"),
        ((0, "--external", DATA), "generators learn from"),
    ],
)
def test_wrong_use_is_told_in_one_line(stored, arguments, message):
    given = [str(argument).format(*stored.names) for argument in arguments]
    options = () if "--classifiers" in given else QUICK
    result = call(utility, stored, *given, *options)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.slow
def test_a_u_net_is_trained_on_generated_images_and_masks(stored):
    options = ("--steps", 2, "--width", 2, "--seeds", 1, "--images", 16)
    result = call(segment, stored, 0, *options)
    assert result.exit_code == 0, result.exception
    for arm in SEGMENTATION_ARMS:
        assert arm in result.stdout
    run = Run.open(stored.parent / "00000-cgan-bbbc-simulated")
    assert [row["arm"] for row in run.read_mapping(run.segmentation_path)["table"]] == [
        *SEGMENTATION_ARMS
    ]
    assert 'id="segmentation-table"' in run.report_path.read_text()


def test_a_run_without_masks_is_refused(stored):
    result = call(segment, stored, 1)
    assert isinstance(result.exception, UsageError)
    assert "makes no masks; train one with --with-mask" in str(result.exception)


def test_python_measures_what_the_commands_do(stored):
    path = stored.parent / "00000-cgan-bbbc-simulated"
    run = Run.open(path)
    quick = {"classifiers": ["random-forest"], "options": {"grid": "1"}, "seeds": 1, "n": 60}
    assert zoo.utility(path, **quick)["table"] == run.read_mapping(run.utility_path)["table"]
    masks = zoo.segment(run, steps=2, width=2, seeds=1, n=16)
    assert masks["table"] == run.read_mapping(run.segmentation_path)["table"]
    told = zoo.detect(path, detectors=["logistic"], n=8, n_small=8, repeats=1, robust=False)
    assert [row["name"] for row in told["detectors"]] == ["logistic"], told["not_computed"]
    options = ("--detector", "logistic", "-n", 8, "--n-small", 8, "--repeats", 1, "--no-robust")
    printed = call(detect, stored, 0, *options, "--json")
    assert json.loads(printed.stdout)["runs"][path.name]["detectors"] == told["detectors"]
    assert json.loads(run.detection_path.read_text())["detectors"] == told["detectors"]
