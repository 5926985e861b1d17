"""The page of benchmarks says what their results say, and the benchmarks can be run as it says."""

import argparse
import ast
import json
import subprocess
import sys
from pathlib import Path

import bench
import bench_endurance
import bench_lines
import measured
import pytest
import scaling
from bench_page import page

SCRIPTS = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(bench.HERE.glob("*.py"))
    if "__main__" in path.read_text(encoding="utf-8")
}
FRAMEWORKS = {"keras", "ray", "streamlit", "tensorflow", "torch", "playwright"}
# Their processes are copied or serve others, and need a framework whatever they do.
WITH_A_FRAMEWORK = {"fid_tools", "fid_torch", "kill_resume", "step_speed_torch"}


def test_the_page_and_its_file_are_what_the_results_give():
    assert bench.stale() == []


def test_a_page_that_says_something_else_is_seen(tmp_path, monkeypatch):
    changed = tmp_path / "benchmarks.md"
    changed.write_text(bench.PAGE.read_text(encoding="utf-8").replace("1", "2", 1))
    monkeypatch.setattr(bench, "PAGE", changed)
    assert bench.stale() == ["docs/benchmarks.md"]


def test_every_ratio_below_1_has_a_reason():
    lines = [line for part in bench.gathered({})["sections"] for line in part["lines"]]
    below = [line for line in lines if line["ratio"] is not None and line["ratio"] < 1]
    assert [line for line in below if not line["reason"]] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_says_how_it_is_used_and_loads_no_framework_before_it_is(name):
    assert "usage:" in ast.get_docstring(SCRIPTS[name])
    top = [node for node in SCRIPTS[name].body if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = [getattr(node, "module", None) or node.names[0].name for node in top]
    loaded = {module.partition(".")[0] for module in modules} & FRAMEWORKS
    assert bool(loaded) == (name in WITH_A_FRAMEWORK), loaded


@pytest.mark.parametrize("name", [name for name, part in bench.SECTIONS.items() if part.run])
def test_a_benchmark_takes_the_options_that_make_bench_gives_it(name):
    given = argparse.Namespace(only=[name], torch_python="python", other="tool list")
    ((_, words),) = bench.commands(given)
    done = subprocess.run([*words, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in words if word.startswith("--"))


# What the numbers mean


def test_a_ratio_is_the_time_of_the_other_over_zoos_in_the_same_round():
    row = measured.compared({"zoo list": [1.0, 2.0, 4.0], "tool list": [3.0, 4.0, 4.0]})
    assert row["zoo"] == {"name": "zoo list", "seconds": 2.0, "range": [1.0, 4.0]}
    assert row["others"]["tool list"]["ratio"] == 2.0
    assert row["others"]["tool list"]["ratio_range"] == [1.0, 3.0]


def test_turns_are_taken_one_after_another_and_the_first_round_does_not_count():
    told = iter(range(6))
    seconds = measured.in_turns({"a": lambda: next(told), "b": lambda: next(told)}, rounds=2)
    assert seconds == {"a": [2, 4], "b": [3, 5]}


def test_a_cost_that_grows_with_the_square_has_slope_2_and_no_error():
    found = scaling.slope({side: 3.0 * side**2 for side in (32, 64, 128)})
    assert (found["slope"], found["standard_error"], found["last_slope"]) == (2.0, 0.0, 2.0)


def test_the_standard_error_of_a_slope_is_that_of_a_line_fit():
    import numpy as np

    points = {1.0: 1.0, 2.0: 3.0, 4.0: 3.0, 8.0: 9.0}
    x, y = np.log(list(points)), np.log(list(points.values()))
    (line, _), covariance = np.polyfit(x, y, 1, cov=True)
    found = scaling.slope(points)
    assert found["slope"] == pytest.approx(line, abs=0.006)
    assert found["standard_error"] == pytest.approx(covariance[0, 0] ** 0.5, abs=0.006)


@pytest.mark.parametrize(
    ("ratio", "span", "row", "expected"),
    [
        (1.2, (0.9, 1.4), {}, ""),
        (0.9, (0.8, 1.1), {}, bench_lines.SPREAD),
        (0.9, (0.8, 0.95), {"reason": "why"}, "why"),
        (0.9, (0.8, 0.95), {}, ""),
    ],
)
def test_a_ratio_below_1_is_explained_by_its_row_or_its_rounds(ratio, span, row, expected):
    assert bench_lines.reason("startup", "tool", row, ratio=ratio, span=span) == expected


# `make bench` itself


@pytest.fixture
def three(tmp_path, monkeypatch):
    """A script that measures, one that fails, and one that needs another tool."""
    row = {"rounds": 1, "zoo": {"name": "zoo", "seconds": 1.0, "range": [1.0, 1.0]}, "others": {}}
    good = f"import json, pathlib\npathlib.Path(r'{tmp_path}/pages.json').write_text(json.dumps("
    (tmp_path / "pages.py").write_text(good + f"{{'rows': {{'zoo report': {row}}}}}))\n")
    (tmp_path / "scaling.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "fid_speed.py").write_text("raise SystemExit('was run')\n")
    names = ("scaling", "fid_speed", "pages")
    sections = {name: bench.SECTIONS[name] for name in names}
    monkeypatch.setattr(bench, "SECTIONS", sections)
    monkeypatch.setattr(bench, "HERE", tmp_path)
    monkeypatch.setattr(bench, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(bench.measured, "RESULTS", tmp_path)
    return tmp_path


def test_a_benchmark_that_fails_is_told_and_the_next_is_run(three, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench.py"])
    bench.main()
    text = bench.PAGE.read_text()
    assert "not measured, because its script ended with status 3" in text
    assert "not measured, because no --torch-python was given" in text
    assert "| `zoo report` | 1 s" in text
    held = json.loads((three / "all.json").read_text())
    assert text == page(held)
    assert bench.stale() == []


def test_a_benchmark_that_is_stopped_leaves_a_page_of_what_is_measured(three, monkeypatch):
    def stopped(words):
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.subprocess, "run", stopped)
    monkeypatch.setattr(sys, "argv", ["bench.py", "--only", "pages"])
    with pytest.raises(SystemExit, match="75"):
        bench.main()
    assert bench.stale() == []


def test_only_again_forgets_what_was_measured_before(three, monkeypatch):
    (three / "scaling.json").write_text('{"rows": {}}')
    monkeypatch.setattr(sys, "argv", ["bench.py", "--only", "scaling"])
    bench.main()
    assert (three / "scaling.json").is_file()
    monkeypatch.setattr(sys, "argv", ["bench.py", "--only", "scaling", "--again"])
    bench.main()
    assert not (three / "scaling.json").is_file()


def test_a_soak_says_how_fast_memory_grew_after_its_warm_up(tmp_path):
    one = {"variant": "one process", "began": 1}
    rows = [
        {**one, "cycle": m, "minutes": m, "anonymous_mb": 400 + m, "handles": 10}
        for m in range(5, 65, 5)
    ]
    rows.append({**one, "cache_files": 37, "left_at_the_end": True})
    Path(tmp_path, "soak.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (found,) = bench_endurance.found(tmp_path)
    assert found["what"] == "one process: 12 runs in 60 minutes"
    assert found["found"].startswith("memory grows by 60 ± 0 MB an hour")
    assert found["found"].endswith("handles 10 to 10")


def test_what_long_runs_found_is_counted_by_the_last_row_of_a_trial(tmp_path):
    rows = [
        {"seed": 0, "trial": 0, "command": "run", "ok": False},
        {"seed": 0, "trial": 0, "command": "run", "ok": True},
        {"seed": 0, "trial": 1, "command": "score", "ok": False},
    ]
    Path(tmp_path, "kill_commands.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in rows))
    (found,) = bench_endurance.found(tmp_path)
    assert found["what"].startswith("2 commands")
    assert found["found"].startswith("1 of 2 ")
