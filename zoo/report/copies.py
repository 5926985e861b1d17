"""The tests for copies as rows to print."""

from collections.abc import Mapping
from typing import Any

from zoo.evaluation.copying import KINDS, Kind
from zoo.report.numbers import figure, network_name

SPACES = {
    "pixels": "Grey levels of pixels",
    "structure": "Structure, whatever brightness and contrast",
    "": "Discriminator",
}

Test = Mapping[str, Any]


def rows_by_space(memorisation: Mapping[str, Any]) -> list[tuple[str, list[tuple[Test, Kind]]]]:
    """(space, its tests) in the order in which they were measured."""
    rows: dict[str, list[tuple[Test, Kind]]] = {}
    for test in memorisation.get("tests") or []:
        if test["kind"] in KINDS:
            space = test["name"].removeprefix(test["kind"]).lstrip("_")
            heading = SPACES.get(space, f"Features of {network_name(space)}")
            rows.setdefault(heading, []).append((test, KINDS[test["kind"]]))
    return list(rows.items())


def kind_rows() -> list[tuple[str, str]]:
    """(test, what it measures)."""
    return [(kind.label, kind.meaning) for kind in KINDS.values()]


def pair_rows(memorisation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which training image each of the likeliest copies was paired with."""
    return [
        (
            f"generated {pair['fake']}{'' if pair.get('suspect') else ', no suspect'}",
            f"{pair['id']}, distance {figure(pair['distance'], 3)} and ratio "
            f"{figure(pair['ratio'], 3)} in {pair['space']}",
        )
        for pair in memorisation.get("pairs") or []
    ]
