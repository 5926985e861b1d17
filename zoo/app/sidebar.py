"""Which run is shown, what is known of it, and what may be said of it."""

from pathlib import Path
from typing import Any

import streamlit as st

from zoo.app.words import plain, told
from zoo.claims import NOTICE
from zoo.report.numbers import count, moment
from zoo.runs import Run
from zoo.runs.find import find_run
from zoo.runs.folder import list_runs
from zoo.runs.summary import summary

ALL = "all"
STATES = {
    "running": "This run is still training. What it has stored so far can be looked at.",
    "interrupted": "This run was interrupted ({reason}). What it has stored can be looked at; "
    "`zoo run --resume {path}` in a terminal continues it.",
    "failed": "This run failed: {reason}. What it has stored until then can be looked at.",
    "damaged": "This run cannot be read: {reason}. `zoo runs list` shows the others.",
}
NO_RUNS = (
    "There are no runs in `{parent}` yet. To train a first generator, type in a terminal: "
    "`zoo run dcgan --data bbbc`. A folder elsewhere is chosen with `zoo app --runs FOLDER`."
)


def chosen_run(parent: Path, wanted: str | None = None) -> Run | None:
    """Draw the sidebar and the run's heading; the run to show, `None` if there is none to show.

    Args:
        parent: The folder that holds the runs.
        wanted: The run to begin with: a path, a name or a number.
    """
    rows = {row["name"]: row for row in _summaries(str(parent))}
    first = _with_row(find_run(wanted, parent), rows) if wanted else None
    if not rows:
        st.info(told(NO_RUNS.format(parent=parent)))
        return None
    with st.sidebar:
        row = rows[_choice(rows, first)]
        _facts(row)
    _heading(row)
    return None if row["status"] == "damaged" else Run.open(row["path"])


@st.cache_data(ttl=5, show_spinner=False)
def _summaries(parent: str) -> list[dict[str, Any]]:
    """A line for each run; a training changes them, and a list of many takes time to read."""
    return [summary(run) for run in list_runs(Path(parent))]


def _with_row(run: Run, rows: dict[str, dict[str, Any]]) -> str:
    """The name of a run that may lie elsewhere, under which it is among the rows."""
    name, known = run.path.resolve().name, summary(run)
    if name in rows and Path(rows[name]["path"]).resolve() != run.path.resolve():
        name = str(run.path)  # as that of a run that was pulled may be
        known["name"] = name
    rows.setdefault(name, known)
    return name


def _choice(rows: dict[str, dict[str, Any]], first: str | None) -> str:
    data = sorted({str(row["data"]) for row in rows.values() if row["data"]})
    chosen = st.selectbox("Dataset", [ALL, *data], key="dataset") if len(data) > 1 else ALL
    names = [name for name, row in rows.items() if chosen in (ALL, str(row["data"]))][::-1]
    index = names.index(first) if first in names else 0
    return st.selectbox(
        "Run",
        names,
        index=index,
        key="run",
        bind="query-params",
        format_func=lambda name: _title(rows[name]),
    )


def _title(row: dict[str, Any]) -> str:
    state = "" if row["status"] == "finished" else f" ({row['status']})"
    return f"{row['name']}{state}"


def _facts(row: dict[str, Any]) -> None:
    shown = "" if row["kimg"] is None else count(round(1000 * row["kimg"]))
    facts = {
        "Status": row["status"],
        "Started": moment(row["started"]),
        "Real images shown in training": shown,
        "Training steps": "" if row["step"] is None else count(row["step"]),
    }
    lines = [f"{name}: {plain(value)}" for name, value in facts.items() if value not in ("", "–")]
    st.caption("  \n".join(lines))


def _heading(row: dict[str, Any]) -> None:
    st.subheader(f"{plain(row['generator'] or row['name'])} on {plain(row['data'] or '–')}")
    st.caption(f"{plain(row['name'])} · {NOTICE}")
    if row["status"] in STATES:
        reason = str(row["reason"] or "nobody knows why").rstrip(".")
        show = st.error if row["status"] in ("failed", "damaged") else st.warning
        show(told(STATES[row["status"]].format(reason=reason, path=row["path"])))
