"""Measured rows in a JSON file: each is written when it is there, and a restart continues."""

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

PACKAGES = ("zoo", "numpy", "pillow", "tifffile", "imagecodecs", "pydicom", "tensorflow-datasets")
RESULTS = Path(__file__).with_name("results")


def measure(file: Path, rows: Mapping[str, Callable[[], Mapping[str, Any]]]) -> dict[str, Any]:
    """Measure what the file does not hold yet, unless it is of another machine.

    Args:
        file: Made anew if it was measured elsewhere or with other versions.
        rows: What a row is called to what measures it.

    Returns:
        The rows that were asked for.
    """
    here = machine()
    kept = json.loads(file.read_text()) if file.is_file() else {}
    if kept and kept["machine"] != here:
        print(f"{file} was measured elsewhere or with other versions; starting over")
        kept = {}
    kept = {"machine": here, "rows": kept.get("rows", {})}
    for name, run in rows.items():
        if name not in kept["rows"]:
            about = {"load": load(), "date": date.today().isoformat()}
            kept["rows"][name] = {**about, **run(), "commit": commit()}
            write(file, kept)
        print(f"{name}: {json.dumps(kept['rows'][name])}", flush=True)
    return {name: kept["rows"][name] for name in rows}


def machine() -> dict[str, Any]:
    """Processor, memory and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version()} | versions(PACKAGES),
    }


def load() -> list[float]:
    """Processes that wanted a core, on average over 1, 5 and 15 minutes."""
    return [round(value, 1) for value in os.getloadavg()]


def commit() -> str:
    """What was measured, with `+` if files were changed since, other than what results go into."""
    written = (":/", ":(top,exclude)benchmarks/results", ":(top,exclude)docs/benchmarks.md")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *written)
    return _git("describe", "--always") + ("+" if changed else "")


def _git(*words: str) -> str:
    command = ["git", "-C", str(RESULTS.parent), *words]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            print(f"{name} is not installed", file=sys.stderr)
    return found


def in_turns(
    runs: Mapping[str, Callable[[], float]], *, rounds: int, warm: int = 1
) -> dict[str, list[float]]:
    """Seconds of each, A B A B; the first `warm` rounds are not kept."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + warm):
        for name, run in runs.items():
            taken = run()
            if number >= warm:
                seconds[name].append(taken)
    return seconds


def compared(seconds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """A row from what `in_turns` gave, zoo's first: a ratio above 1 says that zoo is faster.

    A ratio is the other's seconds over zoo's in the same round: their median, and their range.
    """
    (mine, *_) = seconds.values()
    row: dict[str, Any] = {"rounds": len(mine), "zoo": {}, "others": {}}
    for number, (name, theirs) in enumerate(seconds.items()):
        facts: dict[str, Any] = {"seconds": rounded(statistics.median(theirs))}
        facts["range"] = [rounded(min(theirs)), rounded(max(theirs))]
        if number:
            ratios = [other / my for my, other in zip(mine, theirs, strict=True)]
            facts["ratio"] = rounded(statistics.median(ratios))
            facts["ratio_range"] = [rounded(min(ratios)), rounded(max(ratios))]
            row["others"][name] = facts
        else:
            row["zoo"] = {"name": name, **facts}
    return row


def rounded(value: float) -> float:
    """To three digits."""
    return float(f"{value:.3g}")


def wall(command: Sequence[str], **options: Any) -> float:
    """Seconds that a command takes; what it prints is dropped."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    return time.perf_counter() - start


def write(file: Path, value: Any) -> None:
    """Write a file of results, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1) + "\n")
    part.replace(file)
