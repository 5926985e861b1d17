"""docs/benchmarks.md from the lines of `bench.py`."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

HEAD = """\
# Benchmarks

What zoo takes, and what other tools take for the same. A ratio is the other's time over zoo's,
above 1 where zoo takes less, the median over rounds in which both were measured in turns; behind it
the range over the rounds. The numbers are those of this machine and these versions. `make bench`
measures what is missing and writes this page from `benchmarks/results`;
`make bench ONLY="startup scaling"` a part, and `python benchmarks/bench.py --help` says how other
tools are named.
"""
ENDURANCE = """
## Endurance

Not part of `make bench`, because they take hours.

| script | what was tried | what was found |
|---|---|---|
"""
COLUMNS = "| what | zoo | beside | ratio | range | rounds |\n|---|---|---|---|---|---|\n"


def page(told: Mapping[str, Any]) -> str:
    """The page of what `bench.gathered` gave."""
    usual = Counter(section["machine"] for section in told["sections"] if section["machine"])
    machine = usual.most_common(1)[0][0] if usual else ""
    text = HEAD + (f"\nMachine: {machine}.\n" if machine else "")
    text += "".join(_section(section, machine) for section in told["sections"])
    if told["endurance"]:
        rows = [(f"`{row['script']}.py`", row["what"], row["found"]) for row in told["endurance"]]
        text += ENDURANCE + "".join(_row(row) for row in rows)
    return text


def _section(section: Mapping[str, Any], machine: str) -> str:
    text = f"\n## {section['title']}\n\n`{section['script']}.py`: {section['how']}.\n"
    if facts := list(_facts(section, machine)):
        words = "; ".join(facts)
        text += f"{words[0].upper()}{words[1:]}.\n"
    text += "\n" + COLUMNS + "".join(_row(_cells(line)) for line in section["lines"])
    return text + _reasons(section["lines"])


def _facts(section: Mapping[str, Any], machine: str) -> Iterator[str]:
    """When, of which commit, under which load and with which versions."""
    if section["dates"]:
        yield f"measured {_span(section['dates'])}"
    if section["commits"]:
        yield f"commit {', '.join(f'`{commit}`' for commit in section['commits'])}"
    if section["load"]:
        yield f"load {_span(section['load'])}"
    if section["versions"]:
        yield ", ".join(f"{name} {version}" for name, version in section["versions"].items())
    if section["machine"] not in ("", machine):
        yield section["machine"]


def _span(values: Any) -> str:
    low, high = values
    return str(low) if low == high else f"{low} to {high}"


def _cells(line: Mapping[str, Any]) -> tuple[str, ...]:
    if line["missing"]:
        return (line["what"], f"not measured, because {line['missing']}", "", "", "", "")
    ratio = "" if line["ratio"] is None else f"{line['ratio']:.3g}"
    span = " to ".join(f"{end:.3g}" for end in line["range"] or ())
    return (line["what"], line["zoo"], line["other"], ratio, span, str(line["rounds"] or ""))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _reasons(lines: Any) -> str:
    """Each reason once, with the lines that it explains."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if line["ratio"] is not None and line["ratio"] < 1:
            beside = line["other"].rpartition(": ")[0]
            found.setdefault(line["reason"], []).append(f"{line['what']} beside {beside}")
    if not found:
        return ""
    told = (f"- {'; '.join(names)}: {reason or 'no reason is known'}.\n"
            for reason, names in found.items())  # fmt: skip
    return "\nBelow 1:\n\n" + "".join(told)
