"""What a leaderboard says of runs whose numbers are made up."""

import csv
import json
import re

import pytest
import yaml

from zoo.report.leaderboard import datasets, summary
from zoo.runs import write_json
from zoo.studies.cells import plan
from zoo.studies.design import read_design
from zoo.studies.leaderboard import write_leaderboard

CARD = {"better": "lower", "extractor": "keras", "m": 20}


def metric(name, value, card, floor=None):
    ratio = None if floor is None else value / floor
    beside = {"floor": floor, "ratio": ratio, "n_real": 40, "n_fake": 40, "interval": None}
    return {"name": name, "value": value, **beside, "protocol": {"comparable": card}}


def board(folder, values, *, cards=None, failed=None, **changes):
    """A leaderboard of `{generator: [value of seed 0, of seed 1, …]}`."""
    seeds = list(range(max(map(len, values.values()))))
    held = {"generators": list(values), "data": ["bbbc/simulated"], "seeds": seeds, **changes}
    path = folder / "made-up.yaml"
    path.write_text(yaml.safe_dump(held))
    design = read_design(path)
    cells = plan(design, folder / "s")
    for cell in cells:
        if cell.generator == failed and cell.seed == seeds[-1]:
            cell.set_state(status="failed", reason="training diverged")
            continue
        run = cell.run
        card = (cards or {}).get(cell.generator, CARD)
        measured = [
            metric("fid_keras", values[cell.generator][cell.seed], card, floor=2.0),
            metric("fid_keras_train", 1.0, card),
            metric("coverage", 0.5, {**card, "better": "higher"}),
            metric("ms_ssim_diversity", 0.2, {**card, "better": "neither"}),
        ]
        write_json(run.evaluation_path, {"metrics": measured, "not_computed": []})
        rows = [{"name": "svm", "accuracy": 0.8}, {"name": "logistic", "accuracy": 0.9}]
        found = {"detectors": rows, "protocol": {"comparable": {"n": 9}}, "reasons": ["a leak"]}
        write_json(run.detection_path, {**found, "valid": cell.seed != 1})
        facts = {"timings": {"training": 60.0}, "parameters": {"generator": 7}}
        run.update_manifest(status="finished", sampled=True, **facts)
        run.write_recipe(cell.recipe.to_dict())
        cell.set_state(status="finished")
    return write_leaderboard(design, cells)


def group(found, name):
    return next(one for one in found["groups"] if one["generator"] == name)


def ranked(found, number):
    return next(one for one in found["rankings"] if one["number"] == number)


def test_a_group_has_the_mean_over_its_seeds_with_floor_and_ratio(tmp_path):
    found = board(tmp_path, {"dcgan": [4.0, 5.0, 6.0], "lsgan": [7.0, 8.0, 9.0]})
    fid = group(found, "dcgan")["numbers"]["fid_keras"]
    assert (fid["mean"], fid["floor"], fid["ratio"], fid["seeds"]) == (5.0, 2.0, 2.5, 3)
    assert fid["interval"][0] < 4 < 6 < fid["interval"][1]
    assert "fid_keras_train" not in group(found, "dcgan")["numbers"]
    assert group(found, "dcgan")["training"]["training_seconds"]["mean"] == 60
    assert json.loads((tmp_path / "s" / "leaderboard.json").read_text()) == found


def test_the_best_detector_is_that_of_valid_tables_alone(tmp_path):
    found = board(tmp_path, {"dcgan": [4.0, 5.0]})
    best = group(found, "dcgan")["numbers"]["best detector accuracy"]
    assert best["values"] == {"0": 0.9}
    lost = {cell["seed"]: cell["not_computed"] for cell in found["cells"]}
    assert lost == {0: [], 1: [{"name": "best detector accuracy", "reason": "a leak"}]}


def test_what_has_a_better_side_is_ranked_and_nothing_else(tmp_path):
    found = board(tmp_path, {"dcgan": [4.0, 5.0], "lsgan": [7.0, 8.0]})
    names = {one["number"] for one in found["rankings"]}
    assert names == {"fid_keras", "coverage", "best detector accuracy"}
    assert [row["name"] for row in ranked(found, "fid_keras")["order"]] == ["dcgan", "lsgan"]
    assert ranked(found, "fid_keras")["precedes"]["dcgan"]["lsgan"] == 1


def test_numbers_of_two_protocols_are_not_ranked_and_the_field_is_named(tmp_path):
    cards = {"lsgan": {**CARD, "extractor": "published"}}
    found = board(tmp_path, {"dcgan": [4.0, 5.0], "lsgan": [7.0, 8.0]}, cards=cards)
    one = ranked(found, "fid_keras")
    assert "order" not in one
    assert one["reason"] == "not ranked: the protocols differ in extractor"
    assert group(found, "lsgan")["numbers"]["fid_keras"]["mean"] == 7.5
    page = (tmp_path / "s" / "leaderboard.html").read_text()
    assert "the protocols differ in extractor" in page


def test_a_cell_that_failed_is_in_every_file_with_its_reason(tmp_path):
    found = board(tmp_path, {"dcgan": [4.0, 5.0], "lsgan": [7.0, 8.0]}, failed="lsgan")
    assert group(found, "lsgan")["failed"] == [
        {"seed": 1, "status": "failed", "reason": "training diverged"}
    ]
    assert group(found, "lsgan")["numbers"]["fid_keras"]["seeds"] == 1
    rows = list(csv.DictReader((tmp_path / "s" / "leaderboard.csv").open()))
    of_lsgan = [row for row in rows if row["generator"] == "lsgan"]
    assert {(row["failed"], row["reasons"]) for row in of_lsgan} == {("1", "training diverged")}
    (fid,) = [row for row in of_lsgan if row["number"] == "fid_keras"]
    assert (fid["mean"], fid["ratio"], fid["rank"]) == ("7.0", "3.5", "2.0")
    page = (tmp_path / "s" / "leaderboard.html").read_text()
    assert "3 of 4 cells finished" in page
    assert "training diverged" in page


def test_a_page_loads_nothing_and_links_the_reports_beside_it(tmp_path):
    found = board(tmp_path, {"dcgan": [4.0], "lsgan": [7.0]})
    report = tmp_path / "s" / found["cells"][0]["run"] / "report.html"
    report.write_text("report")
    found = board(tmp_path, {"dcgan": [4.0], "lsgan": [7.0]})
    page = (tmp_path / "s" / "leaderboard.html").read_text()
    assert f'href="{found["cells"][0]["run"]}/report.html"' in page
    assert not re.search(r"(src|href)=\"(https?:|//)|url\(|@import", page)


def test_a_terminal_shows_the_groups_of_each_dataset_in_their_order(tmp_path):
    found = board(tmp_path, {"lsgan": [7.0, 8.0], "dcgan": [4.0, 5.0]}, failed="lsgan")
    assert datasets(found) == ["bbbc/simulated"]
    title, (head, *rows) = summary(found, "bbbc/simulated")
    assert title == "bbbc/simulated: dcgan is first in 100.0 % of the draws of seeds"
    assert head[:5] == ("GENERATOR", "FINISHED", "RANK", "FID_KERAS", "RATIO")
    assert [row[:5] for row in rows] == [
        ("dcgan", "2/2", "1 (1–1)", "4.500 (2 seeds)", "2.25"),
        ("lsgan", "1/2", "2 (2–2)", "7 (1 seed)", "3.50"),
    ]


def test_options_are_ranked_like_generators(tmp_path):
    options = [{"name": "plain"}, {"name": "ada", "augment": "ada"}]
    found = board(tmp_path, {"dcgan": [4.0]}, options=options)
    names = {row["name"] for row in ranked(found, "fid_keras")["order"]}
    assert names == {"dcgan, plain", "dcgan, ada"}


@pytest.mark.parametrize("damaged", ["{", "[]"])
def test_a_damaged_run_is_a_cell_without_numbers(damaged, tmp_path):
    found = board(tmp_path, {"dcgan": [4.0], "lsgan": [7.0]})
    path = tmp_path / "s" / found["cells"][1]["run"] / "manifest.json"
    path.write_text(damaged)
    design = read_design(tmp_path / "made-up.yaml")
    again = write_leaderboard(design, plan(design, tmp_path / "s"))
    assert again["cells"][1]["status"] == "failed"
    assert "manifest.json is damaged" in again["cells"][1]["reason"]
    assert again["cells"][0]["numbers"]
