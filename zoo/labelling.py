"""Labels that people give to images of a run, one file for each annotator.

`RUN/labels/generated/CODE.csv` and `RUN/labels/real/CODE.csv` have the columns that `--labels`
reads; beside them lie the lists that `--accept` and `--reject` take.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import NotComputed, UsageError, ZooError
from zoo.runs import Run, held, write_text
from zoo.runs.aliases import checked_alias
from zoo.runs.tables import csv_text

ACCEPT, REJECT = DECISIONS = ("accept", "reject")
GENERATED, REAL = SOURCES = ("generated", "real")
LONGEST_LABEL = 60
MOST_TILES = 16


@dataclass(frozen=True)
class Judgement:
    """What an annotator says of an image.

    Attributes:
        decision: `accept` or `reject`; an image with a label is accepted.
        label: Its class; empty if none was given, and of one that is rejected.
    """

    decision: str
    label: str = ""


@dataclass(frozen=True)
class Items:
    """Images to label.

    Attributes:
        source: `generated` or `real`.
        paths: What `--labels` calls them: the path in the folder, or the id of a source image.
        picture: The content of a PNG file of the image at a position, enlarged up to so many
            pixels on its longer side.
        classes: Names of the classes of the run's data.
        notes: What is to be told of an image; empty if nothing.
    """

    source: str
    paths: Sequence[str]
    picture: Callable[[int, int], bytes]
    classes: Sequence[str]
    notes: Callable[[int], str]


def generated_items(run: Run) -> Items:
    """The images in the run's folder `generated`.

    Raises:
        zoo.errors.ZooError: If there are none.
    """
    from zoo.data.decode import decode
    from zoo.data.intensity import Intensity

    files = sorted(path for path in run.generated.glob("*") if path.suffix in (".png", ".tif"))
    if not files:
        raise ZooError(f"{run.generated} holds no images")
    mapping = Intensity.from_facts(run.read_mapping(run.data_path).get("intensity") or {})
    return Items(
        GENERATED,
        [path.name for path in files],
        lambda at, side: _picture(mapping.apply(decode(files[at])[0])[None], side),
        run.class_names,
        lambda at: "",
    )


def real_items(run: Run, part: str) -> Items:
    """The source images of a part of the run's data; of several tiles all are shown.

    Args:
        run: The run.
        part: One of `zoo.data.imageset.PARTS`.

    Raises:
        zoo.errors.ZooError: If the dataset is not prepared, or not as it was.
    """
    from zoo.stored import images_of

    images = images_of(run, offline=True).split(part)
    rows: dict[str, list[int]] = {}
    for row, source in enumerate(images.fields["source"]):
        rows.setdefault(str(source), []).append(row)
    tiles = list(rows.values())

    def note(at: int) -> str:
        n = len(tiles[at])
        first = f", the first {MOST_TILES} of which are shown" if n > MOST_TILES else ""
        return f"cut into {n} images{first}; what is said holds for all" if n > 1 else ""

    return Items(
        REAL,
        list(rows),
        lambda at, side: _picture(images[np.array(tiles[at][:MOST_TILES])], side),
        run.class_names,
        note,
    )


def read(run: Run, source: str, alias: str) -> dict[str, Judgement]:
    """What an annotator has said of images, by their path.

    Raises:
        zoo.errors.ZooError: If the file is damaged; it is not written to then.
    """
    path = _path(run, source, alias)
    if not path.is_file():
        return {}
    from zoo.data.table import read_lines

    header, *rows = read_lines(path) or [[]]
    if "path" not in header or "decision" not in header:
        raise ZooError(f"{path} is damaged: its first line does not name path and decision")
    return dict(_judgement(path, dict(zip(header, row, strict=False))) for row in rows if row)


def record(
    run: Run, source: str, alias: str, path: str, judgement: Judgement | None
) -> dict[str, Judgement]:
    """Write what an annotator says of an image, and the lists that follow from it.

    Args:
        run: The run.
        source: `generated` or `real`.
        alias: The annotator's code.
        path: The image.
        judgement: `None` takes back what was said.

    Returns:
        All that the annotator has said.

    Raises:
        zoo.errors.UsageError: If the label or the code does not fit.
        zoo.errors.ZooError: If the file is damaged or cannot be written.
    """
    if judgement is not None:
        _check(judgement)
    file = _path(run, source, alias)
    with held(file):
        said = read(run, source, alias)
        said.pop(path, None)
        if judgement is not None:
            said[path] = judgement
        _write(file, said)
    return said


def annotators(run: Run, source: str) -> list[str]:
    """Codes of all who have labelled images of a source."""
    names = (path.name for path in (run.labels / source).glob("*.csv"))
    return sorted(name[:-4] for name in names if name.count(".") == 1)


def agreement(run: Run, source: str) -> dict[str, Any]:
    """How far annotators agree, over the images that all of them judged.

    Returns:
        `annotators` (code and number of images), `images` that all judged, `agreeing` (the share
        on which all say the same), `kappa` (Cohen's of two, Fleiss' of more) and its `name`, or
        the `reason` why there is none.
    """
    from zoo.evaluation.turing.statistics import cohen_kappa, fleiss_kappa

    said = {alias: read(run, source, alias) for alias in annotators(run, source)}
    common = sorted(set.intersection(*map(set, said.values()))) if said else []
    answers = [[judged[path] for path in common] for judged in said.values()]
    kinds = sorted({(one.decision, one.label) for row in answers for one in row})
    table = np.array([[kinds.index((o.decision, o.label)) for o in row] for row in answers], int)
    found: dict[str, Any] = {
        "annotators": [{"code": alias, "images": len(judged)} for alias, judged in said.items()],
        "images": len(common),
        "agreeing": float((table == table[:1]).all(axis=0).mean()) if common else None,
        "name": "Cohen’s κ" if len(said) == 2 else "Fleiss’ κ",
        "kappa": None,
        "reason": "",
    }
    try:
        if len(said) < 2 or not common:
            raise NotComputed("agreement needs two annotators who judged the same images")
        counts = np.stack([(table == kind).sum(axis=0) for kind in range(len(kinds))], axis=1)
        found["kappa"] = cohen_kappa(*table) if len(said) == 2 else fleiss_kappa(counts)
    except NotComputed as error:
        found["reason"] = str(error)
    return found


def files_of(run: Run, source: str, alias: str) -> dict[str, Path]:
    """The files of an annotator that exist, by the option that takes them."""
    file = _path(run, source, alias)
    found = {"--labels": file, **{f"--{kind}": _list(file, kind) for kind in DECISIONS}}
    return {option: path for option, path in found.items() if path.is_file()}


def _write(file: Path, said: Mapping[str, Judgement]) -> None:
    """The table, and a list for each decision that was made."""
    rows = sorted(said.items())
    for kind in DECISIONS:
        named = [(path,) for path, one in rows if one.decision == kind]
        if named:
            write_text(_list(file, kind), csv_text([("path",), *named]))
        else:
            _list(file, kind).unlink(missing_ok=True)  # an empty list is wrong use of --reject
    # Where there is a column `label`, --labels sets aside what has none in it.
    names = ["path", *(["label"] if any(one.label for _, one in rows) else []), "decision"]
    table = [{"path": path, **asdict(one)} for path, one in rows]
    write_text(file, csv_text([names, *([row[name] for name in names] for row in table)]))


def _judgement(path: Path, row: Mapping[str, str]) -> tuple[str, Judgement]:
    one = Judgement(row.get("decision", ""), row.get("label", ""))
    if "path" not in row:
        raise ZooError(f"{path} is damaged: a row names no image")
    try:
        _check(one)
    except UsageError as error:
        raise ZooError(f"{path} is damaged: {row.get('path', '')!r}: {error}") from None
    return row["path"], one


def _check(one: Judgement) -> None:
    if one.decision not in DECISIONS:
        raise UsageError(f"decision {one.decision!r}; expected {' or '.join(DECISIONS)}")
    if one.label and one.decision == REJECT:
        raise UsageError("an image that is rejected has no label")
    if len(one.label) > LONGEST_LABEL or not one.label.isprintable():
        raise UsageError(f"label {one.label[:40]!r}: expected at most {LONGEST_LABEL} letters")
    if one.label != one.label.strip():
        raise UsageError(f"label {one.label!r} begins or ends with a space")


def _path(run: Run, source: str, alias: str) -> Path:
    return Path(run.labels, source, f"{checked_alias(alias)}.csv")


def _list(file: Path, kind: str) -> Path:
    return file.with_name(f"{file.stem}.{kind}.csv")


def _picture(images: Any, side: int) -> bytes:
    from zoo.metrics.features import to_uint8
    from zoo.runs.pictures import enlarged, grid_png

    columns = math.ceil(math.sqrt(len(images)))
    return grid_png(enlarged(to_uint8(images), side // columns), columns)
