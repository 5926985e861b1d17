"""Opinions and labels as a person gives them in the app."""

import numpy as np
import pytest

from zoo import feedback, labelling
from zoo.labelling import Judgement
from zoo.runs import Run, write_bytes
from zoo.runs.pictures import encode_png

testing = pytest.importorskip("streamlit.testing.v1", reason="needs streamlit")

HOSTILE = "![x](http://127.0.0.1/x) <b>"
OPINION = """
from zoo.app.opinion import opinion
from zoo.runs import Run
for index in range(2):
    opinion(Run.open({!r}), index, seed=3, label={!r}, truncation=0.7, step=4)
"""
LABELS = "from zoo.app import labelling\nfrom zoo.runs import Run\nlabelling.show(Run.open({!r}))"


@pytest.fixture
def run(tmp_path):
    made = Run.create(tmp_path, "cgan", "own")
    made.write_recipe({"generator": "cgan"})
    made.update_manifest(class_names=["round", HOSTILE])
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1), np.uint8)
    for number, image in enumerate(pixels):
        write_bytes(made.generated / f"{number:05d}.png", encode_png(image))
    return made


def open_page(text, *arguments):
    return testing.AppTest.from_string(text.format(*arguments), default_timeout=60).run()


def press(page, label):
    next(button for button in page.button if button.label == label).click()
    page.run()
    assert not page.exception
    return page


def captions(page):
    return [caption.value for caption in page.caption]


def thumb(page, number, value):
    page.get("feedback")[number].set_value(value)
    page.run()
    assert not page.exception


def test_a_thumb_is_kept_at_once_with_what_makes_the_image_again(run):
    page = open_page(OPINION, str(run.path), HOSTILE)
    assert not page.text_input
    thumb(page, 1, 0)
    assert captions(page) == ["kept: bad"]
    page.text_input[0].set_value("Blurry, *dark*")
    page.run()
    assert captions(page) == [r"kept: bad; blurry, \*dark\*"]
    thumb(page, 1, 1)
    opinions, damaged = feedback.read(run)
    assert damaged == []
    assert [one.opinion for one in opinions] == ["bad", "bad", "good"]
    assert {one.image for one in opinions} == {
        feedback.Shown(step=4, seed=3, index=1, label=HOSTILE, truncation=0.7)
    }
    assert [one.tags for one in feedback.in_force(opinions)] == [("blurry", "*dark*")]


@pytest.mark.slow
def test_a_page_that_is_drawn_again_says_nothing_twice(run):
    page = open_page(OPINION, str(run.path), "")
    thumb(page, 0, 1)
    for _ in range(3):
        page.run()
    assert len(feedback.read(run)[0]) == 1
    thumb(page, 0, None)
    assert captions(page) == ["kept: withdrawn"]
    assert feedback.in_force(feedback.read(run)[0]) == []


def test_tags_that_do_not_fit_are_one_line_and_lose_nothing(run):
    page = open_page(OPINION, str(run.path), "")
    thumb(page, 0, 1)
    page.text_input[0].set_value("x" * 31)
    page.run()
    assert len(page.error) == 1
    assert captions(page) == ["kept: good"]


def label(run, code="Ann"):
    page = open_page(LABELS, str(run.path))
    page.text_input(key="labelling code").set_value(code)
    page.run()
    assert not page.exception
    return page


def test_images_are_labelled_one_after_another_and_the_page_goes_on(run):
    page = label(run)
    press(page, "Accept")
    press(page, "round")
    assert page.get("progress")[0].proto.text == "2 of 3 images are labelled"
    page = label(run, "ann")
    assert page.get("progress")[0].proto.text == "2 of 3 images are labelled"
    next(i for i in page.text_input if i.label == "Another label").set_value("two  nuclei")
    press(page, "Label")
    assert "You have seen all images." in page.success[0].value
    press(page, "Back")
    press(page, "Reject")
    assert labelling.read(run, "generated", "ann") == {
        "00000.png": Judgement("accept"),
        "00001.png": Judgement("accept", "round"),
        "00002.png": Judgement("reject"),
    }


def test_back_and_skip_leave_what_was_said(run):
    page = label(run)
    press(page, "Skip")
    press(page, "Reject")
    press(page, "Skip")
    press(page, "To the first image that is left")
    press(page, "Accept")
    press(page, "Back")
    press(page, "Take back")
    assert labelling.read(run, "generated", "ann") == {"00001.png": Judgement("reject")}


def test_a_hostile_class_is_shown_as_text_and_labels_as_it_is(run):
    page = label(run)
    shown = [button.label for button in page.button if "127" in button.label]
    assert shown == [r"\!\[x\]\(http\:\/\/127\.0\.0\.1\/x\) \<b\>"]
    press(page, shown[0])
    assert labelling.read(run, "generated", "ann")["00000.png"].label == HOSTILE


@pytest.mark.slow
def test_two_annotators_see_how_far_they_agree(run):
    for code, answers in (("ann", ("Accept", "Reject", "Reject")), ("bob", ("Accept",) * 3)):
        page = label(run, code)
        for answer in answers:
            press(page, answer)
    texts = " ".join(element.value for element in page.markdown)
    assert "All say the same of 33% of 3 images." in texts
    assert "Cohen’s κ: **0.00**" in texts
