"""What each file of results says, as lines of one table: `bench.py` writes them.

Every file has a function from its rows to lines. A ratio is the time of what stands beside zoo over
zoo's, so that above 1 zoo takes less; one below 1 needs a reason, from the row or from `REASONS`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Rows = Mapping[str, Row]

NOT_RUN = "its script was not run"
NOT_YET = "its script has not come to it"
SPREAD = "the rounds disagree: their range holds 1"
REASONS = {
    ("startup", "python -c pass"): (
        "zoo starts this Python as well, and then imports click, pluggy and PyYAML and asks every "
        "installed package for its entry points; no framework is imported"
    ),
    ("pages", "a Streamlit page of one heading"): (
        "two Pythons start one after the other, the command and the server, and the page reads runs"
    ),
    ("step_speed", "zoo, several steps a call"): (
        "`--steps-per-call` saves the return to Python between steps; 1 is the default because "
        "progress, checkpoints and what is logged come between calls only"
    ),
    ("first_step", "PyTorch"): (
        "TensorFlow and Keras take longer to import than torch, the step is traced into a graph "
        "before it is taken, and there is a run folder to write; the parts say how long each takes"
    ),
    ("first_step", "torch.compile"): (
        "as beside PyTorch; what torch.compile compiled in an earlier process comes from its cache"
    ),
    ("step_speed", "zoo, XLA"): "`--jit on`: faster here, after a longer first step",
}


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: What was measured.
        zoo: zoo's figure with its unit.
        other: What stands beside it, and its figure; empty without a comparison.
        ratio: The other's time over zoo's.
        range: Of the ratio over rounds.
        rounds: How often both were measured in turns.
        missing: Why it was not measured.
        reason: Why a ratio is below 1.
    """

    what: str
    zoo: str = ""
    other: str = ""
    ratio: float | None = None
    range: tuple[float, float] | None = None
    rounds: int | None = None
    missing: str = ""
    reason: str = ""


def seconds(value: float) -> str:
    """Seconds, or milliseconds, to three digits."""
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def number(value: float) -> str:
    """Three digits, whole from 100 on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def reason(script: str, other: str, row: Row, *, ratio: float, span: Any) -> str:
    """Why a ratio is below 1: the row's own words, else `REASONS`, else its range."""
    if ratio >= 1:
        return ""
    stated = row.get("reason") or REASONS.get((script, other), "")
    return stated or (SPREAD if span and span[0] < 1 < span[1] else "")


def missing(rows: Rows, names: Mapping[str, str], why: str) -> Iterator[Line]:
    """A line for each expected row that is not there."""
    yield from (Line(what, missing=why) for name, what in names.items() if name not in rows)


def compared(script: str, what: str, row: Row) -> Iterator[Line]:
    """Lines of a row that `measured.compared` made."""
    mine = seconds(row["zoo"]["seconds"])
    if not row["others"]:
        low, high = row["zoo"]["range"]
        yield Line(what, f"{mine} ({seconds(low)} to {seconds(high)})", rounds=row["rounds"])
    for name, other in row["others"].items():
        why = reason(script, name, row, ratio=other["ratio"], span=other["ratio_range"])
        beside = f"{name}: {seconds(other['seconds'])}"
        low, high = other["ratio_range"]
        yield Line(what, mine, beside, other["ratio"], (low, high), row["rounds"], reason=why)


def startup(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        yield from compared("startup", f"`{name.partition(' beside ')[0]}`", row)
    if all(name.endswith("python -c pass") for name in rows):
        yield Line("`zoo list` beside another tool with plugins", missing=why)


def pages(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        yield from compared("pages", name.replace("zoo report", "`zoo report`"), row)
    screens = ("zoo app, first screen", "zoo app, first images")
    yield from missing(rows, dict(zip(screens, screens, strict=True)), why)


def step_speed(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        if "not_measured" in row:
            yield Line(name, missing=str(row["not_measured"]).removeprefix("because "))
            continue
        others = [key for key in row if key.startswith(("zoo, ", "PyTorch", "torch.compile"))]
        mine = f"{number(row['zoo']['images_per_second'])} images/s"
        if not others:
            yield Line(name, mine, rounds=row["rounds"])
        if not any(key.startswith(("PyTorch", "torch")) for key in others):
            yield Line(f"{name} beside PyTorch", missing=why)
        yield from (_variant("step_speed", name, mine, key, row) for key in others)


def _variant(script: str, name: str, mine: str, key: str, row: Row) -> Line:
    found = row[key]
    if "not_measured" in found:
        why = str(found["not_measured"]).removeprefix("because ")
        return Line(f"{name} beside {key}", missing=why)
    if "images_per_second" in found:
        figure = f"{number(found['images_per_second'])} images/s"
    else:
        figure = seconds(found["seconds"])
    ratio, (low, high) = found["zoo_over_this"], found["range"]
    stated = reason(script, key, {**row, **found}, ratio=ratio, span=(low, high))
    beside = f"{key}: {figure}"
    return Line(name, mine, beside, ratio, (low, high), row["rounds"], reason=stated)


def first_step(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        if "not_measured" in row:
            yield Line(name, missing=str(row["not_measured"]).removeprefix("because "))
            continue
        parts = row["zoo run"].get("parts", {})
        shares = ", ".join(f"{part} {seconds(value)}" for part, value in parts.items())
        mine = seconds(row["zoo run"]["seconds"]) + (f" ({shares})" if shares else "")
        others = [key for key in row if key.startswith(("PyTorch", "torch.compile"))]
        yield from (_variant("first_step", name, mine, key, row) for key in others)
        if not others:
            yield Line(name, mine, rounds=row["rounds"])
            yield Line(f"{name} beside PyTorch", missing=why)


def gpu(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        if "not_measured" in row:
            yield Line(name, missing=str(row["not_measured"]).removeprefix("because "))
            continue
        figure = f"{number(row['images_per_second'])} images/s"
        memory = row.get("peak_gpu_memory_mb")
        yield Line(name, figure + (f", {number(memory)} MB" if memory else ""))


def fid_speed(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        what = name.rpartition(", ")[0]
        yield from compared("fid_speed", what, row)
    tools = ("torch-fidelity", "pytorch-fid", "clean-fid")
    for what in ("features, 64 px", "distance, 600 rows", "distance, 10000 rows"):
        names = {f"{what}, {tool}": f"{what} beside {tool}" for tool in tools}
        yield from missing(rows, names, why)


def extractor_speed(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        if name.startswith("images/s"):
            other = f"torch-fidelity: {number(row['torch_fidelity_images_per_second'])} images/s"
            mine = f"{number(row['zoo_images_per_second'])} images/s"
            ratio, (low, high) = row["zoo_over_torch_fidelity"], row["range"]
            stated = reason("extractor_speed", "torch-fidelity", row, ratio=ratio, span=(low, high))
            what = name.replace("images/s", "features, 299 px")
            yield Line(what, mine, other, ratio, (low, high), row["rounds"], reason=stated)
        elif name.startswith("frechet"):
            other = f"scipy.linalg.sqrtm: {seconds(row['sqrtm_seconds'])}"
            ratio = round(1 / row["over_sqrtm"], 1)
            mine = seconds(row["seconds"])
            yield Line(name.replace("frechet", "distance"), mine, other, ratio, rounds=1)
        else:
            yield Line(f"peak memory, {name.removeprefix('memory, ')}", f"{row['peak_mb']:.0f} MB")


def data_pipeline(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        rates = sorted(row["images"] / taken for taken in row["seconds"])
        spread = f"{number(rates[0])} to {number(rates[-1])}"
        figure = f"{number(row['images_per_second'])} images/s ({spread})"
        yield Line(name, figure, rounds=len(rates))


def scaling(rows: Rows, why: str) -> Iterator[Line]:
    kinds = {"seconds": seconds, "peak_mb": lambda mb: f"{number(mb)} MB"}
    for name, row in rows.items():
        against = "side, px" if "batch" in row else "number of images"
        for kind, words in kinds.items():
            if kind in row:
                found = row[kind]
                slope = f"{found['slope']} ± {found['standard_error']}, last {found['last_slope']}"
                ends = list(found["points"].items())
                shown = ", ".join(f"{float(n):,.0f}: {words(y)}" for n, y in (ends[0], ends[-1]))
                what = {"seconds": "time", "peak_mb": "peak memory"}[kind]
                yield Line(f"{name}, {what} against {against}", f"slope {slope} ({shown})")


def data_memory(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        for when in ("first", "again"):
            if when in row:
                took = f"{row[when]['peak_mb']:.0f} MB, {seconds(row[when]['load_seconds'])}"
                yield Line(f"{name}, {when}", took)


def score_memory(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        yield Line(f"{name} a side", f"{row['peak_mb']} MB, {seconds(row['seconds'])}")


def footprint(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        made, judged = row["generator_parameters"], row["discriminator_parameters"]
        sizes = f"{made / 1e6:.2f} and {judged / 1e6:.2f} million parameters"
        yield Line(name, f"{sizes}, {row['memory_mb']} MB")


def install_size(rows: Rows, why: str) -> Iterator[Line]:
    for name, row in rows.items():
        if "megabytes" in row:
            size = f"{row['megabytes']:,} MB in {row['distributions']} distributions"
            yield Line(name, f"{size}, {row['of_zoo']} MB of them zoo's own")


Lines = Callable[[Rows, str], Iterator[Line]]
