"""Detectors of others, detectors that are kept, and what a kept one says of a picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from textures import SIDE, generator, image_set, logistic, textured
from zoo_cli.main import cli

import zoo
from zoo import detecting
from zoo.detecting import Study
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.evaluation.detection import detect, measure
from zoo.evaluation.kept import ask, find_kept, image_facts, keep
from zoo.evaluation.panel import Panel
from zoo.evaluation.parameters import typed_options
from zoo.evaluation.trial import Material
from zoo.runs import Run
from zoo.specs import Detector


class Stranger:
    """Somebody's detector: it states what JSON has not, draws nothing and is not loaded."""

    classes_ = np.array([0, 1])

    def __init__(self, seed=0, weight=float("nan")):
        self.weight = weight

    def get_params(self):
        return {"weight": self.weight, "scaler": make_pipeline(StandardScaler()), "sum": np.sum}

    def fit(self, images, labels, validation=None):
        return self

    def predict_proba(self, images):
        bright = images.reshape(len(images), -1).std(axis=1) > 35
        return np.eye(2)[bright.astype(int)]

    def save(self, path):
        path.write_text("")


class Picky(Stranger):
    """Refuses an option as it is made, another when it learns."""

    def __init__(self, seed=0, use="pixels", weight=1.0):
        if use not in ("pixels", "edges"):
            raise UsageError(f"use={use}: choose from pixels, edges")
        self.use, self.weight = use, weight

    def fit(self, images, labels, validation=None):
        raise UsageError("weight=0: no image counts")


class Silent(Stranger):
    """Says nothing of itself."""

    def get_params(self):
        raise NotImplementedError("no parameters")


# One picture


@pytest.fixture
def kept(tmp_path):
    images = image_set()
    trial = Material(images, generator(70), seed=0).trial(60)
    detector = trial.fit(logistic().load()(seed=0))
    folder = tmp_path / "detectors" / "logistic"
    facts = {"generated": "run", "valid": False, "reasons": ["a control failed"]}
    keep(folder, logistic(), detector, trial, facts | image_facts(images))
    return folder


def save(path, image):
    Image.fromarray(image[..., 0]).save(path)
    return path


def test_a_kept_detector_says_what_a_picture_is_and_how_good_it_was(kept, tmp_path):
    real = save(tmp_path / "real.png", textured(1, contrast=20, seed=7)[0])
    fake = save(tmp_path / "fake.png", textured(1, contrast=70, seed=8)[0])
    assert [ask(path, kept)["says"] for path in (real, fake)] == ["real", "generated"]
    answer = ask(fake, kept)
    assert answer["test_accuracy"] > 0.9
    assert answer["trained_on"]["data"] == "made"
    printed = CliRunner().invoke(cli, ["detect", "--image", str(fake), "--with", str(kept)])
    assert printed.output.startswith("generated: probability of being generated")
    assert "void: a control failed" in printed.output


def test_a_detector_killed_while_it_is_kept_leaves_the_earlier_one_whole(
    kept, tmp_path, monkeypatch
):
    def killed(*args):
        raise KeyboardInterrupt

    earlier = {path.name: path.read_bytes() for path in kept.iterdir()}
    trial = Material(image_set(), generator(20), seed=0).trial(60)
    monkeypatch.setattr("zoo.evaluation.kept.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        keep(kept, logistic(), trial.fit(logistic().load()(seed=0)), trial, {})
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == earlier


def test_a_larger_picture_is_asked_about_tile_by_tile(kept, tmp_path):
    tiles = textured(6, contrast=70, seed=9)
    rows = [np.concatenate(list(tiles[i : i + 3]), axis=1) for i in (0, 3)]
    path = save(tmp_path / "large.png", np.concatenate(rows))
    answer = ask(path, kept)
    assert answer["tiles"] == 6
    assert answer["tiles_called_generated"] >= 5


@pytest.mark.parametrize(
    ("shape", "reason"),
    [((SIDE, SIDE, 3), "has 3 channels of uint8"), ((8, SIDE), "smaller than the detector's")],
)
def test_a_picture_that_the_detector_cannot_see_is_refused(kept, tmp_path, shape, reason):
    path = tmp_path / "picture.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)
    with pytest.raises(ZooError, match=reason):
        ask(path, kept)


def test_a_detector_of_images_mapped_one_by_one_is_not_asked(kept, tmp_path):
    facts = json.loads((kept / "facts.json").read_text())
    facts["intensity"] |= {"mapping": "linear", "per": "image", "by": "range"}
    (kept / "facts.json").write_text(json.dumps(facts))
    with pytest.raises(ZooError, match="mapped by values of their own"):
        ask(save(tmp_path / "real.png", textured(1, contrast=20, seed=7)[0]), kept)


def test_a_detector_that_nothing_could_load_is_not_kept(tmp_path):
    record = Detector("stranger", f"{__name__}:Stranger")
    trial = Material(image_set(), generator(70), seed=0).trial(20)
    keep(tmp_path / "stranger", record, trial.fit(Stranger()), trial, {})
    assert not (tmp_path / "stranger").exists()


def test_an_absent_detector_is_told_with_those_that_there_are(kept):
    assert find_kept("logistic", kept.parent) == kept
    with pytest.raises(UsageError, match="choose from logistic"):
        find_kept("svm", kept.parent)


def test_damaged_facts_are_one_line(kept, tmp_path):
    (kept / "facts.json").write_text("{}")
    picture_path = save(tmp_path / "real.png", textured(1, contrast=20, seed=7)[0])
    with pytest.raises(ZooError, match=r"facts\.json is damaged"):
        ask(picture_path, kept)


# Detectors of others


def test_parameters_that_json_lacks_do_not_lose_the_measurement():
    record = Detector("stranger", f"{__name__}:Stranger")
    found = detect(image_set(), generator(60), detectors=[record], n=24, n_small=24, repeats=1)
    text = json.dumps(found, allow_nan=False)
    stated = json.loads(text)["protocol"]["comparable"]["detectors"]["stranger"]
    assert stated["weight"] == "nan"
    assert stated["scaler"]["class"] == "sklearn.pipeline.Pipeline"
    assert "0x" not in text


def test_a_detector_that_cannot_state_its_parameters_fails_at_once_and_alone():
    panel = Panel([Detector("silent", f"{__name__}:Silent"), logistic()])
    assert panel.failed == {"silent": "NotImplementedError: no parameters"}
    assert list(panel.builds) == ["logistic"]


def test_text_from_python_becomes_what_the_option_is(monkeypatch):
    monkeypatch.setattr(detecting, "detect_run", lambda run, study: study.options)
    monkeypatch.setattr(Run, "open", lambda path: path)
    given = zoo.detect("0", detectors=["logistic"], options={"logistic": {"bins": "12"}})
    assert given == {"logistic": {"bins": 12}}
    with pytest.raises(UsageError, match="no detector 'svm'"):
        zoo.detect("0", detectors=["logistic"], options={"svm": {"bins": "12"}})


def test_an_option_that_the_constructor_refuses_is_told_before_an_image_is_read():
    record = Detector("picky", f"{__name__}:Picky")
    with pytest.raises(UsageError, match=r"^picky: use=wrong: choose from pixels, edges$"):
        typed_options([record], {"picky": {"use": "wrong"}})


# Keeping what was measured


@pytest.fixture
def measured():
    records = [logistic(), Detector("stranger", f"{__name__}:Stranger")]
    settings = {"n": 24, "n_small": 24, "repeats": 1}
    return measure(image_set(), generator(60), detectors=records, **settings), Study(
        detectors=records, **settings
    )


def write(measured, study, out):
    facts = {"generated": "run", **study.image_facts(image_set())}
    detecting._write(study, measured, out / "detection.json", out / "detectors", out, facts)


def write_earlier(out):
    (out / "detectors" / "earlier").mkdir(parents=True)
    (out / "detectors" / "earlier" / "facts.json").write_text("{}")
    (out / "gradcam-earlier.png").write_bytes(b"")
    (out / "detection.json").write_text("{}")


def test_what_an_earlier_table_left_goes_and_pictures_are_drawn_once(
    measured, tmp_path, monkeypatch
):
    drawn = []
    monkeypatch.setattr(detecting, "write_spectrum", lambda trial, path: drawn.append(path))
    write_earlier(tmp_path)
    write(*measured, tmp_path)
    assert [path.name for path in (tmp_path / "detectors").iterdir()] == ["logistic"]
    assert not (tmp_path / "gradcam-earlier.png").exists()
    assert drawn == [tmp_path / "spectrum.png"]
    facts = json.loads((tmp_path / "detectors" / "logistic" / "facts.json").read_text())
    assert (facts["valid"], facts["reasons"]) == (
        measured[0].found["valid"],
        measured[0].found["reasons"],
    )


def test_without_a_result_the_earlier_table_and_detectors_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(detecting, "load_data", lambda name, image_size: image_set(name=name))
    write_earlier(tmp_path)
    study = Study(detectors=[Detector("picky", f"{__name__}:Picky")], n=24, n_small=24, repeats=1)
    with pytest.raises(NotComputed, match=r"^no detector has a result; detector picky: weight=0"):
        detecting.detect_sets("real", "fake", study, out=tmp_path)
    assert (tmp_path / "detection.json").read_text() == "{}"
    assert (tmp_path / "detectors" / "earlier").is_dir()
    assert (tmp_path / "gradcam-earlier.png").exists()


def test_of_several_runs_one_without_a_result_says_why_and_the_others_go_on(monkeypatch):
    def measured(run, study):
        if run.path.name == "small":
            raise NotComputed("3 groups")
        return {"detectors": ["logistic"]}

    monkeypatch.setattr(detecting, "detect_run", measured)
    found = detecting.detect_runs([Run(Path("small")), Run(Path("large"))], Study(detectors=[]))
    assert found["small"]["not_computed"] == [{"name": "detection", "reason": "3 groups"}]
    assert found["large"] == {"detectors": ["logistic"]}
    with pytest.raises(NotComputed, match=r"^small: 3 groups$"):
        detecting.detect_runs([Run(Path("small"))], Study(detectors=[]))


def test_a_detector_that_cannot_be_kept_or_drawn_stays_in_the_table(
    measured, tmp_path, monkeypatch, capsys
):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(detecting, "write_heatmaps", full)
    monkeypatch.setattr("zoo.evaluation.kept.write_json", full)
    write(*measured, tmp_path)
    found = json.loads((tmp_path / "detection.json").read_text())
    assert [row["name"] for row in found["detectors"]] == ["logistic", "stranger"]
    assert not (tmp_path / "detectors" / "logistic").exists()
    told = capsys.readouterr().err
    assert "warning: logistic is not kept: cannot write into" in told
    assert "warning: what logistic sees is not drawn" in told


def test_an_interruption_leaves_no_old_table_beside_new_detectors(measured, tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(detecting, "keep", interrupted)
    write_earlier(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        write(*measured, tmp_path)
    assert json.loads((tmp_path / "detection.json").read_text()) == measured[0].found
    assert not list((tmp_path / "detectors").iterdir())
