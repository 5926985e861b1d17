"""Folders in which commands start, are left alone, or are killed."""

import json
import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import filelock
import measured
from kill_subjects import Subject, made_of, place_of
from killed import Ended, Started

DRAWS = 6


def done(words: Sequence[str] | Any, place: Path) -> Ended:
    """Run a command to its end in a copy of this process."""
    started = Started(words, place, token=str(place))
    ended = started.wait()
    if ended is None:
        started.kill()
        raise TimeoutError(f"{words} does not end")
    return ended


def copied(source: Path, target: Path) -> Path:
    """A folder copied, with the times of its files."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)
    return target


def state(folder: Path, name: str) -> Path:
    """The place with a state in it, made once."""
    place = place_of(folder, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(place.with_suffix(".lock")):
        if place.is_dir():
            return place
        parent, steps = made_of(name)
        making = place.with_name(f"{place.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        if parent:
            copied(state(folder, parent), making)
        else:
            making.mkdir()
        for step in steps:
            ended = done(step.split() if isinstance(step, str) else step, making)
            assert ended.status == 0, f"{name}: {step} exits {ended.status}: {ended.err}"
        return making.rename(place)


def alone(folder: Path, subject: Subject, *, anew: bool) -> tuple[Path, Ended]:
    """What a command gives, and how long it takes, when nothing kills it; found out once."""
    place = folder / "alone" / (subject.name.replace(" ", "-") + ("-anew" if anew else ""))
    place.parent.mkdir(parents=True, exist_ok=True)
    facts = place.with_suffix(".json")
    with filelock.FileLock(place.with_suffix(".lock")):
        if not facts.is_file():
            copied(state(folder, subject.state), place)
            started = Started(subject.started, place, token=str(place), anew=anew)
            ended = started.wait()
            assert ended, f"{subject.name} does not end"
            assert ended.status == 0, f"{subject.name} exits {ended.status}: {ended.err}"
            started.swept()
            measured.write(facts, vars(ended))
        return place, Ended(**json.loads(facts.read_text()))


def killed(
    folder: Path, subject: Subject, place: Path, rng: random.Random, *, anew: bool, token: str
) -> tuple[float, float, int]:
    """Kill a command in a place: of how many seconds, after how many, and processes left over."""
    whole = alone(folder, subject, anew=anew)[1].seconds
    for _ in range(DRAWS):
        copied(state(folder, subject.state), place)
        moment = rng.uniform(0, whole)
        started = Started(subject.started, place, token=token, anew=anew)
        if started.wait(moment) is None:
            return whole, time.monotonic() - started.began, started.kill()
        started.swept()
    raise TimeoutError(f"{subject.name} ended {DRAWS} times before it was killed")
