"""Thumbs up or down under a generated image."""

import streamlit as st

from zoo.app.words import plain, told
from zoo.errors import ZooError
from zoo.feedback import BAD, GOOD, WITHDRAWN, Shown, add, new_session, parse_tags
from zoo.runs import Run

THUMBS = (BAD, GOOD)  # as Streamlit numbers them


@st.fragment
def opinion(
    run: Run, image_id: int, *, seed: int, label: str | None, truncation: float, step: int
) -> None:
    """Ask for an opinion on an image, and keep it in the run at once.

    Args:
        run: Its `feedback.jsonl` is appended to.
        image_id: Place of the image in the sample of its seed, from 0.
        seed: Of the latents.
        label: Name of the class that was asked for, if one was.
        truncation: Factor on the latents.
        step: Of the snapshot.
    """
    image = Shown(step=step, seed=seed, index=image_id, label=label or "", truncation=truncation)
    key = f"{run.path} {image}"
    kept: dict[str, tuple[str, tuple[str, ...]]] = st.session_state.setdefault("opinions", {})
    if key in kept and f"thumb {key}" not in st.session_state:  # another image was shown since
        before, tags = kept[key]
        st.session_state[f"thumb {key}"] = THUMBS.index(before) if before in THUMBS else None
        st.session_state[f"tags {key}"] = ", ".join(tags)
    thumb = st.feedback("thumbs", key=f"thumb {key}")
    said = WITHDRAWN if thumb is None else THUMBS[thumb]
    try:
        tags = _tags(key) if thumb is not None else ()
        if (said, tags) != kept.get(key, (WITHDRAWN, ())):
            session = st.session_state.setdefault("opinions session", new_session())
            add(run, image, said, session=session, tags=tags)
            kept[key] = said, tags
    except ZooError as error:
        st.error(told(error))
    if key in kept:
        said, tags = kept[key]
        st.caption(f"kept: {said}{plain('; ' + ', '.join(tags)) if tags else ''}")


def _tags(key: str) -> tuple[str, ...]:
    text = st.text_input(
        "Tags",
        key=f"tags {key}",
        placeholder="why? blurry, …",
        max_chars=200,
        label_visibility="collapsed",
    )
    return parse_tags(text)
