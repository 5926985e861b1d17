"""`zoo detect RUN RUN`: generators and data that detectors were not trained on, and leaks."""

import json
from dataclasses import replace

import numpy as np
import pytest
from textures import PARTS, generator, image_set, logistic
from zoo_cli.detections import print_runs

from zoo.detecting import Study, detect_across, distinct
from zoo.errors import UsageError
from zoo.evaluation.panel import Panel
from zoo.evaluation.transfer import Contender, across, leaks, mixture, protocol
from zoo.evaluation.trial import Material
from zoo.report.detected import matrices
from zoo.runs import Run


def contender(name, contrast, images, *, valid=True):
    return Contender(name, Material(images, generator(contrast), seed=0), valid)


def quick_across(*contenders):
    return across(contenders, Panel([logistic()]), n=20, advance=lambda amount: None)


def cells(found):
    return [(row["trained_on"], row["tested_on"]) for row in found["matrix"]]


def test_a_run_that_learns_from_the_test_images_of_another_is_not_asked_about_them():
    images = image_set()
    parts = np.array([PARTS[(i // 3 + 1) % 4] for i in range(len(images))])
    again = replace(images, parts=parts, fingerprint="another split seed")
    found = quick_across(contender("a", 5, images), contender("b", 5, again))
    assert cells(found) == [(["a"], "a"), (["b"], "a"), (["b"], "b")]
    reasons = {item["name"]: item["reason"] for item in found["not_computed"]}
    expected = "its detectors learn from 60 of the other's real test images"
    assert reasons["trained on a, tested on b"] == expected


def test_a_copy_that_a_run_has_on_both_sides_itself_is_no_leak_of_another():
    first, second = image_set(), image_set(seed=1, name="other")
    blank = np.zeros_like(first.pixels[0])
    for images, parts in ((first, ("detect_train",)), (second, ("detect_train", "test"))):
        for part in parts:
            images.pixels[images.split(part).index[0]] = blank
    assert leaks([contender("a", 5, first), contender("b", 5, second)]) == {}


def test_a_run_that_is_too_small_leaves_the_matrix_and_the_others_stay():
    small = contender("small", 5, image_set(groups=8, name="small"))
    found = quick_across(contender("a", 5, image_set()), small, contender("b", 9, image_set()))
    assert {name for pair in cells(found) for name in (*pair[0], pair[1])} == {"a", "b"}
    assert {
        "name": "run small",
        "reason": "6 real images in detect_train, at least 24 are needed",
    } in found["not_computed"]


def test_rows_of_a_run_whose_table_is_void_say_so(capsys):
    two = [contender("a", 5, image_set()), contender("b", 9, image_set(), valid=False)]
    found = quick_across(*two)
    valid = {(*row["trained_on"], row["tested_on"]): row["valid"] for row in found["matrix"]}
    assert valid == {("a", "a"): True, ("a", "b"): False, ("b", "a"): False, ("b", "b"): False}
    assert all(any(line.void for line in table.lines) for table in matrices(found))
    print_runs({}, found, as_json=False)
    assert capsys.readouterr().out.count("(void)") == 5


def test_the_card_of_a_matrix_names_data_and_detectors():
    two = [contender("a", 5, image_set()), contender("b", 9, image_set())]
    card = protocol(two, Panel([logistic()]), n=20, recompress=70)
    comparable = json.loads(json.dumps(card, allow_nan=False))["comparable"]
    assert comparable["runs"]["b"]["data"] == "made"
    assert comparable["recompressed"] == "JPEG, quality 70"
    assert set(comparable["detectors"]) == {"logistic"}


def test_a_run_counts_once_and_equal_folder_names_are_kept_apart(tmp_path):
    runs = [Run.create(tmp_path / parent, "dcgan", "made") for parent in ("one", "two")]
    named = distinct([*runs, Run(runs[0].path / ".." / runs[0].path.name)])
    assert list(named.values())[-1].path == runs[1].path
    assert list(named) == [str(run.path.resolve()) for run in runs]
    assert list(distinct(runs[:1])) == [runs[0].path.name]
    with pytest.raises(UsageError, match="two runs at least"):
        detect_across([runs[0], runs[0]], Study(detectors=[logistic()]))


def test_a_detector_knows_a_similar_generator_and_not_one_of_the_other_kind():
    images = image_set()
    three = [contender(*pair, images) for pair in (("low", 5), ("lower", 4), ("high", 70))]
    found = across(three, Panel([logistic()]), n=60, advance=lambda amount: None)
    cell = {(r["trained_on"][0], r["tested_on"]): r["accuracy"] for r in found["matrix"]}
    assert len(cell) == 9
    assert all(cell[name, name] > 0.9 for name in ("low", "lower", "high"))
    assert cell["low", "lower"] > 0.9
    left_out = {row["tested_on"]: row for row in found["leave_one_out"]}
    assert left_out["lower"]["trained_on"] == ["low", "high"]
    assert left_out["lower"]["accuracy"] > left_out["high"]["accuracy"]
    assert [table.name for table in matrices(found)] == ["leave_one_out", "matrix"]


def test_runs_of_other_data_leave_no_generator_out_and_other_sizes_no_matrix():
    two = [
        contender("a", 5, image_set(name="one")),
        Contender("b", Material(image_set(name="two", channels=3), generator(5), seed=0)),
    ]
    found = across(two, Panel([logistic()]), n=20, advance=lambda amount: None)
    assert found["leave_one_out"] == found["matrix"] == []
    reasons = [item["reason"] for item in found["not_computed"]]
    assert "no two of the runs share their data" in reasons[0]
    assert "24x24x1 and 24x24x3" in reasons[1]


def test_a_mixture_has_equal_shares():
    constant = [lambda n, seed, level=level: np.full((n, 2, 2, 1), level) for level in (1, 2, 3)]
    values, counts = np.unique(mixture(constant)(7, 0)[:, 0, 0, 0], return_counts=True)
    assert values.tolist() == [1, 2, 3]
    assert counts.tolist() == [3, 2, 2]
