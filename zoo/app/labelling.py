"""Label images one at a time; what is said lies in the run's folder `labels`."""

import streamlit as st

from zoo import labelling
from zoo.app.judging import ask_side, choice, move, places, row, side
from zoo.app.words import plain
from zoo.data.imageset import PARTS
from zoo.labelling import ACCEPT, GENERATED, REAL, REJECT, Items, Judgement
from zoo.runs import Run

CHOICES = {
    "Generated": (GENERATED, ""),
    "Real: training": (REAL, PARTS[0]),
    "Real: held out for detectors": (REAL, PARTS[1]),
    "Real: validation": (REAL, PARTS[2]),
    "Real: test": (REAL, PARTS[3]),
}


def show(run: Run) -> None:
    """Draw the screen."""
    st.subheader("Label images")
    left, right = st.columns(2)
    chosen = left.selectbox("Images", list(CHOICES))
    code = right.text_input(
        "Your code",
        key="labelling code",
        max_chars=40,
        placeholder="such as reader-a",
        help="It is the name of your file: letters a to z, digits, - and _. Write no name.",
    )
    if not code.strip():
        st.info(
            "Type a code to begin. The same code goes on where it stopped, also after a reload."
        )
        return
    items = _items(str(run.path), *CHOICES[chosen])
    said = labelling.read(run, items.source, code)
    place = f"labelling {run.path} {chosen} {code.strip().lower()}"
    at = st.session_state.setdefault(place, _first_left(items, said))
    done = sum(path in said for path in items.paths)
    st.progress(done / len(items.paths), f"{done:,} of {len(items.paths):,} images are labelled")
    if at < len(items.paths):
        _image(run, items, code, said, place)
    else:
        _end(items, said, place)
    _files(run, items.source, code)
    _agreement(run, items.source)


@st.cache_resource(max_entries=4, show_spinner="Opening the images")
def _items(path: str, source: str, part: str) -> Items:
    run = Run.open(path)
    return (
        labelling.generated_items(run) if source == GENERATED else labelling.real_items(run, part)
    )


def _first_left(items: Items, said: dict[str, Judgement]) -> int:
    left = (at for at, path in enumerate(items.paths) if path not in said)
    return next(left, len(items.paths))


def _image(run: Run, items: Items, code: str, said: dict[str, Judgement], place: str) -> None:
    at = st.session_state[place]
    path = items.paths[at]
    picture, answers = places()
    picture.image(
        items.picture(at, side()), alt=f"Image {at + 1}", caption=plain(_caption(items, at))
    )
    with answers:
        judgement = _judged(items, said, at)
    if judgement is not None:
        labelling.record(run, items.source, code, path, judgement)
        _go(place, at + 1)
    _moves(run, items, code, said, place)
    ask_side()


def _moves(run: Run, items: Items, code: str, said: dict[str, Judgement], place: str) -> None:
    at = st.session_state[place]
    path = items.paths[at]
    with row():
        if move("Back", key=f"back {at}", shortcut="b", possible=at > 0):
            _go(place, at - 1)
        if move("Skip", key=f"skip {at}", shortcut="s"):
            _go(place, at + 1)
        if move("Take back", key=f"clear {at}", possible=path in said):
            labelling.record(run, items.source, code, path, None)
            st.rerun()


def _caption(items: Items, at: int) -> str:
    return ". ".join(filter(None, [f"{at + 1}: {items.paths[at]}", items.notes(at)]))


def _judged(items: Items, said: dict[str, Judgement], at: int) -> Judgement | None:
    """Draw the answers; the one that was just given."""
    before, found = said.get(items.paths[at]), None
    with row():
        for decision, key in ((ACCEPT, "a"), (REJECT, "x")):
            about = {"key": f"{decision} {at}", "shortcut": key}
            if choice(decision.capitalize(), chosen=before == Judgement(decision), **about):
                found = Judgement(decision)
    typed = {one.label for one in said.values()} - {"", *items.classes}
    with row():
        for number, label in enumerate([*items.classes, *sorted(typed)]):
            digit = str(number + 1) if number < 9 else None
            marked = before == Judgement(ACCEPT, label)
            if choice(plain(label), key=f"label {number} {at}", chosen=marked, shortcut=digit):
                found = Judgement(ACCEPT, label)
    with (
        st.form(f"other {at}", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        other = st.text_input("Another label", max_chars=labelling.LONGEST_LABEL)
        if st.form_submit_button("Label") and other.strip():
            found = Judgement(ACCEPT, " ".join(other.split()))
    return found


def _end(items: Items, said: dict[str, Judgement], place: str) -> None:
    left = _first_left(items, said)
    st.success("You have seen all images.")
    if left < len(items.paths) and st.button("To the first image that is left", type="primary"):
        _go(place, left)
    if st.button("Back", key="back end", shortcut="b"):
        _go(place, len(items.paths) - 1)


def _go(place: str, at: int) -> None:
    st.session_state[place] = at
    st.rerun()


def _files(run: Run, source: str, code: str) -> None:
    found = labelling.files_of(run, source, code)
    if not found:
        return
    with st.expander("Your files"):
        for option, path in found.items():
            st.download_button(
                f"{path.name}, for {option}", path.read_bytes(), path.name, "text/csv", key=option
            )
        st.caption(plain(f"They lie in {found['--labels'].parent}."))


def _agreement(run: Run, source: str) -> None:
    if len(labelling.annotators(run, source)) < 2:
        return
    with st.expander("Agreement of annotators"):
        found = labelling.agreement(run, source)
        for one in found["annotators"]:
            st.markdown(f"- {plain(one['code'])}: {one['images']:,} images")
        if found["agreeing"] is not None:
            st.markdown(f"All say the same of {found['agreeing']:.0%} of {found['images']} images.")
        if found["kappa"] is None:
            st.markdown(f"{found['name']}: not computed, {plain(found['reason'])}.")
        else:
            st.markdown(
                f"{found['name']}: **{found['kappa']:.2f}**; 1 is full agreement, 0 what chance "
                "gives."
            )
