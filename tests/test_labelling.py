"""Labels that people give in the app, and what reads them afterwards."""

import threading

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import labelling
from zoo.data.lists import read_list
from zoo.errors import UsageError, ZooError
from zoo.evaluation.turing.statistics import cohen_kappa
from zoo.labelling import Judgement
from zoo.runs import Run

ACCEPT, REJECT = Judgement("accept"), Judgement("reject")


@pytest.fixture
def folder(tmp_path):
    """80 images in a folder with a name and files that need quoting."""
    made = tmp_path / "my images"
    made.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (80, 32, 32), np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(made / f"zelle, {number:02d} ä.png")
    return made


def a_run(tmp_path, **manifest):
    run = Run.create(tmp_path / "runs", "dcgan", "own")
    run.write_recipe({"generator": "dcgan"})
    run.update_manifest(**manifest)
    return run


@pytest.fixture
def run(tmp_path, folder):
    made = a_run(tmp_path, class_names=["round", "long"])
    folder.rename(made.generated)
    return made


def test_labels_of_the_app_are_what_labels_reads(run):
    items = labelling.generated_items(run)
    assert (len(items.paths), items.classes) == (80, ["round", "long"])
    for number, path in enumerate(items.paths):
        one = REJECT if number < 10 else Judgement("accept", ("round", "thin, bent")[number % 2])
        labelling.record(run, "generated", "ann", path, one)
    table = labelling.files_of(run, "generated", "ann")["--labels"]
    images = zoo.load(
        "dataset", f"folder:{run.generated}", image_size=32, labels=str(table), label="label"
    )
    assert images.class_names == ("round", "thin, bent")
    given = dict(zip(images.ids, images.labels, strict=True))
    assert given == {path: number % 2 for number, path in enumerate(items.paths) if number >= 10}


def test_rejected_and_accepted_images_are_lists_that_curation_takes(run):
    items = labelling.generated_items(run)
    for number, path in enumerate(items.paths):
        labelling.record(run, "generated", "ann", path, REJECT if number < 10 else ACCEPT)
    files = labelling.files_of(run, "generated", "ann")
    name = f"folder:{run.generated}"
    left = zoo.load("dataset", name, image_size=32, reject=str(files["--reject"]))
    assert set(left.ids) == set(items.paths[10:])
    same = zoo.load("dataset", name, image_size=32, accept=str(files["--accept"]))
    assert set(same.ids) == set(left.ids)
    # Without a label there is no column of labels, and --labels sets nothing aside.
    assert len(zoo.load("dataset", name, image_size=32, labels=str(files["--labels"]))) == 80
    for path in items.paths[:10]:
        labelling.record(run, "generated", "ann", path, None)
    assert "--reject" not in labelling.files_of(run, "generated", "ann")
    assert len(read_list(files["--accept"])) == 70


def test_what_was_said_is_there_again_and_the_last_word_counts(run):
    labelling.record(run, "generated", "Ann", "a.png", Judgement("accept", "=1+1"))
    labelling.record(run, "generated", "ann", "b.png", REJECT)
    labelling.record(run, "generated", "ann", "a.png", Judgement("accept", "round"))
    said = labelling.read(run, "generated", "ANN")
    assert said == {"a.png": Judgement("accept", "round"), "b.png": REJECT}
    assert labelling.read(run, "generated", "bob") == {}
    assert labelling.annotators(run, "generated") == ["ann"]


def test_two_pages_of_one_annotator_lose_nothing(run):
    def label(first):
        for number in range(first, 60, 2):
            labelling.record(run, "generated", "ann", f"{number}.png", ACCEPT)

    threads = [threading.Thread(target=label, args=[first]) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(labelling.read(run, "generated", "ann")) == 60


@pytest.mark.parametrize("code", ["", "../x", "Ann Smith", "a" * 41, "-a", "a.b", "ä"])
def test_a_code_that_is_no_file_name_is_wrong_use(run, code):
    with pytest.raises(UsageError, match="expected at most 40 letters"):
        labelling.record(run, "generated", code, "a.png", ACCEPT)
    assert not run.labels.exists()


@pytest.mark.parametrize(
    "one",
    [Judgement("maybe"), Judgement("reject", "round"), Judgement("accept", "a\nb"),
     Judgement("accept", "x" * 61), Judgement("accept", " x")],
)  # fmt: skip
def test_a_judgement_that_is_none_is_wrong_use(run, one):
    with pytest.raises(UsageError):
        labelling.record(run, "generated", "ann", "a.png", one)
    assert labelling.files_of(run, "generated", "ann") == {}


def test_a_damaged_file_is_told_and_not_overwritten(run):
    labelling.record(run, "generated", "ann", "a.png", ACCEPT)
    file = labelling.files_of(run, "generated", "ann")["--labels"]
    for content in ("path,decision\na.png,maybe\n", "a,b\nc,d\n", ""):
        file.write_text(content)
        with pytest.raises(ZooError, match=r"ann\.csv is damaged"):
            labelling.record(run, "generated", "ann", "b.png", ACCEPT)
        assert file.read_text() == content


def test_a_run_without_generated_images_says_so(tmp_path):
    with pytest.raises(ZooError, match="holds no images"):
        labelling.generated_items(a_run(tmp_path))


def test_cohen_s_kappa_has_its_published_value():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: a usual textbook example
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert cohen_kappa(*zip(*pairs, strict=True)) == pytest.approx(0.4)


def test_annotators_agree_beyond_chance_or_it_is_said_why_not(run):
    assert "two annotators" in labelling.agreement(run, "generated")["reason"]
    for number in range(50):
        ann, bob = (ACCEPT, ACCEPT) if number < 20 else (ACCEPT, REJECT)
        if number >= 25:
            ann, bob = (REJECT, ACCEPT) if number < 35 else (REJECT, REJECT)
        labelling.record(run, "generated", "ann", f"{number}.png", ann)
        labelling.record(run, "generated", "bob", f"{number}.png", bob)
    labelling.record(run, "generated", "bob", "more.png", ACCEPT)
    found = labelling.agreement(run, "generated")
    assert (found["name"], found["images"]) == ("Cohen’s κ", 50)
    assert found["kappa"] == pytest.approx(0.4)
    assert found["agreeing"] == pytest.approx(0.7)
    for number in range(3):
        labelling.record(run, "generated", "cy", f"{number}.png", ACCEPT)
    found = labelling.agreement(run, "generated")
    assert (found["name"], found["images"], found["kappa"]) == ("Fleiss’ κ", 3, None)
    assert "every answer is the same" in found["reason"]


@pytest.mark.slow
def test_real_images_are_labelled_by_source_with_all_their_tiles(tmp_path, folder):
    large = tmp_path / "large"
    large.mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (40, 64, 64), np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(large / f"{number:02d}.png")
    run = zoo.run(
        "dcgan", f"folder:{large}", image_size=32, view="tile", device="cpu", steps=2, eval=False,
        out=str(tmp_path / "trained"), options={"width": 4, "latent_dim": 8, "batch_size": 4},
    )  # fmt: skip
    parts = [labelling.real_items(run, part) for part in ("train", "validation", "test")]
    assert all(path.endswith(".png") for items in parts for path in items.paths)
    assert parts[0].notes(0) == "cut into 4 images; what is said holds for all"
    assert parts[0].picture(0, 320).startswith(b"\x89PNG")
    for number, path in enumerate(path for items in parts for path in items.paths):
        labelling.record(run, "real", "ann", path, Judgement("accept", "ab"[number % 2]))
    table = labelling.files_of(run, "real", "ann")["--labels"]
    again = zoo.run("cgan", f"folder:{large}", image_size=32, view="tile", labels=str(table),
                    device="cpu", steps=2, eval=False, out=str(tmp_path / "trained"),
                    options={"width": 4, "latent_dim": 8, "batch_size": 4})  # fmt: skip
    assert again.manifest["class_names"] == ["a", "b"]
