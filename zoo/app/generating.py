"""Images of a seed, each to keep, to judge and to make again."""

import secrets
import shlex
from pathlib import Path
from typing import Any

import streamlit as st

from zoo.app import made
from zoo.app.opinion import opinion
from zoo.app.pictures import SIDE, visible, zipped
from zoo.app.words import plain
from zoo.generating import Generated, class_names
from zoo.report.scale import pixel_width
from zoo.runs import Run
from zoo.settings import LARGEST_SEED

NUMBERS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)
KINDS = {".png": "image/png", ".tif": "image/tiff"}
ANY = "any, as often as in training"
MOST_TYPED = 10**6  # seeds that are drawn here are short enough to be written down


def show(run: Run) -> None:
    """Draw the screen of a run."""
    run.snapshot_step()  # told before anything is drawn, where there is none
    wanted = {"class_name": class_choice(run), **_number_and_seed(run), **_more(run)}
    generated = made.images(run, **wanted)
    _grid(run, generated)
    keep_all(run, generated)


def class_choice(run: Run) -> str | None:
    """Ask for a class, of a generator that has some."""
    names = class_names(run)
    if not names:
        return None
    # The position, for a class may be called what stands for all.
    chosen = st.selectbox(
        "Class",
        range(-1, len(names)),
        format_func=lambda i: ANY if i < 0 else names[i],
        key=f"class {run.name}",
    )
    return None if chosen < 0 else names[chosen]


def seed_choice(label: str, key: str, begin: int = 0) -> int:
    """Ask for a seed; a button draws another."""

    def another() -> None:
        st.session_state[key] = secrets.randbelow(MOST_TYPED)

    st.session_state.setdefault(key, begin)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input(
            label,
            min_value=0,
            max_value=LARGEST_SEED,
            step=1,
            key=key,
            width=200,
            help="The same seed and settings give the same images again.",
        )
        st.button("Another seed", on_click=another, key=f"another {key}")
    return int(seed)


def truncation_choice(key: str) -> float:
    """Ask for the factor on the latents."""
    return float(
        st.slider(
            "Truncation",
            0.1,
            1.5,
            1.0,
            0.05,
            key=key,
            help="Below 1 gives more typical and less varied images.",
        )
    )


def step_choice(run: Run, key: str) -> int:
    """Ask for a snapshot, of a run that has several; the last by default."""
    steps = run.snapshot_steps()
    if len(steps) < 2:
        return run.snapshot_step()
    return int(
        st.select_slider(
            "Generator as it was at training step",
            steps,
            steps[-1],
            key=key,
            format_func=lambda step: f"{step:,}",
        )
    )


def _number_and_seed(run: Run) -> dict[str, Any]:
    seed = seed_choice("Seed", f"seed {run.name}")
    number = st.select_slider("Number of images", NUMBERS, 8, key=f"number {run.name}")
    return {"n": int(number), "seed": seed}


def _more(run: Run) -> dict[str, Any]:
    with st.expander("More settings"):
        truncation = truncation_choice(f"truncation {run.name}")
        return {"truncation": truncation, "step": step_choice(run, f"step {run.name}")}


def keep_all(run: Run, generated: Generated) -> None:
    """Draw what downloads all images, and the command that makes them."""
    way = generated.facts.get("interpolation", {})
    end = f"-to-{way['to_seed']}" if "to_seed" in way else ""
    st.download_button(
        f"Download all {len(generated.images)} as ZIP",
        lambda: zipped(generated),
        f"{_file_name(run, generated)}{end}.zip",
        "application/zip",
        on_click="ignore",
    )
    st.caption("Synthetic images, marked as such inside each file. The same files are made by:")
    st.code(command_line(run, generated), language=None, wrap_lines=True)


def command_line(run: Run, generated: Generated) -> str:
    """The command that writes the same files."""
    facts = generated.facts
    way = facts.get("interpolation", {})
    count = way.get("rows", len(generated.images))
    words = ["zoo", "generate", str(run.path), "-n", str(count), "--seed", str(facts["seed"])]
    words += ["--interpolate", str(way["steps"])] if way else []
    words += ["--to-seed", str(way["to_seed"])] if "to_seed" in way else []
    words += ["--class", facts["class"]] if "class" in facts else []
    words += ["--truncation", f"{facts['truncation']:g}"] if facts["truncation"] != 1 else []
    words += ["--step", str(facts["step"])] if facts["step"] != run.snapshot_step() else []
    return shlex.join(words)


def _file_name(run: Run, generated: Generated) -> str:
    """What a download of them is called, without its ending."""
    return f"{run.path.resolve().name}-seed{generated.facts['seed']}"


def _grid(run: Run, generated: Generated) -> None:
    width = pixel_width(generated.data)
    with st.container(horizontal=True):
        for number, file in enumerate(generated.files()):
            with st.container(width=SIDE):
                what = f"Generated image {number} of seed {generated.facts['seed']}"
                st.image(visible(generated.shown[number], width), alt=what, width=SIDE)
                ending = Path(file.name).suffix
                st.download_button(
                    f"Download {plain(number)}",
                    file.content,
                    f"{_file_name(run, generated)}-{file.name}",
                    KINDS[ending],
                    key=f"keep {number}",
                    on_click="ignore",
                )
                _judged(run, generated, number)


def _judged(run: Run, generated: Generated, number: int) -> None:
    facts = generated.facts
    opinion(
        run,
        number,
        seed=facts["seed"],
        label=facts.get("class"),
        truncation=facts["truncation"],
        step=facts["step"],
    )
