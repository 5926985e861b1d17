"""The records that a name selects, as they are checked."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.errors import UsageError, ZooError
from zoo.filenames import distinct_file_name
from zoo.plugins import Entry, registry, unknown
from zoo.testing.lists import SUITES
from zoo.testing.suite import Subject


def subjects(
    name: str, folder: Path, *, kind: str | None = None, options: Mapping[str, Any] | None = None
) -> list[Subject]:
    """The records of a name, or all of a package.

    Args:
        name: A record's name, for a dataset with a scheme `name:ARGUMENT`; or the name of a
            package, such as `zoo-mygan`.
        folder: Where checks may write.
        kind: Only records of this kind, such as `generator`.
        options: Of the objects, as text or typed.

    Raises:
        zoo.errors.ZooError: If the plugin of that name could not be used.
        zoo.errors.UsageError: If nothing has that name, or an option is none.
    """
    if kind is not None and kind not in SUITES:
        raise unknown("kind", kind, SUITES)
    found = [*_found(name, folder, [kind] if kind else list(SUITES))]
    if not found:
        raise _nothing(name, kind)
    return [replace(subject, options=_typed(subject, options or {})) for subject in found]


def subject_of(record: Any, folder: Path, options: Mapping[str, Any] | None = None) -> Subject:
    """A record that a test holds; its plugin is known if it is installed."""
    kind = type(record).__name__.lower()
    if kind not in SUITES:
        raise UsageError(f"{record!r} is no record of zoo, such as zoo.Generator")
    entries = registry().entries(f"{kind}s")
    module = next((e.plugin.point.value for e in entries if e.record == record), "")
    return Subject(
        kind=kind,
        record=record,
        name=record.name,
        module=module,
        folder=folder,
        options=dict(options or {}),
    )


def _found(name: str, folder: Path, kinds: list[str]) -> Iterator[Subject]:
    for kind in kinds:
        entries = registry().entries(f"{kind}s")
        of_package = [entry for entry in entries if entry.plugin.package == name]
        for entry in of_package or _named(f"{kind}s", name):
            yield Subject(
                kind=kind,
                record=entry.record,
                name=entry.name if of_package else name,
                module=entry.plugin.point.value,
                folder=folder / kind / distinct_file_name(entry.name),
            )


def _named(kind: str, name: str) -> list[Entry]:
    try:
        return [registry().find(kind, name)]
    except UsageError:
        if any(entry.clash and entry.name == name for entry in registry().entries(kind)):
            raise
        return []


def _nothing(name: str, kind: str | None) -> ZooError:
    """Why nothing has that name: its plugin failed, or there is none."""
    for plugin in registry().plugins:
        if name in (plugin.name, plugin.package) and plugin.problems:
            return ZooError(f"{plugin}: {plugin.problems[0]}")
    kinds = [kind] if kind else list(SUITES)
    known = {entry.name for k in kinds for entry in registry().usable(f"{k}s")}
    return unknown(kind or "record or package", name, known)


def _typed(subject: Subject, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options in the types that the object states; a dataset's own source converts them."""
    if not options or subject.kind == "dataset":
        return dict(options)
    if subject.kind == "generator":
        from zoo.signatures import convert_options

        return convert_options(subject.record, options)
    if subject.kind != "detector":
        raise UsageError(f"{subject.name}: a {subject.kind} takes no options")
    from zoo.values import annotation_of, convert

    parameters = inspect.signature(subject.record.load()).parameters
    if strange := sorted(set(options) - set(parameters)):
        raise unknown(f"option of {subject.name}", strange[0], parameters)
    kinds = {name: annotation_of(parameters[name]) for name in options}
    return {name: convert(value, kinds[name], key=name) for name, value in options.items()}
