"""How long the report of a run takes, and `zoo app` to answer and to show its first screen.

usage: python benchmarks/pages.py [--run RUN] [--rounds 7] [--out FILE]

The app is started in turns with a page of Streamlit's that holds one heading; both are asked over
HTTP at 127.0.0.1 until they answer, then opened in a Chromium that runs already (with playwright;
without, only the answer is timed). `first screen` is the app's heading, `first images` the images
that its generator makes, before which TensorFlow is loaded; both from the start of the command on.
RUN is a run folder; without it one of a few seconds is made. Rows that FILE holds are not measured
again.
"""

import argparse
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import measured

HOST, LIMIT = "127.0.0.1", 120.0
HELLO = 'import streamlit as st\n\nst.title("hello")\n'
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TRAINING = "--data-options images=100 --image-size 32 --steps 60 --score-images 64 --device cpu"

Seen = Callable[[Any], Any]


def make(folder: Path) -> Path:
    """A run that was scored and detected, of a minute or less."""
    words = ["run", "dcgan", "--data", "bbbc/simulated", "--preset", "quick", *TRAINING.split()]
    zoo = [sys.executable, "-m", "zoo_cli.main", *words, "--out", str(folder), "--json"]
    done = subprocess.run(zoo, check=True, stdout=subprocess.PIPE, text=True)
    return Path(json.loads(done.stdout)["run"])


def report(run: Callable[[], Path], rounds: int) -> dict[str, Any]:
    """Seconds of `zoo report`; of nothing else, for no other tool writes such a report."""
    zoo = [sys.executable, "-m", "zoo_cli.main", "report", str(run())]
    seconds = measured.in_turns({"zoo report": partial(measured.wall, zoo)}, rounds=rounds)
    html = (run() / "report.html").stat().st_size
    figures = len(list((run() / "figures").iterdir()))
    facts = {"report_kb": round(html / 1e3), "figures": figures, "versions": _versions()}
    return measured.compared(seconds) | facts


def app(run: Callable[[], Path], work: Path) -> list[str]:
    """The command of the app at the first run, without its port."""
    parent = ["--runs", str(run().parent), "--no-browser", "--port"]
    return [sys.executable, "-m", "zoo_cli.main", "app", str(run()), *parent]


def hello(run: Callable[[], Path], work: Path) -> list[str]:
    """Streamlit's own, with a page of one heading."""
    page = work / "hello.py"
    page.write_text(HELLO)
    told = ["--server.headless=true", "--browser.gatherUsageStats=false", "--server.port"]
    return [sys.executable, "-m", "streamlit", "run", str(page), f"--server.address={HOST}", *told]


STARTS = {"zoo app": app, "a Streamlit page of one heading": hello}


def answered(command: list[str]) -> float:
    """Seconds until the page is answered."""
    with started(command) as (_, seconds):
        return seconds


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[tuple[str, float]]:
    """An address that answers, and the seconds until it did; ended after the block."""
    port = _free_port()
    begun = time.perf_counter()
    null = subprocess.DEVNULL
    process = subprocess.Popen([*command, str(port)], stdout=null, stderr=null)
    try:
        address = f"http://{HOST}:{port}"
        while not _answers(address):
            assert process.poll() is None, f"{command} ended with status {process.returncode}"
            assert time.perf_counter() - begun < LIMIT, f"{command} did not answer"
            time.sleep(0.01)
        yield address, time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def shown(command: list[str], browser: Any, seen: Seen) -> float:
    """Seconds until something is seen in the browser."""
    begun = time.perf_counter()
    with started(command) as (address, _):
        tab = browser.new_page()
        tab.goto(address)
        seen(tab).wait_for(timeout=LIMIT * 1e3)
        seconds = time.perf_counter() - begun
        tab.close()
    return seconds


def heading(tab: Any) -> Any:
    return tab.get_by_role("heading").first


def image(tab: Any) -> Any:
    return tab.get_by_alt_text("Generated image").first


def starts(run: Callable[[], Path], what: str, rounds: int) -> dict[str, Any]:
    """Both apps in turns."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        commands = {title: start(run, Path(name)) for title, start in STARTS.items()}
        if what == "first answer":
            runs = {title: partial(answered, words) for title, words in commands.items()}
        else:
            browser = stack.enter_context(_chromium())
            seen: dict[str, Seen] = dict.fromkeys(commands, heading)
            if what == "first images":
                seen = {"zoo app": image}  # the other has none
            runs = {title: partial(shown, commands[title], browser, seen[title]) for title in seen}
        return measured.compared(measured.in_turns(runs, rounds=rounds)) | {"versions": _versions()}


@contextlib.contextmanager
def _chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


def has_browser() -> bool:
    """Whether screens can be timed."""
    from importlib.util import find_spec

    return CHROMIUM is not None and find_spec("playwright") is not None


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
        return bool(answer.status == 200 and answer.read())
    return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
    return port


def _versions() -> dict[str, str]:
    return measured.versions(("streamlit", "matplotlib", "tensorflow", "keras"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="a run folder; without it one is made")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=measured.RESULTS / "pages.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        made: list[Path] = [given.run.resolve()] if given.run else []

        def run() -> Path:
            if not made:
                made.append(make(Path(name, "runs")))
            return made[0]

        rows = {"zoo report": partial(report, run, given.rounds)}
        screens = ("first screen", "first images") if has_browser() else ()
        for what in ("first answer", *screens):
            rows[f"zoo app, {what}"] = partial(starts, run, what, given.rounds)
        measured.measure(given.out, rows)


if __name__ == "__main__":
    main()
