"""A reading in the app: kept answer by answer in the run, and gone on with after a reload.

`RUN/turing/readings/CODE.json` holds a reading that is not finished; when every image is answered,
`RUN/turing/answers-CODE.json` is what `zoo turing score` reads.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, ZooError
from zoo.evaluation.turing.study import FORMAT, SCALE, SIDES, Study
from zoo.runs import Run, held, write_json
from zoo.runs.aliases import checked_alias


@dataclass(frozen=True)
class Mark:
    """What a reader has said of an image so far.

    Attributes:
        answer: `real` or `generated`; empty before it is said.
        realism: 1 to 5, 0 before it is said.
        ms: How long the image was on the screen, in milliseconds.
    """

    answer: str = ""
    realism: int = 0
    ms: int = 0

    @property
    def complete(self) -> bool:
        """Whether both were said."""
        return bool(self.answer and self.realism)


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """A reader's way through a study.

    Attributes:
        study: Its id.
        reader: The reader's code.
        role: What the reader says of role and experience.
        started: ISO 8601, UTC.
        finished: The same; empty until every image is answered.
        order: Items in the order of this reader.
        marks: What was said, by item.
    """

    study: str
    reader: str
    role: str
    started: str
    finished: str = ""
    order: Sequence[str]
    marks: Mapping[str, Mark] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Images of which both things were said."""
        return sum(mark.complete for mark in self.marks.values())

    @property
    def next(self) -> int:
        """The first place that is not answered; the number of images if there is none."""
        open_ = (at for at, item in enumerate(self.order) if not self.mark(at).complete)
        return next(open_, len(self.order))

    def mark(self, at: int) -> Mark:
        """What was said of the image at a place."""
        return self.marks.get(self.order[at], Mark())


def begin(run: Run, reader: str, role: str = "") -> Sitting:
    """Begin a reading in a random order, or go on with that of the same code.

    Raises:
        zoo.errors.UsageError: If the code does not fit, or its answers came from elsewhere.
        zoo.errors.ZooError: If there is no study, or the kept reading is damaged or of another.
    """
    study = Study.read(run.turing)
    path = _path(run, reader)
    with held(path):
        if path.is_file():
            return _read(path, study)
        if _answers_path(run, checked_alias(reader)).exists():
            raise UsageError(f"code {checked_alias(reader)!r} has answered already; choose another")
        order = list(study.items)
        secrets.SystemRandom().shuffle(order)
        said = "".join(c if c.isprintable() else " " for c in role).strip()[:200]
        sitting = Sitting(
            study=study.id, reader=checked_alias(reader), role=said, started=_now(), order=order
        )
        write_json(path, asdict(sitting))
    return sitting


def answer(
    run: Run, reader: str, at: int, *, said: str = "", realism: int = 0, ms: int = 0
) -> Sitting:
    """Keep what a reader says of an image.

    Args:
        run: The run.
        reader: The reader's code.
        at: Place of the image in the reader's order, from 0.
        said: `real` or `generated`; empty keeps what was said before.
        realism: 1 to 5; 0 keeps what was said before.
        ms: How long the image was on the screen since the last call, which is added up.

    Raises:
        zoo.errors.UsageError: If the reading is finished, or a value is out of range.
        zoo.errors.ZooError: If there is no such reading, or it cannot be written.
    """
    if said not in ("", *SIDES) or realism not in (0, *range(SCALE[0], SCALE[1] + 1)) or ms < 0:
        raise UsageError(f"answer {said!r}, realism {realism}, {ms} ms: out of range")
    study = Study.read(run.turing)
    path = _path(run, reader)
    with held(path):
        sitting = _read(path, study)
        if sitting.finished:
            raise UsageError(f"the reading of {sitting.reader} is finished; its answers stay")
        before = sitting.mark(at)
        mark = Mark(said or before.answer, realism or before.realism, before.ms + ms)
        sitting = replace(sitting, marks={**sitting.marks, sitting.order[at]: mark})
        write_json(path, asdict(sitting))
    return sitting


def finish(run: Run, reader: str) -> Path:
    """End a reading of which every image is answered, and write its file of answers.

    Raises:
        zoo.errors.UsageError: If images are left.
    """
    study = Study.read(run.turing)
    path = _path(run, reader)
    with held(path):
        sitting = _read(path, study)
        if left := len(sitting.order) - sitting.answered:
            raise UsageError(f"{left} of {len(sitting.order)} images are not answered")
        answers = _answers_path(run, sitting.reader)
        if not sitting.finished:
            sitting = replace(sitting, finished=_now())
            write_json(answers, _answers(sitting))
            write_json(path, asdict(sitting))
    return answers


def answers_files(run: Run) -> list[Path]:
    """The files of answers in a run, those that were put there by hand among them."""
    return sorted(run.turing.glob("answers-*.json"))


def _answers(sitting: Sitting) -> dict[str, Any]:
    """What `zoo.evaluation.turing.answers` reads."""
    return {
        "format": FORMAT,
        **{name: getattr(sitting, name) for name in ("study", "reader", "role", "started")},
        "finished": sitting.finished,
        "answers": [
            {"item": item, **asdict(sitting.mark(at)), "order": at}
            for at, item in enumerate(sitting.order)
        ],
    }


def _answers_path(run: Run, alias: str) -> Path:
    return Path(run.turing, f"answers-{alias}.json")


def _path(run: Run, reader: str) -> Path:
    return Path(run.turing, "readings", f"{checked_alias(reader)}.json")


def _read(path: Path, study: Study) -> Sitting:
    try:
        value = json.loads(path.read_bytes())
        marks = {item: Mark(**mark) for item, mark in value.pop("marks").items()}
        sitting = Sitting(marks=marks, **value)
        whole = sitting.study != study.id or _fits(sitting, study)
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror}") from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        whole = False
    if not whole:
        raise ZooError(f"{path} is damaged: it is no reading of this study")
    if sitting.study != study.id:
        raise ZooError(f"{path} is of study {sitting.study}, not of {study.id}; move it away")
    return sitting


def _fits(sitting: Sitting, study: Study) -> bool:
    values = range(SCALE[1] + 1)
    return (
        sorted(sitting.order) == sorted(study.items)
        and set(sitting.marks) <= set(study.items)
        and all(m.answer in ("", *SIDES) and m.realism in values for m in sitting.marks.values())
        and all(type(m.ms) is int and m.ms >= 0 for m in sitting.marks.values())
        and all(isinstance(text, str) for text in (sitting.reader, sitting.role, sitting.started))
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
