"""Run the benchmarks one after another, and write what they gave into one file and one page.

usage: python benchmarks/bench.py [--only NAME …] [--torch-python PATH] [--other "CMD"] [--again]
       python benchmarks/bench.py --page     writes the page from the results that there are
       python benchmarks/bench.py --check    exits 1 if the page is not what the results give

Every script keeps what it has measured in results/NAME.json, so that the same command goes on after
a stop; `--again` forgets the rows of the scripts that are run. PATH is a Python with what
`step_speed.py` and `fid_speed.py` ask for; CMD a command of a tool that finds plugins, such as
`PATH/datasette plugins`. Without them their rows say that they were not measured, and why. All of
it goes into results/all.json and docs/benchmarks.md.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bench_endurance
import bench_lines
import measured
from bench_page import page

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
INTERRUPTED = 75
NO_TORCH = "no --torch-python was given"


@dataclass(frozen=True)
class Section:
    """A script, and how its file becomes a part of the page.

    Attributes:
        title: Its heading.
        how: How it is measured, in a sentence.
        options: What it is started with; `{torch_python}` and `{other}` stand for what is given.
        run: Whether `make bench` runs it: the others take longer or need what is not at hand.
        needs: The option without which it measures less, or nothing.
    """

    title: str
    how: str
    options: tuple[str, ...] = ()
    run: bool = True
    needs: str = ""


SECTIONS = {
    "startup": Section(
        "Commands that only look",
        "each command and another one in turns, as processes",
        needs="other",
    ),
    "pages": Section(
        "The report and the app",
        "from the start of the command to its end, to the first answer over HTTP, to the heading "
        "and to the images in Chromium",
    ),
    "step_speed": Section(
        "Training steps",
        "the same network and step in each variant, a process each, some steps in turn",
        ("--quick",),
        needs="torch_python",
    ),
    "first_step": Section(
        "From the command to the first step",
        "`zoo run` with its data prepared, and a script of PyTorch with the same network and data",
        ("--generators", "dcgan"),
        needs="torch_python",
    ),
    "gpu": Section(
        "On a GPU",
        "training images a second, a process for each combination",
        ("--quick",),
    ),
    "fid_speed": Section(
        "Features and the Fréchet distance",
        "uint8 images in memory to 2048 features with the same random weights, and features of two "
        "sets to the distance, in turns",
        needs="torch_python",
    ),
    "extractor_speed": Section(
        "Features, distance and memory by themselves",
        "as above at 299 px; the distance beside the formula with a matrix square root, once; the "
        "peak memory of a process that extracts and compares",
        run=False,
    ),
    "data_pipeline": Section(
        "Data",
        "fields of 520x696 pixels decoded, cut into crops and read as batches, all in memory",
    ),
    "scaling": Section(
        "Scaling",
        "slopes between logarithms with their standard errors: 1 says that twice as much costs "
        "twice as much, against the side of an image 2 does; `last` is the slope of the last two "
        "points",
    ),
    "data_memory": Section(
        "Memory of loading",
        "peak memory and time of a process that loads images of 64x64 and reads batches",
        run=False,
    ),
    "score_memory": Section(
        "Memory of scoring",
        "peak memory and time of a process that scores images of 32x32",
        run=False,
    ),
    "footprint": Section(
        "Memory of generators",
        "generator and discriminator, and what a process takes in training steps of 16 images",
        run=False,
    ),
    "install_size": Section(
        "Installation",
        "a fresh environment for each extra",
        run=False,
    ),
}  # fmt: skip


def gathered(skipped: Mapping[str, str]) -> dict[str, Any]:
    """All lines, from the files of results; why scripts measured less than they could."""
    sections = [part for name in SECTIONS if (part := _section(name, skipped.get(name, "")))]
    return {
        "skipped": dict(skipped),
        "sections": sections,
        "endurance": bench_endurance.found(measured.RESULTS),
    }


def _section(name: str, skipped: str) -> dict[str, Any] | None:
    """The lines of a script; nothing of one that is not run and has no results."""
    file = measured.RESULTS / f"{name}.json"
    section = SECTIONS[name]
    held = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    rows = held.get("rows", {})
    if not rows and not section.run:
        return None
    lines = list(getattr(bench_lines, name)(rows, skipped or bench_lines.NOT_YET))
    if not rows:
        lines = [bench_lines.Line(section.title, missing=skipped or bench_lines.NOT_RUN)]
    return {
        "script": name,
        "title": section.title,
        "how": section.how,
        "machine": _machine(held.get("machine")),
        **_facts(rows),
        "lines": [asdict(line) for line in lines],
    }


def _machine(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    versions = (f"{name} {found['versions'][name]}" for name in ("zoo", "numpy"))
    system = f"{found['system']}, Python {found['versions']['python']}"
    words = (found["processor"], f"{found['cores']} cores", f"{found['memory_gb']} GB", system)
    return ", ".join((*words, *versions))


def _facts(rows: bench_lines.Rows) -> dict[str, Any]:
    """Days, commits, load over a minute and versions of all rows."""
    days = sorted(row["date"] for row in rows.values() if "date" in row)
    load = sorted(row["load"][0] for row in rows.values() if "load" in row)
    versions: dict[str, str] = {}
    for row in rows.values():
        found = row.get("versions", {}).items()
        versions |= {name: value for name, value in found if isinstance(value, str)}
        versions |= {"GPU": row["gpu"]} if "gpu" in row else {}
    return {
        "dates": [days[0], days[-1]] if days else [],
        "commits": list(dict.fromkeys(row["commit"] for row in rows.values() if row.get("commit"))),
        "load": [load[0], load[-1]] if load else [],
        "versions": versions,
    }


def commands(given: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """The scripts to run, and how each is called."""
    for name in given.only or [name for name, section in SECTIONS.items() if section.run]:
        section = SECTIONS[name]
        words = [sys.executable, str(HERE / f"{name}.py"), *section.options]
        for option in ("torch_python", "other"):
            value = getattr(given, option)
            if value and (section.needs == option or (name, option) == ("gpu", "torch_python")):
                words += [f"--{option.replace('_', '-')}", value]
        yield name, words


def lacking(name: str, given: argparse.Namespace) -> str:
    """Why a script measures less than it could, or nothing."""
    need = SECTIONS[name].needs
    if need and not getattr(given, need):
        return f"no --{need.replace('_', '-')} was given"
    if name == "pages":
        from pages import has_browser

        return "" if has_browser() else "there is no Chromium with playwright"
    return ""


def run(given: argparse.Namespace, skipped: dict[str, str]) -> None:
    """Run the scripts, and write after each; one that fails is told, and the next is run."""
    for name, words in commands(given):
        skipped.pop(name, None)
        if given.again:
            (measured.RESULTS / f"{name}.json").unlink(missing_ok=True)
        if why := lacking(name, given):
            skipped[name] = why
        if not (why and name == "fid_speed"):  # which measures nothing without
            print(f"\n== {name}", file=sys.stderr, flush=True)
            start = time.monotonic()
            if status := subprocess.run(words).returncode:
                skipped[name] = f"its script ended with status {status}"
            print(f"== {name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        write(skipped)


def write(skipped: Mapping[str, str]) -> None:
    """Write the file and the page."""
    told = gathered(skipped)
    measured.write(measured.RESULTS / "all.json", told)
    PAGE.write_text(page(told), encoding="utf-8")


def stale() -> list[str]:
    """Which of the file and the page is not what the results give."""
    file = measured.RESULTS / "all.json"
    held = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"skipped": {}}
    told = json.loads(json.dumps(gathered(held["skipped"])))
    shown = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    found = {"benchmarks/results/all.json": held == told, "docs/benchmarks.md": shown == page(told)}
    return [name for name, same in found.items() if not same]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="run these scripts")
    parser.add_argument("--torch-python", default="", help="a Python with torch and the tools")
    parser.add_argument("--other", default="", help="a command of a tool that finds plugins")
    parser.add_argument("--again", action="store_true", help="forget what they have measured")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page")
    parser.add_argument("--check", action="store_true", help="run and write nothing")
    given = parser.parse_args()
    if given.check:
        if names := stale():
            print(f"{', '.join(names)}: run `python benchmarks/bench.py --page`", file=sys.stderr)
        sys.exit(bool(stale()))
    file = measured.RESULTS / "all.json"
    skipped = json.loads(file.read_text(encoding="utf-8"))["skipped"] if file.is_file() else {}
    try:
        if not given.page:
            run(given, skipped)
    except KeyboardInterrupt:
        print("stopped; the same command without --again goes on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    finally:
        write(skipped)


if __name__ == "__main__":
    main()
