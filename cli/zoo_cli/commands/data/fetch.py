"""`zoo data fetch`."""

from typing import Any

import click

from zoo.errors import UsageError
from zoo_cli.datasets import find, print_prepared
from zoo_cli.output import json_option, print_json
from zoo_cli.user import complete


@click.command()
@click.argument("name", shell_complete=complete("datasets"))
@click.option(
    "--only",
    metavar="TEXT",
    multiple=True,
    help="Also the optional archives with TEXT in their name; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be downloaded, and stop.")
@json_option
def command(name: str, only: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Download the archives of dataset NAME, check their hashes and prepare it.

    A download that broke off is continued. --dry-run uses no network.
    """
    record = find(name)
    if record.name == "tfds":
        _fetch_tfds(name, only, dry_run, as_json)
        return
    from zoo.data.fetching import fetch, wanted_of

    wanted = wanted_of(record, only)
    if left := [archive.filename for archive in record.archives if archive not in wanted]:
        some = f"{left[0]} is" if len(left) == 1 else f"{left[0]} and {len(left) - 1} more are"
        click.echo(f"{some} left out; --only TEXT takes what has TEXT in its name", err=True)
    if dry_run:
        _print_plan(_plan(record, wanted), as_json)
    else:
        print_prepared(record, fetch(record, only), as_json)


def _fetch_tfds(name: str, only: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    if only:
        raise UsageError(f"{name} has no optional archives")
    wanted = name.partition("tfds:")[2]
    if dry_run:
        from zoo.data.tfds import plan_named

        _print_plan(_planned(*plan_named(wanted)), as_json)
        return
    from zoo.data.tfds import prepare_named

    folder = prepare_named(wanted)
    if as_json:
        print_json({"name": name, "path": str(folder)})
    else:
        click.echo(folder)


def _plan(record: Any, wanted: list[Any]) -> dict[str, Any]:
    from zoo.data.fetching import downloads_of
    from zoo.data.prepared import place_of, version_of

    plan = _planned(wanted, version_of(record) or place_of(record))
    state = "prepared" if version_of(record) else "absent"
    return {"name": record.name, "state": state, "downloads": str(downloads_of(record)), **plan}


def _planned(archives: Any, place: Any) -> dict[str, Any]:
    files = [
        {
            "filename": archive.filename,
            "url": archive.url,
            "bytes": int(archive.size) or None,
            "sha256": dict(archive.sha256),
            "md5": dict(archive.md5),
        }
        for archive in archives
    ]
    return {"archives": files, "path": str(place)}


def _print_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    for archive in plan["archives"]:
        size = f"{archive['bytes'] / 1e6:,.0f} MB" if archive["bytes"] else "unknown size"
        click.echo(f"{archive['filename']}  {size}  {archive['url']}")
        hashes = [(kind, *known) for kind in ("sha256", "md5") for known in archive[kind].items()]
        for kind, value, note in hashes:
            click.echo(f"  {kind} {value}  {note}")
        if not hashes:
            click.echo("  no hash is published")
    if plan.get("state") == "prepared":
        click.echo(f"is prepared: {plan['path']}; nothing would be downloaded")
        return
    if downloads := plan.get("downloads"):
        click.echo(f"would be kept until it is prepared: {downloads}")
    click.echo(f"would be prepared: {plan['path']}")
