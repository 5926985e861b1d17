"""A reader study in the app: real or generated, and how realistic?

Until a reader has finished, nothing that the browser gets tells the sides apart: no id, no name of
a file, no order, no result.
"""

import time
from typing import Any

import streamlit as st

from zoo import turing
from zoo.app.judging import ask_side, choice, move, places, row, side
from zoo.app.words import plain
from zoo.claims import NOTICE
from zoo.evaluation.turing import sitting as sittings
from zoo.evaluation.turing.answers import read_answers
from zoo.evaluation.turing.power import hint
from zoo.evaluation.turing.readings import judge
from zoo.evaluation.turing.sitting import Sitting
from zoo.evaluation.turing.study import GENERATED, KEY, PAGE, REAL, SCALE, Study
from zoo.report.readers import in_words, together
from zoo.report.study import Pictures, read_page
from zoo.runs import Run

KEYS = {REAL: "left", GENERATED: "right"}


def show(run: Run) -> None:
    """Draw the screen."""
    st.subheader("Real or generated? A reader study")
    if not (run.turing / KEY).is_file():
        _make(run)
        return
    study = Study.read(run.turing)
    state = st.session_state.setdefault(f"reading {run.path} {study.id}", {})
    if "reader" not in state:
        _introduce(run, study, state)
        return
    sitting = sittings.begin(run, state["reader"])
    if sitting.finished:
        _result(run, study, sitting, state)
    elif state["at"] < len(sitting.order):
        _read(run, study, sitting, state)
    else:
        _end(run, sitting, state)


def _make(run: Run) -> None:
    st.markdown(
        "This run has no study yet. A study has as many real images, held out from the training, "
        "as generated ones. Its images and the margin are fixed before anybody reads."
    )
    left, right = st.columns(2)
    n = left.number_input("Images of each kind", turing.FEWEST, turing.MOST, 50)
    points = right.number_input("What counts as guessing: 50 % ± points", 1, 49, 10)
    st.caption(plain(hint(int(n))))
    if st.button("Make the study", type="primary"):
        with st.spinner("Opening the data and generating"):
            made = turing.make(run, n=int(n), margin=points / 100)
        st.success(f"The study {made['study']} is there.")
        if made["warning"]:
            st.warning(plain(made["warning"]))
        st.button("Go on to it")


def _introduce(run: Run, study: Study, state: dict[str, Any]) -> None:
    data = study.protocol["comparable"].get("data", "")
    st.markdown(
        f"You will see {len(study.items)} images of **{plain(data)}**, one after another. Half of "
        "them are real; the other half a computer has made. Of each image please say whether it is "
        "**real** or **generated** (guess where you cannot tell), and how **realistic** it looks, "
        "from 1, surely artificial, to 5, entirely realistic."
    )
    st.markdown(
        "There is no time limit, and you are not told whether you are right. Each answer is kept "
        "at once; after a break or a reload the same code goes on where it was."
    )
    with st.form("reader"):
        code = st.text_input(
            "A code of your choice",
            max_chars=40,
            placeholder="such as reader-a",
            help="It will stand in your file and beside your results. Letters a to z, digits, "
            "- and _.",
        )
        role = st.text_input("Your role and experience with such images (optional)", max_chars=200)
        if st.form_submit_button("Start", type="primary") and code.strip():
            sitting = sittings.begin(run, code, role)
            state.update(reader=sitting.reader, at=sitting.next)
            st.rerun()
    st.caption(NOTICE)


@st.cache_resource(max_entries=2, show_spinner="Opening the images")
def _pictures(path: str, page_sha256: str) -> Pictures:
    run = Run.open(path)
    return read_page(run.turing / PAGE, Study.read(run.turing))


def _read(run: Run, study: Study, sitting: Sitting, state: dict[str, Any]) -> None:
    at, total = state["at"], len(sitting.order)
    if state.get("shown") != at:
        state.update(shown=at, since=time.monotonic())
    st.progress(sitting.answered / total, f"Image {at + 1} of {total}")
    pictures = _pictures(str(run.path), study.page_sha256)
    png, width = pictures.shown(sitting.order[at], side())
    picture, answers = places()
    picture.image(png, width=width, alt=f"Image {at + 1} of {total}")
    before = sitting.mark(at)
    with answers:
        said = _answers(at, before)
    if said is not None:
        ms = round(1000 * (time.monotonic() - state["since"]))
        now = sittings.answer(run, sitting.reader, at, ms=ms, **said).mark(at)
        step = now.complete and not before.complete
        state.update(at=at + step, since=time.monotonic())
        st.rerun()
    _moves(at, before.complete, state)


def _answers(at: int, before: sittings.Mark) -> dict[str, Any] | None:
    """Draw the answers; the one that was just given."""
    found: dict[str, Any] | None = None
    st.markdown("This image is")
    with row():
        for name, key in KEYS.items():
            chosen = before.answer == name
            if choice(name.capitalize(), key=f"{name} {at}", chosen=chosen, shortcut=key):
                found = {"said": name}
    st.markdown("How realistic does it look?")
    st.html("<style>.st-key-realism kbd { display: none }</style>")  # the key is the label
    with st.container(key="realism"), row():
        for value in range(SCALE[0], SCALE[1] + 1):
            name, chosen = str(value), before.realism == value
            if choice(name, key=f"realism {value} {at}", chosen=chosen, shortcut=name):
                found = {"realism": value}
    st.caption("1: surely artificial, 5: entirely realistic")
    return found


def _moves(at: int, complete: bool, state: dict[str, Any]) -> None:
    with row():
        if move("Back", key=f"back {at}", shortcut="b", possible=at > 0):
            _go(state, at - 1)
        if move("Stop here", key=f"stop {at}"):
            del state["reader"]
            st.rerun()
        if move("Next", key=f"next {at}", shortcut="n", possible=complete):
            _go(state, at + 1)
    ask_side()


def _go(state: dict[str, Any], at: int) -> None:
    state["at"] = at
    st.rerun()


def _end(run: Run, sitting: Sitting, state: dict[str, Any]) -> None:
    left = len(sitting.order) - sitting.answered
    if left:
        st.info(f"{left} images are not answered yet.")
        if st.button("To the first of them", type="primary"):
            _go(state, sitting.next)
        return
    st.markdown(
        f"All {len(sitting.order)} images are answered. Once you finish, answers cannot be changed "
        "any more, and you see how many were right."
    )
    if st.button("Finish", type="primary"):
        sittings.finish(run, sitting.reader)
        st.rerun()
    if st.button("Back to the images", shortcut="b"):
        _go(state, len(sitting.order) - 1)


def _result(run: Run, study: Study, sitting: Sitting, state: dict[str, Any]) -> None:
    own = sittings.finish(run, sitting.reader)
    found = judge(study, read_answers([own], study))
    st.markdown("**Thank you.** What your answers say:")
    for sentence in in_words(found["readers"][0]):
        st.markdown(f"- {plain(sentence)}")
    st.download_button("Download your answers", own.read_bytes(), own.name, "application/json")
    if st.button("Another reader"):
        del state["reader"]
        st.rerun()
    st.divider()
    _together(run, study)


def _together(run: Run, study: Study) -> None:
    files = sittings.answers_files(run)
    st.markdown(f"**All readers together** (files of answers in the run: {len(files)})")
    st.caption(
        "Score once, when all have read: who sees results early may stop when they please. It "
        "writes turing.json and the report."
    )
    if st.button("Score all", type="primary"):
        with st.spinner("Scoring"):
            found = turing.score(run, files)
        st.markdown(f"**{plain(found['verdict'][:1].upper() + found['verdict'][1:])}.**")
        for name, value in together(found):
            st.markdown(f"- {plain(name)}: {plain(value)}")
        for item in found["not_computed"]:
            st.markdown(f"- {plain(item['name'])}: not computed, {plain(item['reason'])}")
        st.markdown(
            "That equivalence is not shown does not show that readers can tell; that is what the "
            "interval is for."
        )
        st.caption(plain(found["limits"]))
    if warning := study.warning():
        st.warning(plain(warning))
