"""Long studies find again what is theirs, and nothing else."""

from types import SimpleNamespace

import pytest
import trained
import utility_study

import zoo

GIVEN = {"run": None, "parent": "runs", "size": 64, "kimg": 10.0, "preset": "small"}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, "finished"),
        ({"preset": "quick"}, "new"),
        ({"options": {"flips": "none"}}, "new"),
        ({"kimg": 20.0}, "new"),
    ],
)
def test_a_run_of_another_preset_or_option_is_not_found_again(changed, found, monkeypatch):
    settings = {"kimg": 10.0, "image_size": [64, 64], "seed": 0, "with_mask": False}
    recipe = {
        "generator": "cgan",
        "data": "cells",
        "settings": {**settings, "preset": "small"},
        "options": {"flips": "dihedral", "width": 4},
    }
    kept = SimpleNamespace(recipe=recipe, status="finished")
    monkeypatch.setattr("zoo.runs.folder.list_runs", lambda parent: [kept])
    monkeypatch.setattr(zoo, "run", lambda *args, **kwargs: "new")
    asked = {**GIVEN, "options": {"flips": "dihedral"}, **changed}
    assert trained.trained("cgan", "cells", **asked) == (kept if found == "finished" else "new")


def test_the_last_measurement_is_of_all_networks_and_rows_say_what_they_depend_on(
    monkeypatch, tmp_path
):
    rows, asked = [], []

    def measure(file, named):
        rows.extend(named)
        return {}

    run = SimpleNamespace(name="00000-cgan")
    monkeypatch.setattr(utility_study, "trained", lambda *args, **kwargs: run)
    monkeypatch.setattr(utility_study, "weights_hash", lambda run: "0123456789abcdef")
    monkeypatch.setattr(utility_study, "measure", measure)
    monkeypatch.setattr(
        "zoo.evaluation.on_runs.utility_of", lambda run, **plan: asked.append(plan) or {}
    )
    monkeypatch.setattr("sys.argv", ["utility_study.py", "--steps", "77"])
    utility_study.main()
    assert all("77 steps at least" in row and "(0123456789ab)" in row for row in rows)
    (plan,) = asked
    assert list(plan["classifiers"]) == list(utility_study.NETWORKS)
    assert plan["arms"] == utility_study.NETWORKS
