"""`zoo data`: datasets on this machine."""

from pathlib import Path
from typing import Any

import click

from zoo_cli.output import print_columns, print_json

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PREVIEWED = 64


@click.group()
def command() -> None:
    """Prepare, inspect and remove datasets. NAME is what `zoo list datasets` shows."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List datasets: prepared or not, images, size on disk and where."""
    from zoo.plugins import records

    rows = [_state(record) for record in records("datasets")]
    if as_json:
        print_json(rows)
        return
    header = ("NAME", "STATE", "IMAGES", "SIZE", "PATH")
    print_columns([header, *(_cells(row) for row in rows)])


@command.command()
@click.argument("name")
@json_option
def info(name: str, as_json: bool) -> None:
    """Show licence, citation, archive and state of dataset NAME, and what zoo keeps of it."""
    record = _find(name)
    facts = _facts(record)
    if as_json:
        print_json(facts)
    else:
        print_columns([(key, _text(value)) for key, value in facts.items() if value])


@command.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download the archive of dataset NAME, check its hash and prepare it."""
    record = _find(name)
    from zoo.data.prepare import fetch

    _prepared(record, fetch(record))


@command.command("import")
@click.argument("name")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def import_(name: str, paths: tuple[Path, ...]) -> None:
    """Prepare dataset NAME from its archives at PATH..., files or folders that hold them.

    Several archives are told apart by their official names, which `zoo data info` shows; a single
    one may have any name. An unknown hash is warned of and recorded.
    """
    record = _find(name)
    from zoo.data.prepare import import_files

    _prepared(record, import_files(record, paths))


@command.command()
@click.argument("name")
def path(name: str) -> None:
    """Print the folder of the prepared dataset NAME."""
    from zoo.data.prepared import unprepared, version_of
    from zoo.errors import UsageError, ZooError

    record = _find(name)
    if not record.archives:
        raise UsageError(f"{record.name} is not prepared from an archive; it has no folder")
    folder = version_of(record)
    if folder is None:
        raise ZooError(unprepared(record))
    click.echo(folder)


@command.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Delete what zoo keeps of dataset NAME, after asking. Your own files are not touched."""
    from zoo.data.prepared import removable, remove
    from zoo.errors import ZooError

    record = _find(name)
    folders = ", ".join(map(str, removable(record)))
    if folders and not yes and not click.confirm(f"Delete {folders}?", err=True):
        raise ZooError("nothing was deleted")
    for folder in remove(record):
        click.echo(folder)


@command.command()
@click.argument("data")
@click.option("--image-size", metavar="HxW", default="64", show_default=True, help="Pixels.")
@click.option("--split-seed", type=int, default=0, show_default=True)
@click.option(
    "--view",
    type=click.Choice(["tile", "resize"]),
    help="Cut larger images into tiles, for microscope fields, or resize their centre. "
    "Default: the dataset's own; for folder:PATH resize.",
)
@click.option("--downscale", type=float, default=1.0, help="Make images smaller by this first.")
@click.option("--min-foreground", type=float, help="Smallest share of foreground of a tile.")
@click.option("--label", metavar="FIELD", help="Field that holds the class.")
@click.option("--offline", is_flag=True, help="Do not try to download.")
@click.option("--out", type=click.Path(path_type=Path), help="PNG file; default NAME.png.")
def preview(data: str, out: Path | None, **settings: Any) -> None:
    """Write a PNG of 64 training crops of DATA, evenly spread over the training set."""
    from zoo.data import load
    from zoo.data.locking import slug
    from zoo.runs import write_bytes
    from zoo.runs.pictures import grid_png

    images = load(data, **settings)
    train = images.split("train")
    chosen = [i * len(train) // PREVIEWED for i in range(min(PREVIEWED, len(train)))]
    target = out or Path(f"{slug(images.name)}.png")
    write_bytes(target, grid_png(train[chosen], columns=8))
    n, height, width, channels = images.shape
    click.echo(f"{images.name}: {n} crops of {height}x{width}x{channels}", err=True)
    click.echo(target)


def _find(name: str) -> Any:
    from zoo.plugins import find

    return find("datasets", name)


def _prepared(record: Any, facts: dict[str, Any]) -> None:
    from zoo.data.prepared import version_of

    rejected = facts.get("rejected") or []
    for file in rejected:
        click.echo(f"warning: set aside {file['file']}: {file['reason']}", err=True)
    contents = {k: v for k, v in facts["contents"].items() if k != "official_splits"}
    click.echo(f"{record.name}: {_text(contents)}; {len(rejected)} set aside")
    click.echo(version_of(record))


def _state(record: Any) -> dict[str, Any]:
    """One row of `zoo data list`; a dataset that needs no preparation is ready."""
    from zoo.data.prepared import facts_of, is_ready, size_of, version_of

    row = {"name": record.name, "state": "ready", "images": None, "bytes": None, "path": None}
    if record.alias:
        return row | {"state": "alias", "alias": record.alias}
    if not record.archives:
        return row
    if not is_ready(record):
        return row | {"state": "absent"}
    folder, contents = version_of(record), facts_of(record).get("contents", {})
    images = _count(contents, record.where)
    return row | {
        "state": "prepared",
        "images": images,
        "bytes": size_of(folder) if folder else None,
        "path": str(folder),
    }


def _count(contents: dict[str, Any], where: Any) -> int | None:
    """Images of a prepared dataset; of a filter, if the builder counted by its field."""
    if not where:
        return contents.get("images")
    ((field, value), *more) = where.items()
    counted = contents.get("by", {}).get(field, {})
    return None if more else counted.get(value)


def _facts(record: Any) -> dict[str, Any]:
    from zoo.data.prepared import removable, size_of

    stated = ("name", "summary", "licence", "paper", "homepage", "citation", "verified", "alias")
    facts = {key: getattr(record, key) for key in stated} | _state(record)
    facts["kept"] = {str(folder): f"{size_of(folder) / 1e6:.0f} MB" for folder in removable(record)}
    if record.archives:
        facts["archives"] = [_archive(archive) for archive in record.archives]
        facts["prepared_from"] = _origin(record)
    return facts


def _archive(archive: Any) -> dict[str, Any]:
    return {
        "filename": archive.filename,
        "optional": archive.optional,
        "url": archive.url,
        "bytes": archive.size,
        "known_sha256": dict(archive.sha256),
        "known_md5": dict(archive.md5),
    }


def _origin(record: Any) -> dict[str, Any] | None:
    from zoo.data.prepared import facts_of, is_ready

    return facts_of(record) if is_ready(record) else None


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    size = "–" if row["bytes"] is None else f"{row['bytes'] / 1e6:.0f} MB"
    where = f"→ {' or '.join(row['alias'])}" if "alias" in row else row["path"] or "–"
    return row["name"], row["state"], str(row["images"] or "–"), size, where


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, (list, tuple)) else str(value)
