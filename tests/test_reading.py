"""A reader study in the app: kept answer by answer, blind until the end, scored as any other."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import claims
from zoo.errors import UsageError, ZooError
from zoo.evaluation.turing import power, sitting
from zoo.evaluation.turing.statistics import guessing_p, share
from zoo.evaluation.turing.study import Study
from zoo.report.readers import in_words
from zoo.report.study import read_page
from zoo.runs import Run

DOCS = Path(__file__).parents[1] / "docs" / "readers.md"
SMALL = {
    "image_size": 32,
    "data_options": "images=80",
    "device": "cpu",
    "steps": 4,
    "eval": False,
    "options": {"width": 4, "latent_dim": 8, "batch_size": 4},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run = zoo.run("dcgan", "bbbc/simulated", out=str(folder), **SMALL)
    zoo.turing.make(run, n=2)
    return run


@pytest.fixture
def run(trained, tmp_path):
    """The study in a run of its own, without what readers have left."""
    made = Run(tmp_path / trained.name)
    made.path.mkdir()
    for file in trained.path.rglob("*"):
        kind = file.relative_to(trained.path).parts[0]
        if file.is_file() and kind in ("recipe.yaml", "manifest.json", "data.json", "turing"):
            target = made.path / file.relative_to(trained.path)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(file.read_bytes())
    return made


def truth(run):
    return {item: one.truth for item, one in Study.read(run.turing).items.items()}


def test_an_answer_is_on_the_disk_at_once_and_a_reading_goes_on(run):
    begun = sitting.begin(run, "Ann", "biologist\n5 years")
    assert (begun.reader, begun.role, begun.answered, begun.next) == (
        "ann", "biologist 5 years", 0, 0)  # fmt: skip
    sitting.answer(run, "ann", 0, said="real", ms=700)
    assert sitting.begin(run, "ann").answered == 0
    sitting.answer(run, "ann", 0, realism=4, ms=300)
    again = sitting.begin(run, "ANN ")
    assert (again.order, again.answered, again.next) == (begun.order, 1, 1)
    assert again.mark(0) == sitting.Mark("real", 4, 1000)
    assert sitting.answer(run, "ann", 0, said="generated").mark(0).answer == "generated"
    assert sitting.answers_files(run) == []


def test_readers_have_orders_of_their_own_over_the_same_images(run):
    orders = [tuple(sitting.begin(run, f"r{number}").order) for number in range(20)]
    assert len({frozenset(order) for order in orders}) == 1
    assert len(set(orders)) > 5


def test_a_finished_reading_scores_and_cannot_be_changed(run):
    begun, is_what = sitting.begin(run, "ann"), truth(run)
    with pytest.raises(UsageError, match="4 of 4 images are not answered"):
        sitting.finish(run, "ann")
    for at, item in enumerate(begun.order):
        sitting.answer(run, "ann", at, said=is_what[item], realism=1 + at, ms=10)
    file = sitting.finish(run, "ann")
    assert sitting.answers_files(run) == [file]
    found = zoo.turing.score(run.turing, [file])
    assert found["readers"][0]["complete"]
    assert found["readers"][0]["accuracy"]["value"] == 1
    before = file.read_bytes()
    with pytest.raises(UsageError, match="is finished"):
        sitting.answer(run, "ann", 0, said="real")
    assert sitting.finish(run, "ann").read_bytes() == before


@pytest.mark.parametrize("wrong", [{"said": "fake"}, {"realism": 6}, {"realism": -1}, {"ms": -1}])
def test_an_answer_out_of_range_is_wrong_use(run, wrong):
    sitting.begin(run, "ann")
    with pytest.raises(UsageError, match="out of range"):
        sitting.answer(run, "ann", 0, **wrong)


def test_answers_that_came_from_elsewhere_are_never_written_over(run):
    answers = run.turing / "answers-ann.json"
    answers.write_text("{}")
    with pytest.raises(UsageError, match="'ann' has answered already; choose another"):
        sitting.begin(run, "Ann")
    assert answers.read_text() == "{}"


def test_a_damaged_reading_and_one_of_another_study_are_told_and_kept(run):
    sitting.begin(run, "ann")
    file = run.turing / "readings" / "ann.json"
    good = json.loads(file.read_text())
    for wrong in ({"order": good["order"][1:]}, {"marks": {"x": {}}}, {"marks": []}, {"more": 1}):
        file.write_text(json.dumps({**good, **wrong}))
        with pytest.raises(ZooError, match=r"ann\.json is damaged"):
            sitting.answer(run, "ann", 0, said="real")
        assert json.loads(file.read_text()) == {**good, **wrong}
    file.write_text(json.dumps({**good, "study": "other"}))
    with pytest.raises(ZooError, match="is of study other"):
        sitting.begin(run, "ann")


def test_both_sides_are_shown_alike_and_carry_no_text(run):
    study = Study.read(run.turing)
    pictures = read_page(run.turing / "study.html", study)
    assert set(pictures.png) == set(study.items)
    seen = set()
    for item in study.items:
        png, width = pictures.shown(item, 320)
        image = Image.open(io.BytesIO(png))
        seen.add((image.size, image.mode, tuple(image.info), width))
        plain = np.asarray(Image.open(io.BytesIO(pictures.png[item])))
        assert (np.asarray(image)[::10, ::10] == plain).all()
    assert seen == {((320, 320), "L", (), 320)}
    assert pictures.shown(item, 20)[1] == 20
    with pytest.raises(ZooError, match="not the page that was made"):
        read_page(run.turing / "study.html", replace(study, page_sha256="0"))


def test_the_hint_of_power_is_the_table_of_the_documentation():
    text = DOCS.read_text(encoding="utf-8")
    table = text.partition("1 reader | 2 | 3 | 5 | 8 |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", table, re.M)
    assert {int(n): tuple(int(c) for c in re.findall(r"(\d+) %", cells)) for n, cells in rows} == (
        power.POWER
    )
    assert "With 100 images (half of them real)" in power.hint(60)
    assert "53 % with 5 readers" in power.hint(20)
    assert "too few" in power.hint(19)


@pytest.mark.parametrize(
    ("right", "said"),
    [(4, "do not show a difference"), (16, "show more right ones"), (0, "show fewer right ones")],
)
def test_the_result_says_what_the_exact_test_against_guessing_shows(right, said):
    n = 4 if right == 4 else 20
    sides = {side: {"mean": 3.0, "sd": 1.0, "n": n} for side in ("real", "generated")}
    row = {"accuracy": share(right, n), "p_guessing": guessing_p(right, n), "answered": n,
           "generated_recognised": share(1, 2), "real_recognised": share(1, 2),
           "realism": sides}  # fmt: skip
    assert said in in_words(row)[1]


SCRIPT = "from zoo.app import reading\nfrom zoo.runs import Run\nreading.show(Run.open({!r}))"


@pytest.fixture
def page():
    testing = pytest.importorskip("streamlit.testing.v1", reason="needs streamlit")
    return lambda run: testing.AppTest.from_string(SCRIPT.format(str(run.path)), default_timeout=60)


def press(page, label):
    next(button for button in page.button if button.label == label).click()
    return page.run()


def words(page):
    kinds = (page.markdown, page.caption, page.info, page.success, page.error, page.warning)
    return " ".join(element.value for kind in kinds for element in kind)


def begin(page, code):
    page.run()
    page.text_input[0].set_value(code)
    return press(page, "Start")


def test_a_person_reads_a_study_from_beginning_to_end_in_the_app(run, page):
    is_what = truth(run)
    shown = begin(page(run), "Ann")
    order = sitting.begin(run, "ann").order
    for at in range(4):
        assert shown.get("progress")[0].proto.text == f"Image {at + 1} of 4"
        press(shown, is_what[order[at]].capitalize())
        press(shown, str(at + 2))
        # Nothing that the browser has got tells the sides, before the end.
        sent = " ".join(str(element.proto) for element in shown.main)
        assert not [item for item in order if item in sent]
        assert "right" not in words(shown).replace("cannot be changed any more, and you see how "
                                                   "many were right", "")  # fmt: skip
    assert sitting.answers_files(run) == []
    press(shown, "Finish")
    assert not shown.exception
    assert not shown.error
    assert "4 of 4 images were called what they are" in words(shown)
    assert "do not show a difference from guessing" in words(shown)  # four of four are too few
    held = json.loads((run.turing / "answers-ann.json").read_text())
    assert [row["realism"] for row in held["answers"]] == [2, 3, 4, 5]
    press(shown, "Score all")
    assert json.loads(run.turing_path.read_text())["readers"][0]["reader"] == "ann"
    assert "within ± 10 points" in words(shown)
    assert claims.forbidden(words(shown)) == []


@pytest.mark.slow
def test_after_a_reload_the_same_code_goes_on_and_answers_can_be_corrected(run, page):
    shown = begin(page(run), "ann")
    press(shown, "Real")
    press(shown, "5")
    again = begin(page(run), "Ann")
    assert again.get("progress")[0].proto.text == "Image 2 of 4"
    press(again, "Back")
    press(again, "Generated")
    assert again.get("progress")[0].proto.text == "Image 1 of 4"
    press(again, "Next")
    mark = sitting.begin(run, "ann").mark(0)
    assert (mark.answer, mark.realism) == ("generated", 5)
    press(again, "Stop here")
    assert "You will see 4 images" in words(again)


def test_a_study_is_made_in_the_app_and_a_code_that_does_not_fit_is_one_line(trained, page):
    folder = trained.turing
    hidden = folder.rename(folder.with_name("hidden"))
    try:
        shown = page(trained).run()
        assert "With 100 images" in words(shown)
        shown.number_input[0].set_value(3)
        press(shown, "Make the study")
        assert len(Study.read(trained.turing).items) == 6
        press(shown, "Go on to it")
        assert "You will see 6 images" in words(shown)
    finally:
        folder.rename(folder.with_name("made"))
        hidden.rename(folder)
