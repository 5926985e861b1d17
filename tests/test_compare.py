"""Runs are set side by side only where their protocol cards are equal; seeds are averaged."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from reported import check_page
from zoo_cli.commands.compare import command

from zoo.errors import UsageError
from zoo.evaluation.across import compare_runs
from zoo.evaluation.card import difference
from zoo.runs import Run, write_bytes, write_json
from zoo.runs.pictures import grid_png


def metric(name, value, **changes):
    comparable = {"metric": name, "n_real": 128, "m": 60, "floor": "mean of 5 cuts"} | changes
    protocol = {"comparable": comparable, "provenance": {"seed": 0}}
    return {"name": name, "value": value, "ratio": value / 4, "protocol": protocol}


def make_run(parent, value, *, seed=0, kimg=20, card=None, detection=None):
    run = Run.create(parent, "dcgan", "bbbc/simulated")
    settings = {"seed": seed, "kimg": kimg}
    run.write_recipe({"generator": "dcgan", "data": "bbbc/simulated", "settings": settings})
    metrics = [metric("fid_keras", value, **(card or {})), metric("swd", value / 9)]
    write_json(run.evaluation_path, {"metrics": metrics, "not_computed": []})
    if detection is not None:
        write_json(run.detection_path, detection)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 16, 1), np.uint8)
    write_bytes(run.sample_path(20), grid_png(pixels, 8))
    write_bytes(run.sample_path("real"), grid_png(pixels, 8))
    return run


def rows(result):
    return {row["name"]: row for row in result["rows"]}


def test_numbers_stand_side_by_side(tmp_path):
    runs = [make_run(tmp_path, 8.0), make_run(tmp_path, 6.0, kimg=40)]
    found = rows(compare_runs(runs))
    assert found["fid_keras"]["values"] == [8.0, 6.0]
    assert found["fid_keras"]["ratios"] == [2.0, 1.5]
    assert found["fid_keras"]["sets"] == [None, None]


def test_over_three_seeds_the_mean_has_its_half_width(tmp_path):
    runs = [make_run(tmp_path, v, seed=s) for s, v in enumerate((6.0, 8.0, 10.0))]
    result = compare_runs([*runs, make_run(tmp_path, 5.0, kimg=40)])
    assert [one["seeds"] for one in result["sets"]] == [3, 1]
    over, alone = rows(result)["fid_keras"]["sets"]
    assert (over["mean"], over["sd"], over["seeds"]) == (8.0, 2.0, 3)
    assert over["half_width"] == pytest.approx(4.303 * 2, rel=1e-3)
    assert alone is None


def test_differing_cards_are_refused_and_the_field_is_named(tmp_path):
    runs = [make_run(tmp_path, 8.0), make_run(tmp_path, 6.0, card={"n_real": 256})]
    with pytest.raises(UsageError, match=r"fid_keras of 00000-.* n_real is 128 and 256"):
        compare_runs(runs)
    assert rows(compare_runs(runs, metrics=["swd"]))["swd"]["values"] == [8 / 9, 6 / 9]


def test_a_field_that_one_card_lacks_is_a_difference(tmp_path):
    runs = [make_run(tmp_path, 8.0), make_run(tmp_path, 6.0, card={"k": 5})]
    with pytest.raises(UsageError, match="k is None and 5"):
        compare_runs(runs)


def test_ratios_at_other_numbers_of_images_are_left_out(tmp_path):
    runs = [make_run(tmp_path, 8.0), make_run(tmp_path, 6.0, seed=1, card={"m": 61})]
    row = rows(compare_runs(runs))["fid_keras"]
    assert (row["values"], row["ratios"]) == ([8.0, 6.0], [None, None])
    assert row["ratios_differ_in"] == "m"


def test_a_void_detection_is_not_compared(tmp_path):
    detectors = [{"name": "svm", "accuracy": 0.9}]
    protocol = {"comparable": {"images_per_class": 400}, "provenance": {}}
    valid = {"valid": True, "detectors": detectors, "protocol": protocol}
    runs = [
        make_run(tmp_path, 8.0, detection=valid),
        make_run(tmp_path, 6.0, detection=valid | {"valid": False}),
    ]
    assert rows(compare_runs(runs))["accuracy of svm"]["values"] == [0.9, None]


def detected(*names, bins=16, **alpha):
    options = {name: {"bins": bins} for name in names}
    comparable = {"images_per_class": 400, "detectors": options, **alpha}
    rows_of = [{"name": name, "accuracy": 0.9} for name in names]
    protocol = {"comparable": comparable, "provenance": {}}
    return {"valid": True, "detectors": rows_of, "protocol": protocol}


def test_a_detector_is_compared_whatever_others_were_measured_beside_it(tmp_path):
    four, nine = ("logistic", "svm"), ("logistic", "knn", "mlp")
    runs = [
        make_run(tmp_path, 8.0, detection=detected(*four, alpha_controls=0.0025)),
        make_run(tmp_path, 6.0, detection=detected(*nine)),
    ]
    row = rows(compare_runs(runs))["accuracy of logistic"]
    assert row["values"] == [0.9, 0.9]
    assert row["protocol"]["detectors"] == {"logistic": {"bins": 16}}
    other = make_run(tmp_path, 6.0, detection=detected(*nine, bins=8))
    with pytest.raises(UsageError, match=r"detectors\.logistic\.bins is 16 and 8"):
        compare_runs([runs[0], other])


def test_utility_and_segmentation_are_compared_classifier_by_classifier(tmp_path):
    def measured(run, f1, *classifiers):
        keyed = {name: {"epochs": 2} for name in classifiers}
        comparable = {"seeds": 3, "classifiers": keyed, "images_shown": dict.fromkeys(keyed, 9)}
        table = [
            {"classifier": name, "arm": "synthetic", "f1": {"mean": f1}} for name in classifiers
        ]
        protocol = {"comparable": comparable}
        write_json(run.utility_path, {"table": table, "protocol": protocol})
        pairs = [{"arm": "synthetic", "dice": {"mean": f1 / 2}}]
        write_json(run.segmentation_path, {"table": pairs, "protocol": {"comparable": {}}})
        return run

    runs = [
        measured(make_run(tmp_path, 8.0), 0.5, "vgg16"),
        measured(make_run(tmp_path, 6.0, kimg=40), 0.7, "vgg16", "resnet50"),
    ]
    found = rows(compare_runs(runs))
    assert found["F1 of vgg16 trained on synthetic"]["values"] == [0.5, 0.7]
    assert found["F1 of resnet50 trained on synthetic"]["values"] == [None, 0.7]
    assert found["Dice of a U-Net trained on synthetic"]["values"] == [0.25, 0.35]
    assert found["F1 of vgg16 trained on synthetic"]["section"] == "utility"


def test_nested_fields_are_named_with_dots():
    first, second = {"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}
    assert difference(first, second) == ("a.c", 2, 3)
    assert difference(first, first) == ("", None, None)


def test_one_run_is_not_enough(tmp_path):
    run = make_run(tmp_path, 8.0)
    with pytest.raises(UsageError, match="two runs at least"):
        compare_runs([run, run])


def test_the_command_prints_a_table_json_and_a_page(tmp_path):
    for seed, value in enumerate((6.0, 8.0, 10.0)):
        make_run(tmp_path / "runs", value, seed=seed)
    page = tmp_path / "page.html"
    arguments = ["0", "1", "2", "--runs", str(tmp_path / "runs")]
    text = CliRunner().invoke(command, [*arguments, "--html", str(page)]).stdout
    assert re.search(r"fid_keras +6 +8 +10", text)
    assert "8 ± 8.61 (3 seeds)" in text
    assert str(page) in text
    check_page(page)
    html = page.read_text()
    assert html.count('src="data:image/png') == 4
    assert "not for clinical use" in html
    assert "8 ± 8.61 (3 seeds)" in html
    result = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)
    assert [run["seed"] for run in result["runs"]] == [0, 1, 2]


def test_a_number_that_nobody_measured_is_wrong_use(tmp_path):
    runs = [make_run(tmp_path, 8.0), make_run(tmp_path, 6.0, seed=1)]
    with pytest.raises(UsageError, match="no run has fid; measured are fid_keras, swd"):
        compare_runs(runs, metrics=["fid"])
