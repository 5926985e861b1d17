"""What a run used of zoo and of plugins, kept in its manifest: a plugin may be gone tomorrow."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoo.plugins import registry
from zoo.report.bibliography import identifiers, known
from zoo.report.numbers import comparable, split_name
from zoo.runs import Run

Facts = Mapping[str, Any]


def note(run: Run, *kinds: str) -> None:
    """Write into `sources` of the manifest what is to be cited of what the run used.

    Args:
        run: The run.
        *kinds: Such as `generators`; what was noted of them before is replaced.
    """
    noted = dict(run.manifest.get("sources") or {})
    for kind in kinds:
        names = dict.fromkeys(_names(run, kind))
        noted[kind] = {name: found for name in names if (found := source(kind, name))}
    run.update_manifest(sources=noted)


def source(kind: str, name: str) -> dict[str, Any]:
    """What is to be cited of an installed record; empty if there is none of that name.

    Args:
        kind: Such as `metrics`.
        name: Its name, with its package before a colon or not; for `extractors` the suffix of
            metrics on its features.

    Returns:
        `name`, `package`, `version`, `licence`, `paper`, and of the `CITATIONS.bib` beside its
        module the entries, as text, that have an identifier of its paper or of its homepage.
    """
    for entry in registry().usable(kind):
        record = entry.record
        suffix, scheme = (getattr(record, key, "") for key in ("suffix", "scheme"))
        known_as = (suffix,) if kind == "extractors" else ()
        whole = f"{entry.plugin.package}:{entry.name}"
        of_scheme = scheme and name.startswith(f"{entry.name}:")
        if of_scheme or name in (entry.name, whole, *known_as):
            facts = {key: getattr(record, key) for key in ("name", "licence", "paper")}
            plugin = {"package": entry.plugin.package, "version": entry.plugin.version}
            return {**facts, **plugin, "bibtex": _beside(record)}
    return {}


def suffix_of(card: Facts) -> str | None:
    """The suffix of the extractor on whose features a score was measured, if it was on any."""
    suffix = card.get("features")
    if suffix is None:
        return None
    return str(suffix).replace("mixed8", "keras").replace("mixed7", "keras")


def _beside(record: Any) -> str:
    module = record.target.partition(":")[0]
    entries = known(module.rpartition(".")[0] or module, "CITATIONS.bib")
    wanted = {*identifiers(record.paper), getattr(record, "homepage", "").lower().rstrip("/")}
    return "\n".join(entry.bibtex for entry in entries if entry.names & wanted)


def _names(run: Run, kind: str) -> Iterator[str]:
    if kind == "generators":
        yield str(run.recipe.get("generator"))
    elif kind == "datasets":
        yield str((run.manifest.get("dataset") or {}).get("name"))
    elif kind == "detectors":
        found = run.read_mapping(run.detection_path).get("detectors") or []
        yield from (str(row["name"]) for row in found)
    else:
        measured = run.read_mapping(run.evaluation_path).get("metrics") or []
        yield from _measured(measured, kind)


def _measured(measured: Iterable[Facts], kind: str) -> Iterator[str]:
    for metric in measured:
        if kind == "metrics":
            yield split_name(metric["name"])[0]
        elif (suffix := suffix_of(comparable(metric))) is not None:
            yield suffix
