"""What several commands say of a dataset. Nothing here imports a framework."""

from collections.abc import Mapping
from typing import Any

import click

from zoo_cli.output import print_json


def find(name: str) -> Any:
    """The record of a dataset.

    Raises:
        zoo.errors.UsageError: If there is none of that name.
    """
    from zoo.plugins import find

    return find("datasets", name)


def state(record: Any) -> dict[str, Any]:
    """Name, state, images, bytes and path; a dataset that needs no preparation is ready."""
    from zoo.data.prepared import facts_of, size_of, version_of

    row = {"name": record.name, "state": "ready", "images": None, "bytes": None, "path": None}
    if record.alias:
        return row | {"state": "alias", "alias": record.alias}
    if not record.archives:
        return row
    if (folder := version_of(record)) is None:
        return row | {"state": "absent"}
    return row | {
        "state": "prepared",
        "images": _count(facts_of(record).get("contents", {}), record.where),
        "bytes": size_of(folder),
        "path": str(folder),
    }


def print_prepared(record: Any, facts: dict[str, Any], as_json: bool) -> None:
    """Print what was prepared; what was set aside goes to stderr, a line for each file."""
    from zoo.data.prepared import version_of

    folder, rejected = version_of(record), facts.get("rejected") or []
    for file in rejected:
        click.echo(f"warning: set aside {file['file']}: {file['reason']}", err=True)
    if as_json:
        print_json({"name": record.name, "path": str(folder), **facts})
        return
    contents = {k: v for k, v in facts["contents"].items() if k != "official_splits"}
    click.echo(f"{record.name}: {shown(contents)}; {len(rejected)} set aside")
    click.echo(folder)


def shown(value: Any) -> str:
    """A value on one line, without what is empty in it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(item)}" for key, item in value.items() if item != "")
    return ", ".join(map(shown, value)) if isinstance(value, (list, tuple)) else str(value)


def _count(contents: Mapping[str, Any], where: Mapping[str, str]) -> int | None:
    """Images of a prepared dataset; of a filter, if the builder counted by its field."""
    if not where:
        return contents.get("images")
    ((field, value), *more) = where.items()
    counted: Mapping[str, int] = contents.get("by", {}).get(field, {})
    return None if more else counted.get(value)
