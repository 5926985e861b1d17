"""Where a run's data and numbers come from, as rows to print."""

from collections.abc import Mapping, Sequence
from typing import Any

from zoo import claims
from zoo.report.contents import Contents
from zoo.report.grid import Cell, Column, Line, Table, cell
from zoo.report.numbers import count, figure, flat, moment, plain

LISTED = 100
LONG = ("splits", "rejected", "part_of_group")  # shown in tables of their own, or not at all


def data_shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """What `data.json` holds, sorted into a table of splits, facts and rejected files."""
    rejected = _rejected(data.get("rejected"))
    rest = {key: value for key, value in data.items() if key not in LONG}
    return {
        "splits": splits(data),
        "facts": flat(rest),
        "rejected": rejected[:LISTED],
        "rejected_count": len(rejected),
    }


def splits(data: Mapping[str, Any]) -> Table:
    """How many images each part holds."""
    held = data.get("splits")
    parts = {
        name: cells if isinstance(cells, Mapping) else {"images": cells}
        for name, cells in (held.items() if isinstance(held, Mapping) else ())
    }
    names = list(dict.fromkeys(key for cells in parts.values() for key in cells))
    columns = (Column("Part", left=True), *(Column(name, ("",)) for name in names))
    lines = tuple(
        Line((Cell(part), *(cell(cells.get(name), _count) for name in names)))
        for part, cells in parts.items()
    )
    caption = (
        "Cut by group, so that images of one source are on one side only. The generator sees only "
        "train."
    )
    return Table("splits", "Splits", caption, columns, lines, narrow=True, stack=False)


def _count(value: Any) -> str:
    return count(value) if isinstance(value, int) else plain(value)


def settings(contents: Contents) -> Table:
    """Every option, resolved, with where it came from."""
    columns = [Column(name, left=True) for name in ("Setting", "Value", "From")]
    lines = tuple(
        Line((Cell(name), Cell(plain(value)), Cell(origin or "–")))
        for name, value, origin in contents.settings
    )
    caption = "From: command line, recipe, environment, configuration, preset or default."
    return Table("settings", "Every setting", caption, tuple(columns), lines, stack=False)


def _rejected(files: Any) -> list[tuple[str, str]]:
    if isinstance(files, Mapping):
        return [(str(name), plain(reason)) for name, reason in files.items()]
    rows = []
    for file in files if isinstance(files, Sequence) and not isinstance(files, str) else []:
        if isinstance(file, Mapping):
            name = next((file[key] for key in ("file", "path", "id", "name") if key in file), "?")
            rows.append((str(name), plain(file.get("reason"))))
        elif isinstance(file, Sequence) and not isinstance(file, str) and len(file) == 2:
            rows.append((str(file[0]), str(file[1])))
        else:
            rows.append((str(file), "–"))
    return rows


def run_facts(contents: Contents) -> list[tuple[str, str]]:
    """Versions, device, seeds, speed: what somebody needs who repeats the run."""
    manifest = contents.manifest
    shown = {
        "Started": moment(manifest.get("started")),
        "Ended": moment(manifest.get("ended")),
        "Versions": manifest.get("versions"),
        "Device": manifest.get("device"),
        "Compiled with XLA": manifest.get("jit"),
        "Seeds": manifest.get("seeds"),
        "Parameters": _counts(manifest.get("parameters")),
        "Loss": manifest.get("loss"),
        "Real images a second": _rounded(manifest.get("images_per_second")),
    }
    return [(name, plain(value)) for name, value in shown.items() if plain(value) != "–"]


def _rounded(value: Any) -> str | None:
    return None if value is None else figure(value, 3)


def _counts(values: Any) -> Any:
    if not isinstance(values, Mapping):
        return values
    return {name: count(value) for name, value in values.items() if value is not None}


def timings(manifest: Mapping[str, Any]) -> Table:
    """Seconds of each stage, bars: share of the longest."""
    found = manifest.get("timings")
    seconds = {
        str(stage).replace("_", " "): float(value)
        for stage, value in (found.items() if isinstance(found, Mapping) else ())
    }
    longest = max(seconds.values(), default=0.0) or 1.0
    lines = tuple(
        Line((Cell(stage), cell(value, lambda s: f"{s:,.1f}", share=round(100 * value / longest))))
        for stage, value in seconds.items()
    )
    columns = (Column("Stage", left=True), Column("Seconds", ("",)))
    caption = "Bars: share of the longest."
    return Table("timings", "Time spent", caption, columns, lines, narrow=True, stack=False)


def nearest_facts(nearest: Any) -> str:
    """One sentence on the distances, if they were recorded."""
    distances = [pair["distance"] for pair in _pairs(nearest) if "distance" in pair]
    if not distances:
        return ""
    return (
        "Nearest by root mean square difference of pixels, "
        f"{figure(min(distances), 3)} to {figure(max(distances), 3)} of 255 grey levels."
    )


def nearest_rows(nearest: Any) -> list[tuple[str, str]]:
    """Which training image each generated one was paired with."""
    return [
        (
            f"generated {pair.get('fake', row)}",
            f"{pair['id']}, {figure(pair.get('distance'), 3)} grey levels apart",
        )
        for row, pair in enumerate(_pairs(nearest))
        if "id" in pair
    ]


def _pairs(nearest: Any) -> list[Mapping[str, Any]]:
    if isinstance(nearest, Mapping):
        nearest = next((value for value in nearest.values() if isinstance(value, list)), [])
    return [pair for pair in nearest or [] if isinstance(pair, Mapping)]


def limits(contents: Contents) -> list[str]:
    """What a reader must not conclude."""
    return [
        f"{claims.NOTICE} {claims.NO_DIAGNOSIS}",
        "Generated images are no observations: they can show structures that do not exist and "
        f"leave out ones that do. They carry the bias of {contents.dataset['name']}.",
        claims.NO_PRIVACY_CLAIM,
        "One run with one seed: its ranges describe subsamples of images, not what another "
        "training would give.",
        "Exact and near copies of an image, shifted, brighter or compressed, are in one part of "
        "the data; rotated and mirrored ones are not looked for.",
        "Scores hold for this data set, split and protocol, and compare with no published number "
        "that used others.",
        "Detectors that find nothing prove nothing about detectors that were not tried.",
        *filter(None, [lossy(contents.data)]),
    ]


def lossy(data: Mapping[str, Any]) -> str:
    """A warning if real images were compressed with loss, for generated ones never are."""
    count_lossy, formats = data.get("lossy_files"), data.get("formats")
    if not count_lossy:
        return ""
    return (
        f"{count(count_lossy)} of the real images’ files have lost detail to compression "
        f"({plain(formats)}), generated images have not. Scores and detectors may measure this "
        "difference and not realism."
    )
