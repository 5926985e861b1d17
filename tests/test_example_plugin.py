"""`examples/zoo-example-plugin`, installed outside of the tree."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "examples" / "zoo-example-plugin"
NAME = "dcgan-drift"
TINY = ("--data", "bbbc/simulated", "--image-size", "32", "--no-eval", "-o", "width=4")


def test_the_example_is_listed_with_its_option_and_resolved(install_folder, zoo_command):
    install_folder(PACKAGE)
    assert NAME in zoo_command("list", "generators").stdout
    facts = json.loads(zoo_command("info", NAME, "--json").stdout)
    assert facts["package"] == "zoo-example-plugin"
    assert "drift" in [option["name"] for option in facts["options"]]
    dry = zoo_command("run", NAME, *TINY, "--kimg", "0.1", "--dry-run")
    assert dry.returncode == 0, dry.stderr


@pytest.mark.slow
def test_the_example_s_wheel_is_installed_checked_and_trained(site, zoo_command, tmp_path):
    python = [sys.executable, "-m"]
    wheels = tmp_path / "wheels"
    subprocess.run([*python, "build", "--wheel", "--outdir", wheels, PACKAGE], check=True)
    (wheel,) = wheels.iterdir()
    subprocess.run([*python, "pip", "install", "--no-deps", "--target", site, wheel], check=True)
    checked = zoo_command("check", "zoo-example-plugin", timeout=1200)
    assert checked.returncode == 0, checked.stdout
    assert ", 0 failed, " in checked.stdout.splitlines()[-1]
    trained = zoo_command("run", NAME, *TINY, "--kimg", "0.1", timeout=1200)
    assert trained.returncode == 0, trained.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert json.loads((run / "manifest.json").read_text())["status"] == "finished"
