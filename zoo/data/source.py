"""From a dataset's name to its source images, whatever they come from."""

import contextlib
import hashlib
import inspect
import json
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.curate import Step, apply
from zoo.data.examples import Rejected, Rejection, check_image
from zoo.data.hashing import file_hash
from zoo.data.prepared import SUMS, facts_of, prepared_again, version_of
from zoo.data.sums import check_sums
from zoo.data.table import annotated, read_table
from zoo.errors import UsageError, ZooError
from zoo.plugins import unknown
from zoo.runs.files import json_mapping
from zoo.specs import Dataset
from zoo.values import convert


@dataclass(frozen=True, slots=True)
class Source:
    """Source images and where they come from.

    Attributes:
        key: Changes whenever the images may have changed.
        examples: Starts an iteration over the examples.
        facts: Gives archive, version and counts, for the provenance; may read every file.
        rejected: What was set aside when the dataset was prepared.
        count: About how many examples there are; 0 if that is not known.
    """

    key: str
    examples: Callable[[], Iterator[Mapping[str, Any]]]
    facts: Callable[[], Mapping[str, Any]] = dict
    rejected: tuple[Rejection, ...] = ()
    count: int = 0


def open_source(record: Dataset, name: str, options: Mapping[str, Any]) -> Source:
    """Find the images of a dataset.

    Args:
        record: What `name` selects.
        name: As the user typed it, with the argument of a scheme.
        options: Keywords for a callable; any dataset takes `labels`, a table of labels by id.

    Raises:
        zoo.errors.ZooError: If the dataset is not prepared.
        zoo.errors.UsageError: If an option is unknown.
    """
    rest = dict(options)
    labels = None if _reads_labels(record) else rest.pop("labels", None)
    source = _stored(record, rest) if record.archives else _called(record, name, rest)
    if labels is None:
        return source
    table = read_table(Path(labels))
    key = _key([source.key, file_hash(Path(labels))])
    return replace(source, key=key, examples=lambda: annotated(source.examples(), table))


def _reads_labels(record: Dataset) -> bool:
    """Whether the dataset takes `labels` itself, as one that knows its files' paths does."""
    return not record.archives and "labels" in inspect.signature(record.load()).parameters


def curated(source: Source, steps: Sequence[Step], pixel_size: float | None) -> Source:
    """The source with its pixels curated, and the size of a pixel where it was given.

    Args:
        source: Where the images come from.
        steps: Of curation; those that set images aside are passed over.
        pixel_size: Side of a pixel in µm.

    Raises:
        zoo.errors.UsageError: If the size of a pixel is not above 0.
    """
    pixel_steps = [step for step in steps if step.changes_pixels]
    if pixel_size is not None and not 0 < pixel_size < math.inf:
        raise UsageError(f"pixel_size must be above 0 µm, not {pixel_size}")
    given = {} if pixel_size is None else {"pixel_size": (pixel_size, pixel_size)}
    if not pixel_steps and not given:
        return source

    def changed(example: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            raw = check_image(example["image"])
            return {**example, "raw": raw, "image": apply(raw, pixel_steps)}
        except Rejected as reason:
            return {"id": example["id"], "rejected": str(reason)}

    def examples() -> Iterator[Mapping[str, Any]]:
        for example in source.examples():
            whole = {**example, **given}
            yield changed(whole) if pixel_steps and "image" in example else whole

    key = json.dumps([source.key, *map(str, pixel_steps), pixel_size])
    return replace(source, key=key, examples=examples)


def parse_options(text: str) -> dict[str, Any]:
    """Options from text such as `images=100,seed=1`.

    Raises:
        zoo.errors.UsageError: If a part is no `key=value`.
    """
    options = {}
    for part in filter(None, text.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key:
            raise UsageError(f"data_options={text}: expected KEY=VALUE,KEY=VALUE")
        options[key] = value
    return options


def _stored(record: Dataset, options: Mapping[str, Any]) -> Source:
    if options:
        raise UsageError(f"{record.name} has no option {min(options)!r}; it takes none")
    facts, folder = facts_of(record), version_of(record)
    rejected = tuple(Rejection(r["file"], r["reason"]) for r in facts.pop("rejected", ()))
    pixel_size = {"pixel_size": tuple(size)} if (size := facts.get("pixel_size")) else {}
    key = _key([record.name, facts.get("archives"), facts.get("version"), dict(record.where)])

    def examples() -> Iterator[Mapping[str, Any]]:
        from zoo.data.tfds import stored_examples

        assert folder is not None
        with _whole(folder, record.name):
            for example in stored_examples(folder):
                if all(str(example.get(field)) == value for field, value in record.where.items()):
                    yield {**pixel_size, **example}

    return Source(key, examples, lambda: facts, rejected, facts["contents"]["images"])


@contextlib.contextmanager
def _whole(folder: Path, name: str) -> Iterator[None]:
    """Refuse prepared files that are not what was written, with what to do."""
    try:
        check_sums(folder, json_mapping(folder / SUMS))
        yield
    except Exception as error:  # what reads them has errors of its own
        said = str(error) if isinstance(error, ZooError) else f"{folder} is damaged: {error}"
        shown = " ".join(said.split())[:300]
        raise ZooError(f"{shown}; {prepared_again(name)}") from error


def _called(record: Dataset, name: str, options: Mapping[str, Any]) -> Source:
    target = record.load()
    positional = [record.argument(name)] if record.scheme else []
    options = _converted(record, target, len(positional), options)
    try:
        source: Iterable[Mapping[str, Any]] = target(*positional, **options)
    except OSError as error:
        raise ZooError(f"{name} cannot be read: {error}") from None
    # A source that can tell what its images depend on is cut again only when that changes.
    version = getattr(source, "content_key", None) or _code(target)
    key = _key([record.name, positional, sorted(options.items()), version])
    given = {"options": dict(options)} if options else {}

    def facts() -> dict[str, Any]:
        return dict(getattr(source, "facts", {})) | given

    return Source(key, lambda: iter(source), facts, count=operator.length_hint(source))


def _converted(
    record: Dataset, target: Any, skip: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Options that the target takes, text in the type that it states."""
    parameters = list(inspect.signature(target).parameters.values())[skip:]
    kinds = {p.name: p.annotation for p in parameters if p.kind is not p.VAR_KEYWORD}
    anything = len(kinds) < len(parameters)
    found = {}
    for option, value in options.items():
        if option not in kinds and not anything:
            raise unknown(f"option of {record.name}", option, kinds)
        kind = kinds.get(option, inspect.Parameter.empty)
        if isinstance(value, str) and kind is not inspect.Parameter.empty:
            value = convert(value, inspect.formatannotation(kind), key=option)
        found[option] = value
    return found


def _code(target: Any) -> str:
    """The source text of a target's module, as what its images depend on."""
    try:
        return inspect.getsource(inspect.getmodule(target) or target)
    except (OSError, TypeError):
        return repr(target)


def _key(facts: Any) -> str:
    text = json.dumps([np.__version__, facts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
