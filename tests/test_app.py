"""The screens of `zoo app`, on small runs and without a network."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit", reason="the app needs streamlit")

from streamlit.testing.v1 import AppTest
from textures import generator as textures
from textures import image_set, logistic

from zoo.app import made
from zoo.app.generating import command_line
from zoo.app.main import SCREENS
from zoo.app.words import plain, told
from zoo.claims import NOTICE
from zoo.evaluation.kept import image_facts, keep
from zoo.evaluation.trial import Material
from zoo.generating import generate
from zoo.recipe import resolve
from zoo.runs import Run, write_json

PAGE = Path(made.__file__).with_name("main.py")
HOSTILE = ["<script>alert(1)</script>", "![x](http://example.org/x.png)", "$a$ :red[b] `c"]


class Generator:
    """Stands for a trained network: images are a function of seed, truncation and labels."""

    def __init__(self, step):
        self.step = step

    def sample(self, n, labels=None, seed=0, truncation=1.0, dtype="uint8"):
        rng = np.random.default_rng(seed)
        images = truncation * rng.integers(0, 200, (n, 16, 16, 1)) + self.step
        return (images + (0 if labels is None else labels[0])).astype(dtype)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr("zoo.app.made.load_generator", lambda run, step: Generator(step))


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "runs")


def make_run(parent, generator="dcgan", *, data="bbbc/simulated", steps=(10, 20), **facts):
    """A run that holds what a screen reads, and no network."""
    run = Run.create(parent, generator, "data")
    run.write_recipe({"generator": generator, "data": data, "settings": {"seed": 0}})
    facts = {"status": "finished", "image_shape": [16, 16, 1], "kimg": 1.28} | facts
    run.update_manifest(dataset={"name": data}, **facts)
    run.snapshots.mkdir()
    run.samples.mkdir()
    for step in steps:
        run.snapshot_path(step).touch()
        Image.new("L", (34, 34)).save(run.sample_path(step))
        run.log_metrics(step, {"kimg": step / 10, "d_loss": 1.4, "g_loss": 0.7})
    return run


def page(monkeypatch, parent, *arguments, screen="Generate"):
    """The page as a browser gets it, after its first run."""
    monkeypatch.setattr(sys, "argv", ["main.py", str(parent), *arguments])
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.query_params["screen"] = screen
    return app.run()


def said(elements):
    return " ".join(element.value for element in elements)


def test_without_runs_the_page_says_what_to_type(tmp_path, monkeypatch):
    app = page(monkeypatch, tmp_path / "none")
    assert "`zoo run dcgan --data bbbc`" in said(app.info)
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("screen", [name for name in SCREENS if name != "Between images"])
def test_a_screen_of_a_run_is_drawn_without_an_error(run, monkeypatch, screen):
    app = page(monkeypatch, run.path.parent, screen=screen)
    assert not app.exception
    assert NOTICE in said(app.caption)


def test_the_newest_run_comes_first_and_another_can_be_chosen(run, monkeypatch):
    make_run(run.path.parent, data="blood", kimg=2)
    app = page(monkeypatch, run.path.parent)
    assert app.subheader[0].value == "dcgan on blood"
    app.selectbox(key="dataset").set_value("bbbc/simulated").run()
    assert app.subheader[0].value == r"dcgan on bbbc\/simulated"
    assert page(monkeypatch, run.path.parent, "0").subheader[0].value.endswith("simulated")


def test_a_run_of_another_folder_is_shown_also_where_one_here_has_its_name(
    run, monkeypatch, tmp_path
):
    other = make_run(tmp_path / "pulled", data="blood-cells")
    assert other.name == run.name
    app = page(monkeypatch, run.path.parent, str(other.path))
    assert "blood" in app.subheader[0].value
    assert str(other.path) in app.selectbox("run").value
    app = app.selectbox("run").set_value(run.name).run()
    assert "bbbc" in app.subheader[0].value


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ({"status": "failed", "reason": "the disk is full"}, r"failed: the disk is full\."),
        ({"status": "running"}, "was interrupted (killed)"),
        ({"status": "interrupted", "reason": "SIGTERM"}, "`zoo run --resume {path}`"),
    ],
)
def test_a_run_that_did_not_finish_says_so_and_still_generates(run, monkeypatch, status, sentence):
    run.update_manifest(**status)
    app = page(monkeypatch, run.path.parent)
    shown = (said(app.warning) + said(app.error)).replace("\\", "")
    assert sentence.replace("\\", "").format(path=run.path) in shown
    assert len(app.image) == 8


def test_a_damaged_run_is_one_line_and_the_others_work(run, monkeypatch):
    damaged = make_run(run.path.parent)
    damaged.manifest_path.write_text("{")
    app = page(monkeypatch, run.path.parent)
    assert "This run cannot be read" in said(app.error)
    app.selectbox(key="run").set_value(run.name).run()
    assert not app.error
    assert app.image


def test_a_run_without_a_generator_is_told_in_one_line(tmp_path, monkeypatch):
    run = make_run(tmp_path / "runs", steps=())
    app = page(monkeypatch, run.path.parent)
    assert "holds no trained generator yet" in said(app.error)
    assert not app.exception


def test_what_fails_without_a_known_reason_shows_no_traceback(run, monkeypatch, capsys):
    monkeypatch.setattr("zoo.app.training.read", lambda run: 1 / 0)
    app = page(monkeypatch, run.path.parent, screen="Training")
    assert "ZeroDivisionError" in said(app.error)
    assert not app.exception
    assert "line" not in said(app.error)
    assert "Traceback" in capsys.readouterr().err


# Generate


def test_the_images_of_a_seed_are_those_that_the_command_writes(run, monkeypatch, tmp_path):
    app = page(monkeypatch, run.path.parent)
    app.number_input(key=f"seed {run.name}").set_value(7).run()
    assert app.code[0].value == f"zoo generate {run.path} -n 8 --seed 7"
    shown = made.images(run, 8, seed=7, class_name=None, truncation=1.0, step=20)
    paths = generate(run, 8, seed=7, generator=Generator(20)).write(tmp_path / "out")
    assert [file.content for file in shown.files()] == [path.read_bytes() for path in paths]
    assert [b.label for b in app.get("download_button")][:2] == ["Download 0", "Download 1"]


def test_another_seed_gives_other_images(run, monkeypatch):
    app = page(monkeypatch, run.path.parent)
    before = app.image[0].value
    app.button(key=f"another seed {run.name}").click().run()
    assert app.number_input(key=f"seed {run.name}").value > 0
    assert app.image[0].value != before


def test_number_truncation_and_snapshot_are_chosen(run, monkeypatch):
    app = page(monkeypatch, run.path.parent)
    app.select_slider(key=f"number {run.name}").set_value(2).run()
    app.slider(key=f"truncation {run.name}").set_value(0.5).run()
    app.select_slider(key=f"step {run.name}").set_value(10).run()
    assert len(app.image) == 2
    assert app.code[0].value.endswith("-n 2 --seed 0 --truncation 0.5 --step 10")


def test_the_command_that_is_shown_quotes_what_a_shell_would_take_apart(tmp_path):
    run = make_run(tmp_path / "my runs", "cgan", class_names=["a", "b; rm -rf ."])
    shown = generate(run, 1, class_name="b; rm -rf .", generator=Generator(20))
    assert command_line(run, shown).endswith("-n 1 --seed 0 --class 'b; rm -rf .'")
    assert f"generate '{run.path}'" in command_line(run, shown)


@pytest.mark.parametrize("screen", [name for name in SCREENS if name != "Between images"])
def test_names_from_files_are_shown_and_never_read_as_html_or_markdown(
    tmp_path, monkeypatch, screen
):
    run = make_run(tmp_path / "runs", "cgan", data=HOSTILE[1], class_names=HOSTILE)
    app = page(monkeypatch, run.path.parent, screen=screen)
    texts = [*app.markdown, *app.caption, *app.subheader, *app.error, *app.info, *app.warning]
    assert not any(getattr(text.proto, "allow_html", False) for text in texts)
    assert not any("![x](" in text.value or "<script>" in text.value for text in texts)
    if screen == "Generate":
        assert app.selectbox(key=f"class {run.name}").options[1:] == HOSTILE


def test_a_class_is_generated_by_its_name(tmp_path, monkeypatch):
    run = make_run(tmp_path / "runs", "cgan", class_names=HOSTILE)
    app = page(monkeypatch, run.path.parent)
    app.selectbox(key=f"class {run.name}").set_value(0).run()
    assert app.code[0].value.endswith(f"--seed 0 --class '{HOSTILE[0]}'")
    assert not app.error


def test_masks_are_in_the_archive_of_all_images(run):
    from zipfile import ZipFile

    from zoo.app.pictures import zipped

    network = Generator(20)
    network.masked = True
    network.sample = lambda n, **chosen: np.full((n, 16, 16, 2), 200, np.uint8)
    shown = generate(run, 2, generator=network)
    archive = tmp = run.path / "all.zip"
    tmp.write_bytes(zipped(shown))
    names = ZipFile(archive).namelist()
    assert names == [
        *("00000.png", "00000.json", "00001.png", "00001.json"),
        *("masks/00000.png", "masks/00000.json", "masks/00001.png", "masks/00001.json"),
    ]
    assert zipped(shown) == archive.read_bytes()


# Training, measurements


def test_training_shows_the_samples_of_a_step_and_the_curves(run, monkeypatch):
    app = page(monkeypatch, run.path.parent, screen="Training")
    slider = app.select_slider(key=f"sample {run.name}")
    assert (slider.options, slider.value) == (["10", "20"], 20)
    assert "**Losses**" in [text.value for text in app.markdown]
    alts = [image.proto.imgs[0].alt for image in app.image]
    assert alts[0] == "Grid of generated images at training step 20"
    assert all(alts)


def test_measurements_begin_with_verdicts_and_end_with_what_is_missing(run, monkeypatch):
    row = {"name": "svm", "accuracy": 0.9, "interval": [0.8, 0.95], "n": 40}
    write_json(run.detection_path, {"detectors": [row], "valid": False, "reasons": ["it leaks"]})
    app = page(monkeypatch, run.path.parent, screen="Measurements")
    assert "The detection table is void" in said(app.error)
    assert app.table[0].value.iloc[0].tolist()[0] == "svm"
    assert "void" in said(app.caption)
    assert app.code[-1].value.splitlines() == [
        f"zoo memorisation {run.path}",
        f"zoo turing make {run.path}",
    ]


# Real or generated?


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    """A folder with a detector that tells coarse textures by their contrast."""
    images, folder = image_set(), tmp_path_factory.mktemp("detectors")
    trial = Material(images, textures(70), seed=0).trial(60)
    facts = {"generated": "run", "valid": True} | image_facts(images)
    record = logistic()
    keep(folder / "logistic", record, trial.fit(record.load()(seed=0)), trial, facts)
    return folder


def png(pixels):
    from zoo.runs.pictures import encode_png

    return encode_png(pixels)


def test_without_detectors_the_command_that_trains_them_is_told(run, monkeypatch):
    app = page(monkeypatch, run.path.parent, screen="Real or generated?")
    assert f"`zoo detect {run.path}`" in said(app.info)


def test_a_file_is_judged_with_the_detectors_accuracy_and_limits(run, detectors, monkeypatch):
    shutil.copytree(detectors, run.detectors)
    app = page(monkeypatch, run.path.parent, screen="Real or generated?")
    file = ("fake.png", png(textures(70)(1, 3)[0]), "image/png")
    app.file_uploader[0].set_value(file).run()
    assert not app.error
    (bar,) = app.get("progress")
    assert "**logistic** says **generated**" in bar.proto.text
    assert "It was right about" in said(app.caption).replace("\\", "")
    assert "its answer on other images means nothing" in said(app.caption)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"", "empty file"),
        ("a.png", b"no picture", "no image that can be read"),
        ("a.png", png(np.zeros((30, 30, 3), np.uint8)), "3 channels of uint8"),
        ("a.png", png(np.zeros((8, 8, 1), np.uint8)), "smaller than"),
    ],
)
def test_a_file_that_cannot_be_judged_is_one_line(
    run, detectors, monkeypatch, name, content, reason
):
    shutil.copytree(detectors, run.detectors)
    app = page(monkeypatch, run.path.parent, screen="Real or generated?")
    app.file_uploader[0].set_value((name, content, "image/png")).run()
    assert len(app.error) == 1
    assert reason in app.error[0].value.replace("\\", "")
    assert not app.exception


def test_a_file_of_another_compression_than_the_training_images_is_warned_of(
    run, detectors, monkeypatch
):
    shutil.copytree(detectors, run.detectors)
    write_json(run.data_path, {"formats": {"JPEG, lossy": 200}})
    app = page(monkeypatch, run.path.parent, screen="Real or generated?")
    file = ("real.png", png(textures(20)(1, 3)[0]), "image/png")
    app.file_uploader[0].set_value(file).run()
    assert "compression alone may decide" in said(app.warning)


def test_a_held_out_image_is_never_downloaded_and_must_be_of_the_same_data(
    run, detectors, monkeypatch, tmp_path
):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("zoo.data.fetching.fetch", lambda *_: pytest.fail("it was downloaded"))
    shutil.copytree(detectors, run.detectors)
    recipe = resolve("dcgan", "bbbc", settings={"image_size": 16, "data_options": "images=80"})
    run.write_recipe(recipe.to_dict())  # as nobody's own run has it, but a stranger's may
    run.update_manifest(dataset={"name": "bbbc", "fingerprint": "f" * 64})
    app = page(monkeypatch, run.path.parent, screen="Real or generated?")
    app.radio[0].set_value("A held-out real image").run()
    assert len(app.error) == 1
    assert "bbbc changed since" in app.error[0].value


# Words


def test_plain_words_have_no_sign_that_markdown_knows():
    assert plain("a*b\n[c](d) <e> $f$") == r"a\*b \[c\]\(d\) \<e\> \$f\$"


def test_commands_in_messages_are_code_and_the_rest_is_plain():
    assert told("type `zoo run *`, <b>") == r"type `zoo run *`, \<b\>"
    assert told("one ` alone") == r"one \` alone"
