"""`zoo info`: all that is known about one thing, without importing its code."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import UsageError, ZooError
from zoo_cli.output import print_columns, print_json
from zoo_cli.user import complete, registry_option, user_file

if TYPE_CHECKING:
    from zoo.plugins import Entry

KINDS = ("generators", "datasets", "detectors", "extractors", "metrics", "trackers")

WITH_OPTIONS = {"generators": "KEY=VALUE", "detectors": "{name}.KEY=VALUE"}


@click.command()
@click.argument("name", shell_complete=complete(*KINDS, "recipes"))
@click.option("--kind", type=click.Choice([*KINDS, "recipes"]), help="Where names are shared.")
@registry_option
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
def command(name: str, kind: str | None, registry: Path | None, as_json: bool) -> None:
    """Show what is known about NAME; for a generator and a detector also the options."""
    facts = _facts(name, kind, registry)
    if as_json:
        print_json(facts)
        return
    options = facts.pop("options", None) if facts["kind"] in WITH_OPTIONS else None
    print_columns([(k, _text(v)) for k, v in facts.items() if v not in (None, "", (), {}, [])])
    if options:
        click.echo(f"\noptions (-o {WITH_OPTIONS[facts['kind']].format(name=facts['name'])})")
        print_columns(
            [(o["name"], o["default"], o["type"], o["description"]) for o in options], indent="  "
        )


def _facts(name: str, kind: str | None, registry: Path | None) -> dict[str, Any]:
    found = _found(name, [kind] if kind else [*KINDS, "recipes"], registry)
    if len(found) > 1:
        kinds = " or ".join(f"--kind {kind}" for kind in found)
        raise UsageError(f"{name!r} names several things; add {kinds}")
    ((kind, thing),) = found.items()
    if kind == "recipes":
        return {"kind": kind, **_fields(thing)}
    return _record(kind, thing)


def _found(name: str, kinds: list[str], registry: Path | None) -> dict[str, Any]:
    from zoo.catalog import recipes
    from zoo.plugins import registry as plugins
    from zoo.plugins import unknown

    found: dict[str, Any] = {}
    contested: list[str] = []
    known: set[str] = set()
    for kind in kinds:
        if kind == "recipes":
            named = recipes(registry=registry, user=user_file("registry.yaml"))
            known |= set(named)
            found |= {kind: named[name]} if name in named else {}
            continue
        known |= {entry.name for entry in plugins().usable(kind)}
        try:
            found[kind] = plugins().find(kind, name)
        except UsageError as error:
            contested += [str(error) for entry in plugins().entries(kind) if entry.name == name]
    plugins().tell()
    if contested and not found:
        raise UsageError(contested[0])
    if not found:
        raise unknown(kinds[0][:-1] if len(kinds) == 1 else "entry", name, known)
    return found


def _record(kind: str, entry: "Entry") -> dict[str, Any]:
    record = entry.record
    facts = {"kind": kind, **_fields(record)}
    facts |= {"package": entry.plugin.package, "version": entry.plugin.version}
    if kind in WITH_OPTIONS:
        facts["options"] = _options(kind, record)
    return facts


def _fields(record: Any) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {name: _nested(value) for name, value in values.items()}


def _nested(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_nested, value))
    return _fields(value) if dataclasses.is_dataclass(value) else value


def _options(kind: str, record: Any) -> list[dict[str, str]]:
    from zoo.signatures import detector_options, options
    from zoo.values import describe

    read = options if kind == "generators" else detector_options
    try:
        found = read(record).values()
    except ZooError as error:
        click.echo(f"warning: {error}", err=True)
        return []
    return [
        {
            "name": option.name,
            "default": option.default_text.strip("'\"") or "(required)",
            "type": describe(option.annotation),
            "stage": option.stage,
            "description": option.description,
        }
        for option in found
    ]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_text(inner)}" for key, inner in value.items())
    if isinstance(value, (tuple, list)):
        apart = "; " if value and isinstance(value[0], Mapping) else ", "
        return apart.join(map(_text, value))
    return str(value)
