"""Buttons of which one is chosen."""

from typing import Any

import streamlit as st


def choice(label: str, *, key: str, chosen: bool, place: Any = st, **options: Any) -> bool:
    """Draw a button that is filled where it is what was chosen before; whether it was pressed.

    Args:
        label: Markdown.
        key: With the place of the image in it, so that a double click does not answer twice.
        chosen: Whether to fill it.
        place: The column to draw it in.
        **options: Of `streamlit.button`.
    """
    kind = "primary" if chosen else "secondary"
    pressed: bool = place.button(label, key=key, type=kind, **options)
    return pressed
