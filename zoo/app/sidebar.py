"""Which run is shown, and what may be said of it."""

from pathlib import Path

import streamlit as st

from zoo.claims import NOTICE
from zoo.runs import Run
from zoo.runs.find import find_run
from zoo.runs.folder import list_runs


def chosen_run(parent: Path, wanted: str | None = None) -> Run | None:
    """Draw the sidebar; the run that is chosen in it, `None` if there are none.

    Args:
        parent: The folder that holds the runs.
        wanted: The run to begin with: a path, a name or a number.
    """
    runs = list_runs(parent)
    if not runs:
        st.info("no runs")
        return None
    names = [run.name for run in runs][::-1]
    first = names.index(find_run(wanted, parent).name) if wanted else 0
    with st.sidebar:
        name = st.selectbox("Run", names, index=first)
        st.caption(NOTICE)
    return Run.open(parent / name)
