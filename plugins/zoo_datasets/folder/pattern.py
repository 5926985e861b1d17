"""File names that say what they hold: `{well}_{field}_z{z}_c{channel}.tif`."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from zoo.errors import UsageError
from zoo_datasets.folder.units import Layout, Unit, is_image

PLANES = ("z", "t")
GROUPS = ("patient", "group")
RESERVED = ("id", "image", "mask", "note", "rejected", "pixel_size", "window")
EXAMPLE = "{well}_{field}_z{z}_c{channel}.tif"
MAX_CHANNELS = 4

Spot = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A pattern that file names follow.

    Attributes:
        text: As typed. With a `/` it describes the path in the folder, without one the name.
        regex: What it means.
        names: Its fields, in order.
    """

    text: str
    regex: re.Pattern[str]
    names: tuple[str, ...]

    @property
    def whole_path(self) -> bool:
        """Whether it describes the folders as well."""
        return "/" in self.text

    def match(self, name: str) -> dict[str, str] | None:
        """The fields of a path, or nothing if it does not follow the pattern."""
        found = self.regex.fullmatch(name if self.whole_path else PurePosixPath(name).name)
        return found.groupdict() if found else None


def parse(text: str) -> Template:
    """Read a pattern.

    `{name}` is a field; `{z}` and `{t}` are numbers; `{*}` is anything, and is forgotten; a field
    written twice must have one value.

    Raises:
        zoo.errors.UsageError: If a brace is alone, or a name is none or is taken.
    """
    texts, fields = (re.split(r"\{([^{}]*)\}", text)[start::2] for start in (0, 1))
    if {"{", "}"} & set("".join(texts)):
        raise UsageError(f"pattern {text}: a brace is alone; a field is {{name}} or {{*}}")
    for name in fields:
        _check_field(name, text)
    regex = re.escape(texts[0])
    for position, (name, after) in enumerate(zip(fields, texts[1:], strict=True)):
        regex += _regex(name, again=name in fields[:position]) + re.escape(after)
    names = tuple(name for name in dict.fromkeys(fields) if name != "*")
    return Template(text, re.compile(regex, re.DOTALL), names)


def pattern_units(
    layout: Layout, template: Template, channels: Sequence[int] | None
) -> tuple[list[Unit], list[str]]:
    """Put the files together that differ only in channel, depth and point in time.

    Args:
        layout: The files.
        template: How they are named.
        channels: Indices of the wanted channels in their order, or all.

    Returns:
        The units, those that are set aside included, and the names of all channels in order.

    Raises:
        zoo.errors.UsageError: If no file follows the pattern, or the channels cannot be had.
    """
    fields: dict[str, dict[str, str]] = {}
    spots: dict[str, dict[Spot, list[Path]]] = defaultdict(lambda: defaultdict(list))
    strays: list[Unit] = []
    for file in layout.files:
        found = template.match(layout.name(file)) if is_image(file) else None
        if found is None:
            reason = f"does not follow the pattern {template.text}"
            strays.append(Unit(layout.name(file), {(0, 0): (file,)}, rejected=reason))
            continue
        name, facts = _unit(layout, template, file, found)
        fields[name] = facts
        spot = (int(found.get("t") or 0), int(found.get("z") or 0), found.get("channel") or "")
        spots[name][spot].append(file)
    if not spots:
        raise UsageError(_nothing(layout, template))
    names = _sorted({channel for found in spots.values() for _, _, channel in found})
    chosen = _chosen(names, channels, spots) if "channel" in template.names else [""]
    units = [_assembled(name, fields[name], spots[name], chosen) for name in sorted(spots)]
    return [*units, *strays], names


def check_planes(units: Sequence[Unit], **choices: object) -> None:
    """Check that a choice was made of several planes.

    Raises:
        zoo.errors.UsageError: If not; the message says what to type.
    """
    for position, axis in enumerate(("t", "z")):
        most = max((len({spot[position] for spot in unit.files}) for unit in units), default=1)
        if most > 1 and choices[axis] is None:
            raise UsageError(
                f"up to {most} files along {axis} for one image; "
                f"choose --{axis} max, mean, middle, all or a number"
            )


def _unit(
    layout: Layout, template: Template, file: Path, found: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """Name and fields of the unit that a file belongs to; the group is among the fields."""
    values = {name: found[name] for name in template.names if name not in (*PLANES, "channel")}
    folder = "" if template.whole_path else str(PurePosixPath(layout.name(file)).parent)
    name = "/".join(filter(None, [folder.removeprefix("."), *values.values()])) or layout.root.name
    group = next((values[key] for key in GROUPS if key in values), name)
    told = {} if template.whole_path else layout.fields(file)
    return name, {**told, **values, "group": group}


def _assembled(
    name: str, fields: dict[str, str], spots: dict[Spot, list[Path]], channels: Sequence[str]
) -> Unit:
    """A unit with its files in place, or with the reason why it is set aside."""
    facts = dict(fields)
    unit = Unit(name, {}, facts.pop("group"), facts)
    unit = replace(unit, files={(0, 0): tuple(p for paths in spots.values() for p in paths)})
    for paths in spots.values():
        if len(paths) > 1:
            return replace(unit, rejected=f"{paths[0].name} and {paths[1].name} are the same plane")
    grid: dict[tuple[int, int], tuple[Path, ...]] = {}
    times, depths = sorted({t for t, _, _ in spots}), sorted({z for _, z, _ in spots})
    for t in times:
        for z in depths:
            missing = [channel for channel in channels if (t, z, channel) not in spots]
            if missing:
                return replace(unit, rejected=_missing(missing[0], (t, times), (z, depths)))
            grid[t, z] = tuple(spots[t, z, channel][0] for channel in channels)
    return replace(unit, files=grid)


def _missing(channel: str, t: tuple[int, list[int]], z: tuple[int, list[int]]) -> str:
    parts = [f"channel {channel}"] if channel else []
    parts += [f"{axis} {at}" for axis, (at, all_) in (("t", t), ("z", z)) if len(all_) > 1]
    return f"has no file for {', '.join(parts)}"


def _chosen(
    names: list[str],
    channels: Sequence[int] | None,
    spots: dict[str, dict[Spot, list[Path]]],
) -> list[str]:
    shown = ", ".join(f"{index} is {name}" for index, name in enumerate(names))
    if channels and max(channels) >= len(names):
        raise UsageError(f"no channel {max(channels)}; of the {len(names)} channels, {shown}")
    chosen = [names[index] for index in channels] if channels else names
    if len(chosen) > MAX_CHANNELS:
        raise UsageError(
            f"{len(chosen)} channels, and an image has up to {MAX_CHANNELS}: "
            f"choose, as --channels 0,1,2 ({shown})"
        )
    have = Counter(c for found in spots.values() for c in {channel for _, _, channel in found})
    complete = any(set(chosen) <= {c for _, _, c in found} for found in spots.values())
    if not complete:
        counts = ", ".join(f"{i} is {c} ({have[c]} images)" for i, c in enumerate(names))
        raise UsageError(
            f"no image has all {len(chosen)} channels; choose, as --channels 0 ({counts})"
        )
    return chosen


def _sorted(names: set[str]) -> list[str]:
    numbers = all(name.isdecimal() for name in names)
    return sorted(names, key=lambda name: (int(name) if numbers else 0, name))


def _check_field(name: str, text: str) -> None:
    if name in RESERVED:
        raise UsageError(f"pattern {text}: a field cannot be called {name}")
    if name != "*" and not name.isidentifier():
        raise UsageError(f"pattern {text}: {{{name}}} is no field; write {{name}} or {{*}}")


def _regex(name: str, *, again: bool) -> str:
    if name == "*":
        return ".*?"
    if again:
        return f"(?P={name})"
    return f"(?P<{name}>{'[0-9]+' if name in PLANES else '[^/]+?'})"


def _nothing(layout: Layout, template: Template) -> str:
    files = layout.images
    return (
        f"pattern {template.text} fits none of the {len(files)} images, such as "
        f"{layout.name(files[0])}; write a name with {{fields}} for what changes in it, as in "
        f"{EXAMPLE}"
    )
