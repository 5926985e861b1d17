"""Measured rows in a JSON file: each is written when it is there, and a restart continues."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
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
            kept["rows"][name] = {**run(), "commit": commit()}
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
        "versions": {"python": platform.python_version()} | dict(_versions()),
    }


def commit() -> str:
    """What was measured, with `+` if files were changed since."""
    command = ["git", "-C", str(RESULTS.parent), "describe", "--always", "--dirty=+"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _versions() -> Any:
    for name in PACKAGES:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            print(f"{name} is not installed", file=sys.stderr)


def write(file: Path, value: Any) -> None:
    """Write a file of results, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1) + "\n")
    part.replace(file)
