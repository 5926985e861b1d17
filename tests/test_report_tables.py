"""Tables to copy: what the files hold is what the page shows, and nothing in it runs anywhere."""

import csv
import io
import re

import pytest
from reported import HOSTILE, MANIFEST, bare_run, finished_run, page, write_detection

from zoo.report import build
from zoo.report.grid import Cell, Column, Line, Table
from zoo.report.latex import latex
from zoo.runs import write_json

SPECIAL = r"(?<!\\)[#$%&_{}~^<>|\"]"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs"))


def one(text, exact=()):
    columns = (Column("Name", left=True), Column("Value", ("",)))
    return Table("one", "One", "n = 3.", columns, (Line((Cell(text), Cell("1.5", exact))),))


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_every_table_of_results_lies_beside_the_report_and_behind_its_buttons(finished):
    copied = [attrs["data-copy"] for _, attrs in page(finished).elements if "data-copy" in attrs]
    files = sorted(finished.tables.iterdir())
    names = {path.stem for path in files}
    assert {"scores", "detectors", "controls", "splits", "settings", "components"} <= names
    assert {path.suffix for path in files} == {".csv", ".tex"}
    assert all(path.read_text() in copied for path in files)


def test_a_csv_file_holds_numbers_as_printed_and_in_full(finished):
    (score, *_) = rows((finished.tables / "scores.csv").read_text())
    assert (score["Value"], score["Value, exact"]) == ("18.20", "18.2")
    assert (score["Floor"], score["Floor, exact"]) == ("4.00", "4.0")
    assert (score["Real"], score["Generated"], score["m"]) == ("128", "64", "64")
    assert score["Split"] == "by group"
    (found, _) = rows((finished.tables / "detectors.csv").read_text())
    assert (found["Accuracy"], found["Accuracy, exact"]) == ("81.0 %", "0.81")
    assert (found["n (real groups), images"], found["n (real groups), real groups"]) == ("128", "8")


def test_a_latex_table_says_what_was_compared_and_how(finished):
    text = (finished.tables / "scores.tex").read_text()
    assert "dcgan on bbbc/simulated" in text
    assert "n = 128 real and 64 generated images" in text
    assert "Floor: held-out real images against held-out real images." in text
    assert r"\emph{Against held-out real images}" in text
    assert "& 18.20 & 17.20 to 19.20 & 4.00 & 4.55$\\times$ & 128 & 64 & 64 \\\\" in text


def test_braces_of_latex_are_balanced_and_rows_have_as_many_cells_as_columns(finished):
    for path in finished.tables.glob("*.tex"):
        text = path.read_text()
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
        (align,) = re.findall(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", text)
        body = [line for line in text.splitlines() if line.endswith(r" \\")]
        for line in body:
            if "multicolumn" not in line:
                assert len(re.findall(r"(?<!\\)&", line)) == len(align) - 1


@pytest.mark.parametrize(
    "name", ["=cmd()", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1"]
)
def test_no_name_becomes_a_formula(name):
    (row,) = rows(one(name).csv)
    assert row["Name"] == f"'{name}"


@pytest.mark.parametrize("text", ["-0.5", "+0.05", "1e-07", "−0.5", "-3 %"])
def test_numbers_are_left_as_they_are(text):
    (row,) = rows(one(text).csv)
    assert row["Name"] == text


def test_a_negative_number_stays_a_number_in_full():
    (row,) = rows(one("x", (-0.125,)).csv)
    assert float(row["Value, exact"]) == -0.125


def test_what_is_special_in_latex_is_escaped():
    hostile = r"<script>\input{/etc/passwd}$a_b^c~d#e%f&g|\"</script>" + "\n\x00é"
    shown = latex(hostile)
    assert "\n" not in shown
    assert "\x00" not in shown
    assert shown.endswith("é")
    plain = re.sub(r"\\text\w+\{\}|\\[{}$&#%_]", "", shown)
    assert not re.search(SPECIAL, plain)
    assert "\\" not in plain
    assert latex("−0.5 ± 2 % ↓") == r"$-$0.5 $\pm$ 2\,\% $\downarrow$"


def test_hostile_names_stay_text_in_page_csv_and_latex(tmp_path):
    run = bare_run(tmp_path, data=HOSTILE, **MANIFEST | {"dataset": {"name": HOSTILE}})
    write_detection(run)
    detection = run.read_mapping(run.detection_path)
    detection["detectors"][0]["name"] = HOSTILE
    detection["detectors"][1]["name"] = "=cmd()"
    write_json(run.detection_path, detection)
    build(run)
    assert page(run).tags.count("script") == 1
    assert "<script" not in (run.tables / "detectors.tex").read_text()
    assert r"\textless{}script\textgreater{}" in (run.tables / "detectors.tex").read_text()
    assert [row["Detector"] for row in rows((run.tables / "detectors.csv").read_text())] == [
        HOSTILE,
        "'=cmd()",
    ]


def test_a_table_that_is_no_longer_measured_is_taken_away(tmp_path):
    run = bare_run(tmp_path, **MANIFEST)
    write_detection(run)
    build(run)
    assert (run.tables / "controls.csv").is_file()
    (run.tables / "notes.txt").write_text("mine")
    run.detection_path.unlink()
    build(run)
    assert not (run.tables / "controls.csv").exists()
    assert (run.tables / "notes.txt").read_text() == "mine"


def test_a_void_table_says_so_where_it_is_pasted(tmp_path):
    run = bare_run(tmp_path, **MANIFEST)
    write_detection(run, leak=0.71)
    build(run)
    assert "Void, because a control failed" in (run.tables / "detectors.tex").read_text()
