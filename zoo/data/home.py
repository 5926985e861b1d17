"""Where zoo keeps what it can make again: prepared datasets, crops, weights."""

import os
from pathlib import Path


def home() -> Path:
    """`$ZOO_HOME`, or `~/.cache/zoo`; the folder may not exist yet."""
    stated = os.environ.get("ZOO_HOME")
    return Path(stated).expanduser() if stated else Path.home() / ".cache" / "zoo"
