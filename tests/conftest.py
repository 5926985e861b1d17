import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's datasets, caches and weights out of the tests."""
    os.environ["ZOO_HOME"] = str(tmp_path_factory.mktemp("home"))
    os.environ["KERAS_HOME"] = str(tmp_path_factory.mktemp("keras"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder on the path of `zoo_command`, as an empty site-packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def install(site: Path) -> Callable[..., None]:
    """Put a distribution with one module and one entry point of the `zoo` group into `site`."""

    def write(package: str, source: str, *, entry: str = "", version: str = "0.1") -> None:
        module = package.replace("-", "_")
        (site / f"{module}.py").write_text(source)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {package}\nVersion: {version}\n")
        name = entry or package.removeprefix("zoo-")
        (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {module}\n")

    return write


@pytest.fixture
def zoo_command(site: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `zoo ARGS` as a user with no configuration would, in an empty folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ZOO_")}
    clean |= {"PYTHONPATH": str(site), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    clean |= {"ZOO_HOME": str(tmp_path / "home"), "COLUMNS": "100"}

    def run(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "zoo_cli.main", *args],
            env=clean | environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
