"""Images on the way from one seed to another, and styles of two mixed."""

from typing import Any

import streamlit as st

from zoo.app import made
from zoo.app.generating import (
    class_choice,
    keep_all,
    seed_choice,
    step_choice,
    truncation_choice,
)
from zoo.app.pictures import enlarged_grid, visible
from zoo.generating import Generated
from zoo.report.scale import pixel_width
from zoo.runs import Run

LARGE = 320
MIXED = 4


def show(run: Run) -> None:
    """Draw the screen of a run."""
    run.snapshot_step()
    st.markdown(
        "Images on the way from one to another. Where neighbours change little by little, the "
        "generator has learnt more than single images."
    )
    generated = made.images(run, 1, **_wanted(run))
    _walk(generated)
    keep_all(run, generated)
    _mixing(run, generated.facts["step"])


def _wanted(run: Run) -> dict[str, Any]:
    wanted: dict[str, Any] = {"class_name": class_choice(run)}
    wanted["seed"] = seed_choice("From seed", f"from {run.name}", 0)
    wanted["to_seed"] = seed_choice("To seed", f"to {run.name}", 1)
    with st.expander("More settings"):
        wanted["interpolate"] = st.slider("Images on the way", 3, 17, 9, key=f"way {run.name}")
        wanted["truncation"] = truncation_choice(f"way truncation {run.name}")
        wanted["step"] = step_choice(run, f"way step {run.name}")
    return wanted


def _walk(generated: Generated) -> None:
    last, width = len(generated.images) - 1, pixel_width(generated.data)
    place = st.slider("Place on the way", 0, last, 0)
    facts = generated.facts
    ends = f"from seed {facts['seed']} to seed {facts['interpolation']['to_seed']}"
    st.image(
        visible(generated.shown[place], width, LARGE),
        alt=f"Image {place} of {last} on the way {ends}",
    )
    st.image(
        enlarged_grid(generated.shown, last + 1),
        caption=f"All {last + 1}, {ends}",
        alt=f"{last + 1} images in a row, {ends}",
        width="stretch",
    )


def _mixing(run: Run, step: int) -> None:
    loaded = made.generator(run, step)
    if not getattr(loaded, "mixes_styles", False):
        return
    st.markdown("**Styles of two images mixed**")
    seed = seed_choice("Seed of the styles", f"styles {run.name}")
    st.image(
        enlarged_grid(made.mixed(run, MIXED, seed, step), MIXED + 1),
        caption="Each image has the coarse structure of the one at the left of its row, and the "
        "fine structure of the one at the top of its column.",
        alt=f"Table of {MIXED} by {MIXED} mixed images with the unmixed ones at its sides",
        width="stretch",
    )
