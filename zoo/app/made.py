"""Generators loaded once, and images made once, for all pages that are open."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from zoo.generating import Generated, generate, load_generator
from zoo.runs import Run

_ONE_AT_A_TIME = threading.Lock()


def images(run: Run, n: int, *, step: int | None = None, **wanted: Any) -> Generated:
    """What `zoo.generate` gives, from a cache where it can be.

    Args:
        run: A run with a trained generator.
        n: As for `zoo.generate`.
        step: Of the snapshot; the last one by default.
        **wanted: Further arguments of `zoo.generate`.
    """
    step = run.snapshot_step(step)
    with waiting():
        return _made(str(run.path), n, step, _stamp(run, step), **wanted)


def generator(run: Run, step: int | None = None) -> Any:
    """The generator of a run at a step, loaded once."""
    step = run.snapshot_step(step)
    with waiting():
        return _loaded(str(run.path), step, _stamp(run, step))


@contextmanager
def waiting() -> Iterator[None]:
    """Say what takes the time: TensorFlow is imported once, which takes far longer than images."""
    first = "tensorflow" not in sys.modules
    with st.spinner("Loading TensorFlow, once; this takes a few seconds…" if first else "Working…"):
        yield


def _stamp(run: Run, step: int) -> int:
    """Changes when another file takes the snapshot's place."""
    return run.snapshot_path(step).stat().st_mtime_ns


@st.cache_resource(max_entries=3, show_spinner=False)
def _loaded(path: str, step: int, stamp: int) -> Any:
    with _ONE_AT_A_TIME:
        return load_generator(Run.open(path), step)


@st.cache_resource(max_entries=8, show_spinner=False)
def _made(path: str, n: int, step: int, stamp: int, **wanted: Any) -> Generated:
    loaded = _loaded(path, step, stamp)
    with _ONE_AT_A_TIME:
        return generate(path, n, step=step, generator=loaded, **wanted)


def mixed(run: Run, n: int, seed: int, step: int) -> Any:
    """A table of mixed styles, as `zoo.gan.latents.style_mixing` gives it."""
    with waiting():
        return _mixed(str(run.path), n, seed, step, _stamp(run, step))


@st.cache_resource(max_entries=4, show_spinner=False)
def _mixed(path: str, n: int, seed: int, step: int, stamp: int) -> Any:
    from zoo.gan.latents import style_mixing

    loaded = _loaded(path, step, stamp)
    with _ONE_AT_A_TIME:
        return style_mixing(loaded, n, seed=seed)
