"""Means and ranks of few seeds, on numbers of which the answer is known."""

import itertools

import numpy as np
import pytest

from zoo.studies.statistics import kendall_w, over_seeds, precedence, ranking


def test_a_mean_has_the_range_that_tables_of_student_s_t_give():
    found = over_seeds({0: 1.0, 1: 2.0, 2: 3.0})
    assert found["mean"] == 2
    assert found["sd"] == 1
    half = 4.302653  # Student's t for 97.5 % and two degrees of freedom
    assert found["interval"] == pytest.approx([2 - half, 2 + half], abs=1e-5)


def test_fewer_than_three_seeds_have_no_interval():
    assert over_seeds({0: 1.0, 4: 2.0})["interval"] is None
    assert over_seeds({4: 2.0})["sd"] is None


def test_precedence_is_counted_over_all_pairs():
    assert precedence([1, 2], [3, 4]) == 1
    assert precedence([1, 4], [2, 3]) == 0.5
    assert precedence([1, 1], [1, 1]) == 0.5
    assert precedence([1, 5, 6], [2]) == pytest.approx(1 / 3)


def test_an_order_that_no_seed_changes_says_so():
    groups = {"a": {0: 1.0, 1: 2.0}, "b": {0: 9.0, 1: 8.0}}
    found = ranking(groups, better="lower")
    assert [(row["name"], row["ranks"], row["first"]) for row in found["order"]] == [
        ("a", [1, 1], 1.0),
        ("b", [2, 2], 0.0),
    ]
    assert found["kendall_w"] == 1
    assert ranking(groups, better="higher")["order"][0]["name"] == "b"


def test_ranks_are_those_of_every_draw_of_a_seed_of_each():
    random = np.random.default_rng(1)
    groups = {name: dict(enumerate(random.normal(i / 2, 1, 3))) for i, name in enumerate("abcd")}
    seen = {name: [] for name in groups}
    for drawn in itertools.product(*(values.values() for values in groups.values())):
        for name, value in zip(groups, drawn, strict=True):
            seen[name].append(1 + sum(other < value for other in drawn))
    for row in ranking(groups, better="lower")["order"]:
        assert row["ranks"] == [min(seen[row["name"]]), max(seen[row["name"]])]
        assert row["first"] == pytest.approx(np.mean(np.array(seen[row["name"]]) == 1))


def test_equal_means_share_a_rank():
    found = ranking({"a": {0: 1.0}, "b": {0: 1.0}, "c": {0: 2.0}}, better="lower")
    assert [row["rank"] for row in found["order"]] == [1.5, 1.5, 3]
    assert [row["ranks"] for row in found["order"]] == [[1, 2], [1, 2], [3, 3]]
    assert all(row["first"] == 0 for row in found["order"])


def test_kendalls_w_is_one_for_one_order_zero_for_opposite_ones_and_minds_ties():
    assert kendall_w([[1, 2, 3], [4, 5, 6]]) == 1
    assert kendall_w([[1, 2, 3], [3, 2, 1]]) == 0
    # Ranks 1 2.5 2.5 and 1 2 3: their sums are 2, 4.5 and 5.5, so S = 6.5; one tie of two.
    assert kendall_w([[1, 2, 2], [1, 2, 3]]) == pytest.approx(12 * 6.5 / (4 * 24 - 2 * 6))
    assert kendall_w([[1, 2, 3]]) is None
    assert kendall_w([[1, 1], [2, 2]]) is None


def test_only_seeds_that_all_have_are_held_against_each_other():
    groups = {"a": {0: 1.0, 1: 2.0, 7: 3.0}, "b": {0: 2.0, 1: 3.0}}
    assert ranking(groups, better="lower")["kendall_seeds"] == 2
