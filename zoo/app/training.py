"""How a generator learnt: its samples over time, its losses, and what they say."""

import streamlit as st

from zoo.app.pictures import enlarged_picture
from zoo.app.words import told
from zoo.gan.monitors import Verdict, equilibrium
from zoo.report.contents import Contents, read
from zoo.report.figures import training_curves
from zoo.report.findings import convergence
from zoo.report.plot import Curve
from zoo.report.scale import pixel_width
from zoo.runs import Run

SHOWN = {"bad": st.error, "note": st.warning, "fine": st.success, "fact": st.info}


def show(run: Run) -> None:
    """Draw the screen of a run."""
    contents = read(run)
    findings(convergence(contents))
    _samples(run, contents)
    curves = _curves(str(run.path), _stamp(run), contents)
    if not curves:
        st.info("Nothing was logged yet that could be drawn.")
    for curve in curves:
        st.markdown(f"**{curve.title}**")
        st.image(curve.svg, caption=told(curve.caption), alt=curve.alt, width="stretch")


def _stamp(run: Run) -> int:
    """Changes when something is logged."""
    return run.metrics_path.stat().st_size if run.metrics_path.is_file() else 0


@st.cache_data(max_entries=8, show_spinner=False)
def _curves(path: str, stamp: int, _contents: Contents) -> list[Curve]:
    """Drawn once, for it takes longer than all else on the screen."""
    return training_curves(_contents.rows, equilibrium(_contents.manifest))


def findings(found: list[Verdict]) -> None:
    """What was found, the title in bold and the figures behind it after it."""
    for verdict in found:
        SHOWN[verdict.level](f"**{told(verdict.title)}.** {told(verdict.text)}")


def _samples(run: Run, contents: Contents) -> None:
    steps = list(contents.samples)
    if not steps:
        st.info("No samples are stored yet; training writes the first at its beginning.")
        return
    step = steps[-1]
    if len(steps) > 1:
        step = st.select_slider(
            "Training step", steps, step, key=f"sample {run.name}", format_func=lambda s: f"{s:,}"
        )
    picture = enlarged_picture(contents.samples[step].read_bytes(), pixel_width(contents.data))
    st.image(
        picture,
        caption="The same latents at every step, so that only the generator changes.",
        alt=f"Grid of generated images at training step {step}",
        width="stretch",
    )
    if animation := contents.pictures.get("animation"):
        with st.expander("All steps as an animation"):
            st.image(
                str(animation),
                alt="The same grid at one step after another",
                width="stretch",
            )
