"""`zoo data info`."""

import dataclasses
from typing import Any

import click

from zoo_cli.datasets import find, shown, state
from zoo_cli.output import json_option, print_columns, print_json
from zoo_cli.user import complete

STATED = ("name", "summary", "licence", "paper", "homepage", "citation", "verified", "alias")


@click.command()
@click.argument("name", shell_complete=complete("datasets"))
@json_option
def command(name: str, as_json: bool) -> None:
    """Show licence, citation, archives and state of dataset NAME, and what zoo keeps of it."""
    facts = _facts(find(name), name)
    if as_json:
        print_json(facts)
        return
    archives = facts.pop("archives", ())
    print_columns(
        [
            *[(key, shown(value)) for key, value in facts.items() if value],
            *[("archive", _archive(archive)) for archive in archives],
        ]
    )


def _archive(archive: dict[str, Any]) -> str:
    size = f"{archive['size'] / 1e6:,.0f} MB" if archive["size"] else ""
    hashed = "" if archive["sha256"] or archive["md5"] else "no published hash"
    told = (archive["filename"], size, archive["url"] or "by hand from the homepage", hashed)
    return ", ".join(filter(None, [*told, "optional" * archive["optional"]]))


def _facts(record: Any, name: str) -> dict[str, Any]:
    from zoo.data.prepared import facts_of, is_ready, removable, size_of
    from zoo.recipe import locate

    facts = {key: getattr(record, key) for key in STATED} | state(record)
    kept = removable(record, *dict.fromkeys([name, locate(name)]))
    facts["kept"] = {str(folder): f"{size_of(folder) / 1e6:.0f} MB" for folder in kept}
    if record.archives:
        facts["archives"] = [dataclasses.asdict(archive) for archive in record.archives]
        facts["prepared_from"] = facts_of(record) if is_ready(record) else None
    return facts
