"""An image to judge, and buttons beside it of which one is chosen."""

from typing import Any

import streamlit as st

SMALL, LARGE = 320, 640  # CSS pixels; the small one leaves room on a telephone and beside it


def ask_side() -> None:
    """Ask whether images are to be shown larger; it holds for all of them."""
    kept = st.session_state.get("larger", False)
    if (wanted := st.toggle("Larger images", value=kept)) != kept:
        st.session_state["larger"] = wanted
        st.rerun()


def side() -> int:
    """The longer side at which images are shown."""
    return LARGE if st.session_state.get("larger") else SMALL


def places() -> Any:
    """Where the image goes, and where the answers: beside it, or below where it is large."""
    return (st.container(), st.container()) if side() == LARGE else st.columns(2)


def row() -> Any:
    """A row of buttons; where it is too narrow, they go on in the next."""
    return st.container(horizontal=True, gap="small")


def choice(label: str, *, key: str, chosen: bool, shortcut: str | None = None) -> bool:
    """Draw a button that is filled where it is what was chosen before; whether it was pressed.

    Args:
        label: Markdown.
        key: With the place of the image in it, so that a double click does not answer twice.
        chosen: Whether to fill it.
        shortcut: A key of the keyboard that presses it.
    """
    return st.button(
        label,
        key=key,
        shortcut=shortcut,
        type="primary" if chosen else "secondary",
        width="stretch",
        wrap=True,
    )


def move(label: str, *, key: str, shortcut: str | None = None, possible: bool = True) -> bool:
    """Draw a button that leads to another image; whether it was pressed."""
    disabled = not possible
    return st.button(label, key=key, shortcut=shortcut, disabled=disabled, width="stretch")
