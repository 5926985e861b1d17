"""The page itself, which Streamlit runs from top to bottom whenever something is chosen."""

import sys
import traceback
from importlib import import_module
from pathlib import Path

import streamlit as st

from zoo.app.sidebar import chosen_run
from zoo.app.words import plain, told
from zoo.errors import ZooError
from zoo.runs import Run

# Each is a module of this package, imported when it is chosen.
SCREENS = {
    "Generate": "generating",
    "Training": "training",
    "Between images": "between",
    "Measurements": "measurements",
    "Real or generated?": "asking",
    "Label": "labelling",
    "Reader study": "reading",
}


def main() -> None:
    """Draw the sidebar and the chosen screen; a known failure is one line."""
    st.set_page_config(page_title="zoo", layout="centered", initial_sidebar_state="auto")
    try:
        run = chosen_run(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
        if run is not None:
            _show(run)
    except ZooError as error:
        st.error(told(error))
    except Exception as error:
        traceback.print_exc()  # on the terminal, for whoever mends it
        st.error(
            plain(f"Something failed that should not: {type(error).__name__}: {error}.")
            + " The terminal in which zoo app runs says where."
        )


def _show(run: Run) -> None:
    screen = st.segmented_control(
        "Screen",
        list(SCREENS),
        default="Generate",
        required=True,
        key="screen",
        bind="query-params",
        label_visibility="collapsed",
    )
    import_module(f"zoo.app.{SCREENS[screen]}").show(run)


if __name__ == "__main__":
    main()
