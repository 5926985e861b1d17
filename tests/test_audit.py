"""The audit of known vulnerabilities, with pip-audit's answers made up."""

import importlib.util
import json
import subprocess
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / ".ci" / "audit.py"
FAULT = {"id": "PYSEC-1", "fix_versions": ["2.0"]}


@pytest.fixture
def audit(tmp_path):
    spec = importlib.util.spec_from_file_location("audit", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    return module


def answering(monkeypatch, module, packages, *, mend=0, error=""):
    """pip-audit finds these; pip's dry run of a mend ends with that status."""
    text = "" if packages is None else json.dumps({"dependencies": packages})

    def run(command, **_):
        if "pip_audit" in command:
            return subprocess.CompletedProcess(command, 1, text, error)
        return subprocess.CompletedProcess(command, mend)

    monkeypatch.setattr(module.subprocess, "run", run)


PACKAGES = [
    {"name": "good", "version": "1.0", "vulns": []},
    {"name": "bad", "version": "1.0", "vulns": [FAULT]},
    {"name": "zoo", "skip_reason": "not found"},
]


@pytest.mark.parametrize(("mend", "status"), [(0, 1), (1, 0)])
def test_it_fails_where_another_version_would_end_it(
    audit, tmp_path, monkeypatch, capsys, mend, status
):
    answering(monkeypatch, audit, PACKAGES, mend=mend)
    with pytest.raises(SystemExit) as caught:
        audit.main(str(tmp_path), "zoo.whl")
    assert int(caught.value.code) == status
    printed = capsys.readouterr().out
    assert "bad 1.0: PYSEC-1" in printed
    assert "2 of 3 packages were looked up" in printed


@pytest.mark.parametrize("packages", [None, [{"name": "a", "skip_reason": "not found"}] * 3])
def test_it_says_that_it_is_skipped_where_nothing_can_be_asked(
    audit, tmp_path, monkeypatch, capsys, packages
):
    answering(monkeypatch, audit, packages, error="requests.exceptions.ProxyError: no network\n")
    audit.main(str(tmp_path), "zoo.whl")
    assert capsys.readouterr().out.startswith("skipped: ")
