"""Files of answers, which anybody may have sent: every field is checked, nothing is guessed."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.evaluation.turing.study import FORMAT, SCALE, SIDES, Study

MOST_BYTES = 4 * 2**20
MOST_MS = 30 * 24 * 3600 * 1000
LONGEST_NAME = 40
LONGEST_TEXT = 200
SHOWN = 40


@dataclass(frozen=True)
class Answer:
    """What a reader said of one image.

    Attributes:
        called: `real` or `generated`.
        realism: 1 to 5.
        ms: How long the image was looked at, in milliseconds.
        order: Its place in the reader's order, from 0.
    """

    called: str
    realism: int
    ms: int
    order: int


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A file of answers.

    Attributes:
        file: Its path.
        reader: The name that the reader typed.
        role: What the reader said of role and experience; may be empty.
        started: ISO date and time.
        finished: The same, or empty if the reader stopped early.
        answers: Answer by item.
    """

    file: Path
    reader: str
    role: str
    started: str
    finished: str
    answers: Mapping[str, Answer]


def read_answers(files: Iterable[Path], study: Study) -> list[Reading]:
    """Read and check files of answers.

    Raises:
        zoo.errors.ZooError: If a file is no complete and valid file of answers to this study, or
            two are of one reader; the message names file and field.
    """
    readings: dict[str, Reading] = {}
    for file in files:
        reading = _reading(file, study)
        before = readings.setdefault(" ".join(reading.reader.casefold().split()), reading)
        if before is not reading:
            raise ZooError(f"{before.file} and {file} are both of reader {reading.reader!r}")
    return list(readings.values())


def _reading(file: Path, study: Study) -> Reading:
    held = _Fields(_parsed(file), f"{file}: ")
    held.only("format", "study", "reader", "role", "started", "finished", "answers")
    held.take("format", lambda value: _whole(value, FORMAT, FORMAT), f"{FORMAT}")
    held.take("study", lambda value: value == study.id, f"{study.id}, the study of this key")
    return Reading(
        file=file,
        reader=held.take(
            "reader",
            lambda value: _text(value, LONGEST_NAME) and value.strip() != "",
            f"a name of at most {LONGEST_NAME} printable characters",
        ),
        role=held.take(
            "role",
            lambda value: _text(value, LONGEST_TEXT),
            f"at most {LONGEST_TEXT} printable characters",
        ),
        started=held.take("started", _moment, "a date and time"),
        finished=held.take("finished", lambda v: v is None or _moment(v), "a date and time") or "",
        answers=_answers(
            held.take("answers", lambda value: isinstance(value, list), "a list"), file, study
        ),
    )


def _answers(rows: Sequence[Any], file: Path, study: Study) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    places: set[int] = set()
    last = len(study.items) - 1
    for number, row in enumerate(rows):
        held = _Fields(row, f"{file}: answers[{number}].")
        held.only("item", "answer", "realism", "ms", "order")
        known = held.take(
            "item",
            lambda value: isinstance(value, str) and value in study.items,
            "an item of the study",
        )
        held.take("item", lambda value: value not in found, "an item that was not answered before")
        found[known] = answer = Answer(
            held.take("answer", lambda value: value in SIDES, " or ".join(SIDES)),
            held.take(
                "realism",
                lambda value: _whole(value, *SCALE),
                f"a whole number from {SCALE[0]} to {SCALE[1]}",
            ),
            held.take("ms", lambda value: _whole(value, 0, MOST_MS), "milliseconds, at least 0"),
            held.take("order", lambda v: _whole(v, 0, last), f"a whole number from 0 to {last}"),
        )
        held.take("order", lambda value: value not in places, "a place that no other item has")
        places.add(answer.order)
    return found


class _Fields:
    """A mapping from a file, whose fields are taken one by one.

    Args:
        value: What was read.
        where: What stands before a field's name in a message.
    """

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ZooError(f"{where.rstrip('. :')} is {_shown(value)}; expected an object")
        self.value, self.where = value, where

    def only(self, *names: str) -> None:
        """Refuse fields of other names."""
        if strangers := [name for name in self.value if name not in names]:
            raise ZooError(
                f"{self.where}{_shown(strangers[0])} is no field; expected {', '.join(names)}"
            )

    def take(self, name: str, fits: Callable[[Any], bool], expected: str) -> Any:
        """The value of a field that fits."""
        if name not in self.value:
            raise ZooError(f"{self.where}{name} is missing; expected {expected}")
        value = self.value[name]
        try:
            fitting = fits(value)
        except TypeError:  # a list is in no set of texts
            fitting = False
        if not fitting:
            raise ZooError(f"{self.where}{name} is {_shown(value)}; expected {expected}")
        return value


def _parsed(file: Path) -> Any:
    try:
        if not file.is_file():
            raise ZooError(f"no file {file}")
        if (size := file.stat().st_size) > MOST_BYTES:
            raise ZooError(f"{file} is too large for answers: {size:,} of {MOST_BYTES:,} bytes")
        content = file.read_bytes()
    except OSError as error:
        raise ZooError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:  # a null character in its name
        raise ZooError(f"cannot read {str(file)!r}: {error}") from error
    try:
        return json.loads(content, object_pairs_hook=_once, parse_constant=_refused)
    except RecursionError:
        raise ZooError(f"{file} is no file of answers: it is nested too deeply") from None
    except ValueError as error:
        raise ZooError(f"{file} is no file of answers: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{_shown(twice)} is there twice")
    return held


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _whole(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and value.isprintable()


def _moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _shown(value: Any) -> str:
    """A value as one short line, whatever it is."""
    try:
        text = json.dumps(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
