"""The README's Python, word for word."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_python_of_the_readme_runs(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(BLOCKS[0].partition("gan =")[0] if number else "", names)
    exec(BLOCKS[number], names)
    if "fakes" in names:
        assert names["fakes"].shape == (64, 64, 64, 1)
    assert number > 0 or names["gan"].step.numpy() == 63
