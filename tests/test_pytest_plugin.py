"""`pytest --zoo NAME` and `zoo.testing.conformance`, as an author's CI runs them."""

import os
import subprocess
import sys

import pytest

METRIC = """
import zoo

@zoo.hookimpl
def zoo_metrics():
    yield zoo.Metric("bright", "zoo_bright:bright", "Brightness")

def bright(real, fake, context):
    return {value}
"""
GOOD = "abs(float(real.mean()) - float(fake.mean()))"
PLUGIN = ("-p", "zoo.testing.pytest_plugin")


@pytest.fixture
def run_pytest(site, tmp_path):
    """Run pytest in an empty folder with what is installed in `site`."""
    folder = tmp_path / "author"
    folder.mkdir()

    def run(*args):
        # Without what this machine has installed, such as another version of this plugin.
        environ = os.environ | {"PYTHONPATH": str(site), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *args]
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environ)

    run.folder = folder
    return run


def test_pytest_checks_a_plugin_without_a_file_of_tests(install, run_pytest):
    install("zoo-bright", METRIC.format(value=GOOD))
    done = run_pytest(*PLUGIN, "--zoo", "bright")
    assert done.returncode == 0, done.stdout
    assert "metric-bright-order PASSED" in done.stdout


def test_a_failure_is_the_finding_and_no_traceback(install, run_pytest):
    install("zoo-bright", METRIC.format(value="float('nan')"))
    done = run_pytest(*PLUGIN, "--zoo", "zoo-bright")
    assert done.returncode == 1
    assert "metric bright, check value: expected one finite number" in done.stdout
    assert "do: raise zoo.errors.NotComputed where there is no number" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_name_that_is_not_installed_is_told(run_pytest):
    done = run_pytest(*PLUGIN, "--zoo", "brihgt")
    assert done.returncode == 4
    assert "--zoo brihgt: no record or package 'brihgt'" in done.stderr


def test_two_lines_make_every_check_a_test(install, run_pytest):
    install("zoo-bright", METRIC.format(value="random"))
    lines = 'from zoo.testing import conformance\ntest_bright = conformance("bright")\n'
    (run_pytest.folder / "test_bright.py").write_text(lines)
    done = run_pytest("-k", "value or loads")
    assert "test_bright.py::test_bright[metric-bright-loads] PASSED" in done.stdout
    assert "found: NameError: name 'random' is not defined (zoo_bright.py, line 9)" in done.stdout


def test_the_plugin_imports_no_framework_where_it_is_not_used(run_pytest):
    unwanted = "{'numpy', 'keras', 'jinja2'}"
    (run_pytest.folder / "test_other.py").write_text(
        f"import sys\n\ndef test_other():\n    assert not {unwanted} & set(sys.modules)\n"
    )
    done = run_pytest(*PLUGIN)
    assert done.returncode == 0, done.stdout
