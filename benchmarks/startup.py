"""How long `zoo list` takes, over an empty Python program timed in the same loop."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 10


def seconds(command: list[str]) -> float:
    """Wall time of a command, in seconds."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print both medians and their ratio."""
    empty = [sys.executable, "-c", "pass"]
    listing = [str(Path(sys.executable).with_name("zoo")), "list"]
    times = [(seconds(empty), seconds(listing)) for _ in range(RUNS)]
    base, ours = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"python -c pass {base * 1e3:.0f} ms, zoo list {ours * 1e3:.0f} ms: {ours / base:.1f}x")


if __name__ == "__main__":
    main()
