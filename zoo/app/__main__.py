"""The server's process: `python -m zoo.app PORT RUNS [RUN]`, ended by the end of its input."""

import os
import sys
import threading
from pathlib import Path

from zoo.app.settings import flags


def main(port: str, *arguments: str) -> None:
    """Serve the page with these arguments."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from streamlit import net_util
    from streamlit.web.cli import main as streamlit

    # It would ask a machine on the internet when another site's page tries to connect.
    net_util.get_external_ip = lambda: None
    page = Path(__file__).with_name("main.py")
    streamlit(["run", *flags(int(port)), str(page), "--", *arguments], prog_name="zoo app")


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when whoever started this process ends, however it ends
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
