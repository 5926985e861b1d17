"""Opinions on generated images: kept line by line in a run, and summed up.

They are what people thought who clicked, and no measurement of how real images look.
"""

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import UsageError, ZooError

if TYPE_CHECKING:
    from zoo.runs import Run

GOOD, BAD, WITHDRAWN = OPINIONS = ("good", "bad", "withdrawn")
MOST_TAGS = 8
LONGEST_TAG = 30
HEADER = ("seed", "index", "class", "truncation", "step", "good", "bad", "tags")


@dataclass(frozen=True, order=True, kw_only=True)
class Shown:
    """A generated image, by what makes it again: `sample(index + 1, …)[index]`.

    Attributes:
        step: Of the snapshot.
        seed: Of the latents.
        index: Its place in the sample of the seed, from 0.
        label: Name of the class that was asked for; empty if none was.
        truncation: Factor on the latents, above 0.
    """

    step: int
    seed: int
    index: int
    label: str = ""
    truncation: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """One line of `feedback.jsonl`.

    Attributes:
        time: When it was given, ISO 8601, UTC.
        session: Random, and of a page that was open in a browser rather than of a person.
        image: What was judged.
        opinion: `good`, `bad`, or `withdrawn` for an earlier one that is taken back.
        tags: Short words.
    """

    time: str
    session: str
    image: Shown
    opinion: str
    tags: tuple[str, ...] = ()


def new_session() -> str:
    """A random id, which says nothing about a person."""
    return secrets.token_hex(8)


def add(
    run: "str | Path | Run",
    image: Shown,
    opinion: str,
    *,
    session: str,
    tags: Iterable[str] = (),
) -> Opinion:
    """Append an opinion to the run's `feedback.jsonl`; of a session and an image the last counts.

    Args:
        run: The run, or its folder.
        image: What was judged.
        opinion: `good`, `bad` or `withdrawn`.
        session: What `new_session` gave.
        tags: At most 8 short words.

    Raises:
        zoo.errors.UsageError: If a value is out of range.
        zoo.errors.ZooError: If the file cannot be written.
    """
    from zoo.runs import Run, append_json

    opened = Run.open(run)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    line = _line(Opinion(time=now, session=session, image=image, opinion=opinion, tags=(*tags,)))
    try:
        checked = _opinion(line)
    except ValueError as error:
        raise UsageError(str(error)) from None
    append_json(opened.feedback_path, line)
    return checked


def parse_tags(text: str) -> tuple[str, ...]:
    """Words from text such as `blurry, two nuclei`, in small letters, each once.

    Raises:
        zoo.errors.UsageError: If there are too many, or one is too long.
    """
    words = (" ".join(word.lower().split()) for word in re.split(r"[,;\n]", text))
    tags = tuple(dict.fromkeys(filter(None, words)))
    try:
        return _tags(list(tags))
    except ValueError as error:
        raise UsageError(str(error)) from None


def read(run: "str | Path | Run") -> tuple[list[Opinion], list[str]]:
    """The opinions of a run in the order in which they were given.

    Returns:
        The opinions, and for each damaged line which it is and why it does not count; the file
        stays as it is.
    """
    from zoo.runs import Run

    path = Run.open(run).feedback_path
    try:
        lines = path.read_bytes().split(b"\n") if path.is_file() else []
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    opinions, damaged = [], []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                opinions.append(_opinion(json.loads(line)))
            except (ValueError, RecursionError) as error:
                damaged.append(f"{path.name} line {number}: {error}")
    return opinions, damaged


def in_force(opinions: Iterable[Opinion]) -> list[Opinion]:
    """The last opinion of each session on each image, those left out that were withdrawn."""
    last = {(one.session, one.image): one for one in opinions}
    return [one for one in last.values() if one.opinion != WITHDRAWN]


def summary(run: "str | Path | Run") -> dict[str, Any]:
    """What `zoo feedback RUN --json` prints.

    Args:
        run: The run, or its folder.

    Returns:
        `opinions`, `images`, `sessions`, `good` and its parts `by_class`, `by_step`,
        `by_truncation`, `by_tag`, `by_day`, each share with Wilson's 95 % interval; `repeated`,
        images judged in several sessions; `withdrawn`, `damaged`, `limits`.
    """
    from zoo.evaluation.opinions import sums

    opinions, damaged = read(run)
    return {**sums(opinions), "damaged": damaged}


def write_rejected(run: "str | Path | Run", file: str | Path) -> int:
    """Write the images that more sessions call bad than good as CSV.

    Args:
        run: The run, or its folder.
        file: Replaced if it is such a list.

    Returns:
        How many images it names.

    Raises:
        zoo.errors.UsageError: If the file is another one.
    """
    from zoo.evaluation.opinions import rejected
    from zoo.runs import write_text
    from zoo.runs.tables import csv_text

    path = Path(file)
    if path.exists() and not _is_list(path):
        raise UsageError(f"{path} exists and is no list of rejected images; choose another file")
    rows = rejected(read(run)[0])
    write_text(path, csv_text([HEADER, *rows]))
    return len(rows)


def _is_list(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline(200).strip() == ",".join(HEADER).encode()


def _line(one: Opinion) -> dict[str, Any]:
    """What stands in the file; its names are those that other programs read."""
    image = asdict(one.image)
    image["class"] = image.pop("label") or None
    held = {"time": one.time, "session": one.session, "image": image, "opinion": one.opinion}
    return {**held, "tags": list(one.tags)}


def _opinion(line: Any) -> Opinion:
    """Check a line; a ValueError names what does not fit."""
    held = _object(line, "the line")
    image = _object(held.get("image"), "image")
    truncation: Any = image.get("truncation")
    if type(truncation) not in (int, float) or not 0 < truncation < float("inf"):
        raise ValueError(f"truncation is {_said(truncation)}; expected a number above 0")
    if held.get("opinion") not in OPINIONS:
        raise ValueError(f"opinion is {_said(held.get('opinion'))}; expected {', '.join(OPINIONS)}")
    label = image.get("class")
    if label is not None and not isinstance(label, str):
        raise ValueError(f"class is {_said(label)}; expected text or null")
    return Opinion(
        time=_time(held.get("time")),
        session=_session(held.get("session")),
        image=Shown(
            **{name: _whole(image.get(name), name) for name in ("step", "seed", "index")},
            label=label or "",
            truncation=float(truncation),
        ),
        opinion=held["opinion"],
        tags=_tags(held.get("tags")),
    )


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {_said(value)}; expected an object")
    return value


def _whole(value: Any, name: str) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} is {_said(value)}; expected a whole number from 0")
    return value


def _session(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{16}", value):
        raise ValueError(f"session is {_said(value)}; expected 16 digits of 0 to 9 and a to f")
    return value


def _time(value: Any) -> str:
    if not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is None:
        raise ValueError(f"time is {_said(value)}; expected a date and time with its zone")
    return value


def _tags(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST_TAGS:
        raise ValueError(f"tags: expected at most {MOST_TAGS} words")
    for tag in value:
        fits = isinstance(tag, str) and tag.strip() and tag.isprintable()
        if not fits or len(tag) > LONGEST_TAG:
            raise ValueError(
                f"tag {_said(tag)}: expected at most {LONGEST_TAG} letters that can be printed"
            )
    return tuple(value)


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
