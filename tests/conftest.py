import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
import tomllib
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's datasets, caches and weights out of the tests."""
    os.environ["ZOO_HOME"] = str(tmp_path_factory.mktemp("home"))
    os.environ["KERAS_HOME"] = str(tmp_path_factory.mktemp("keras"))


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`, whole or continued; `asked` holds each request's path and `Range`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.date = "Mon, 05 Jan 2026 10:00:00 GMT"
        self.break_after: int | None = None
        self.stalls = threading.Event()  # whether it says nothing more after that, until cleared
        self.announced: int | None = None
        self.ranges, self.refuses_ranges = True, False

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name, asked, server = self.path[1:], self.headers["Range"], self.server
        server.asked.append((name, asked))
        if name not in server.files or (asked and server.refuses_ranges):
            self.send_error(416 if asked else 404)
            return
        content, start = server.files[name], 0
        if asked and server.ranges and self.headers["If-Range"] == server.date:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if server.ranges:
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Last-Modified", server.date)
        self.send_header("Content-Length", str((server.announced or len(content)) - start))
        self.end_headers()
        self.wfile.write(content[start : server.break_after])
        while server.stalls.is_set():
            time.sleep(0.02)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    """A web server on this machine that can fail as others do."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder on the path of `zoo_command`, as an empty site-packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def install(site: Path) -> Callable[..., None]:
    """Put a distribution with one module and one entry point of the `zoo` group into `site`."""

    def write(
        package: str, source: str, *, entry: str = "", version: str = "0.1", needs: str = ""
    ) -> None:
        module = package.replace("-", "_")
        (site / f"{module}.py").write_text(source)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        needed = f"Requires-Dist: {needs}\n" if needs else ""
        (info / "METADATA").write_text(f"Name: {package}\nVersion: {version}\n{needed}")
        name = entry or package.removeprefix("zoo-")
        (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {module}\n")

    return write


@pytest.fixture
def install_folder(site: Path) -> Callable[[Path], None]:
    """Install a folder with a `pyproject.toml` into `site`, as pip would, without pip."""

    def install(folder: Path) -> None:
        content = tomllib.loads((folder / "pyproject.toml").read_text())
        project, (package,) = content["project"], content["tool"]["setuptools"]["packages"]
        shutil.copytree(folder / package, site / package)
        info = site / f"{package}-{project['version']}.dist-info"
        info.mkdir()
        lines = [f"Name: {project['name']}", f"Version: {project['version']}"]
        lines += [f"Requires-Dist: {needed}" for needed in project["dependencies"]]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        points = [f"{name} = {value}" for name, value in project["entry-points"]["zoo"].items()]
        (info / "entry_points.txt").write_text("\n".join(["[zoo]", *points]) + "\n")

    return install


@pytest.fixture
def zoo_command(site: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `zoo ARGS` as a user with no configuration would, in an empty folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ZOO_")}
    clean |= {"PYTHONPATH": str(site), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    clean |= {"ZOO_HOME": str(tmp_path / "home"), "COLUMNS": "100"}

    def run(*args: str, timeout: float = 120, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "zoo_cli.main", *args],
            env=clean | environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture
def tfds_case() -> Callable[..., None]:
    """Run TFDS' own test of a builder on archives in its official layout."""

    def run(builder: type, splits: dict[str, int], folder: Path, **facts: object) -> None:
        pytest.importorskip("dill", reason="tfds.testing.DatasetBuilderTestCase needs dill")
        import tensorflow_datasets as tfds

        facts |= {"DATASET_CLASS": builder, "SPLITS": splits, "EXAMPLE_DIR": str(folder)}
        # Its names stay out of TFDS', which other packages share.
        facts["test_registered"] = None
        case = type("Case", (tfds.testing.DatasetBuilderTestCase,), facts)
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
        assert result.testsRun
        assert not [*result.failures, *result.errors]

    return run
