"""Simulated readers: what a reader study says of guessing, of seeing, and of bias."""

import re
from pathlib import Path

import numpy as np
import pytest

from zoo.errors import NotComputed
from zoo.evaluation.turing.statistics import (
    crossed,
    equivalence,
    fleiss_kappa,
    guessing_p,
    kappa_interval,
    rating_difference,
    share,
)

# Fourteen readers, ten items, five categories: the worked example of Fleiss' kappa that
# references reproduce, κ = 0.210.
FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]
DOCS = Path(__file__).parents[1] / "docs" / "readers.md"
TRUTH = np.arange(100) % 2 == 1


def right_answers(rng, readers, accuracy, *, images=100, reader_sd=0.0, image_sd=0.0):
    """(readers, images) answers of readers and images that differ in difficulty."""
    skill = rng.normal(0, reader_sd, (readers, 1)) + rng.normal(0, image_sd, (1, images))
    return rng.random((readers, images)) < accuracy + skill


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17:857
    ],
)
def test_wilson_s_interval_has_its_published_values(count, n, low, high):
    assert share(count, n)["interval"] == pytest.approx([low, high], abs=5e-5)


def test_a_share_of_nothing_is_no_number():
    assert share(0, 0) == {"value": None, "interval": None, "n": 0}


def test_a_guessing_reader_s_interval_covers_one_half_at_its_nominal_rate():
    counts = np.random.default_rng(0).binomial(100, 0.5, 1000)
    covers = [low <= 0.5 <= high for low, high in (share(int(k), 100)["interval"] for k in counts)]
    assert 0.93 <= np.mean(covers) <= 0.97


def test_guessing_is_rejected_in_five_percent_at_most():
    counts = np.random.default_rng(1).binomial(100, 0.5, 1000)
    assert np.mean([guessing_p(int(k), 100) < 0.05 for k in counts]) <= 0.05


def test_kappa_of_the_worked_example_is_that_of_the_references():
    assert fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)


def test_kappa_is_one_for_agreement_and_minus_one_for_two_who_never_agree():
    assert fleiss_kappa([[3, 0], [0, 3], [3, 0]]) == 1
    assert fleiss_kappa([[1, 1], [1, 1]]) == -1


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([[1, 0], [0, 1]], "two readers or more"),
        ([[2, 0], [2, 1]], "answered every item"),
        ([[3, 0], [3, 0]], "every answer is the same"),
    ],
)
def test_kappa_that_is_undefined_is_not_computed(counts, reason):
    with pytest.raises(NotComputed, match=reason):
        fleiss_kappa(counts)


def test_readers_who_guess_apart_agree_by_chance():
    called = np.random.default_rng(2).random((4, 100)) < 0.5
    said = called.sum(axis=0)
    low, high = kappa_interval(called, TRUTH)
    assert low < fleiss_kappa(np.stack([4 - said, said], axis=1)) < high
    assert low < 0.05
    assert high > -0.05


def test_where_a_draw_may_have_no_kappa_there_is_no_interval():
    called = np.zeros((2, 6), bool)
    called[0, 0] = True
    assert kappa_interval(called, np.arange(6) % 2 == 1) is None


@pytest.mark.parametrize("readers", [1, 2, 5])
@pytest.mark.parametrize(("reader_sd", "image_sd"), [(0.0, 0.0), (0.0, 0.2), (0.05, 0.2)])
def test_at_an_accuracy_on_the_margin_equivalence_is_declared_in_five_percent(
    readers, reader_sd, image_sd
):
    if readers == 1:
        reader_sd = 0.0  # one reader stands for no other
    rng = np.random.default_rng(readers)
    declared = [
        equivalence(
            crossed(right_answers(rng, readers, 0.6, reader_sd=reader_sd, image_sd=image_sd)), 0.1
        )["equivalent"]
        for _ in range(300)
    ]
    # 0.05 and two standard errors of 300 trials
    assert np.mean(declared) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("readers", [2, 5])
def test_the_interval_of_all_covers_the_accuracy_of_readers_and_images_at_large(readers):
    rng = np.random.default_rng(3)
    found = [
        crossed(right_answers(rng, readers, 0.65, reader_sd=0.08, image_sd=0.15)).interval
        for _ in range(300)
    ]
    assert np.mean([low <= 0.65 <= high for low, high in found]) >= 0.9


def test_readers_who_share_their_images_count_for_less_than_as_many_trials():
    easy = np.random.default_rng(4).random(100) < 0.5
    alike = np.tile(easy, (5, 1))
    found = crossed(alike)
    for low, high in (found.interval, found.interval_these_readers):
        assert high - low > 0.18  # of 500 trials: 0.09


def test_two_readers_who_differ_say_more_of_themselves_than_of_others():
    rng = np.random.default_rng(9)
    found = crossed(rng.random((2, 100)) < np.array([[0.6], [0.9]]))
    low, high = found.interval_these_readers
    assert 0.6 < low < found.value < high < 0.85
    assert found.interval[0] < 0.3
    assert found.interval[1] == 1


def test_a_perfect_reader_is_perfect_and_not_guessing():
    accuracy = crossed(np.ones((1, 100), bool))
    assert accuracy.value == 1
    assert accuracy.interval == pytest.approx(share(100, 100)["interval"])
    assert equivalence(accuracy, 0.1)["p_value"] == 1


def test_readers_who_guess_are_found_to_guess_if_they_are_enough():
    rng = np.random.default_rng(5)
    accuracy = crossed(right_answers(rng, 5, 0.5, images=400))
    assert equivalence(accuracy, 0.1)["equivalent"]
    assert not equivalence(accuracy, 0.001)["equivalent"]


def test_a_bias_that_readers_share_makes_no_accuracy():
    called = np.random.default_rng(6).random((4, 100)) < 0.9
    accuracy = crossed(called == TRUTH)
    assert accuracy.interval[0] < 0.5 < accuracy.interval[1]


def test_a_rating_difference_covers_none_for_readers_who_rate_at_random():
    rng = np.random.default_rng(7)
    covers = []
    for _ in range(100):
        low, high = rating_difference(rng.integers(1, 6, (3, 100)), TRUTH)["interval"]
        covers.append(low <= 0 <= high)
    assert np.mean(covers) >= 0.88
    better = np.where(TRUTH, 2, 4)[None] + rng.integers(0, 2, (3, 100))
    found = rating_difference(better, TRUTH)
    assert found["interval"][0] > 1.5
    assert found["difference"] == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize(("table", "reader_sd"), [(0, 0.0), (1, 0.05)])
@pytest.mark.parametrize("images", [40, 100, 200])
def test_the_docs_tell_the_power_of_a_study_of_readers_who_guess(table, reader_sd, images):
    rows = re.findall(rf"^\| {images} \|(.*)\|$", DOCS.read_text(encoding="utf-8"), re.M)
    told = [float(cell.strip(" %")) / 100 for cell in rows[table].split("|")]
    rng = np.random.default_rng(8)
    for readers, power in ((1, told[0]), (3, told[2]), (5, told[3])):
        answers = (
            right_answers(rng, readers, 0.5, images=images, reader_sd=reader_sd) for _ in range(150)
        )
        found = np.mean([equivalence(crossed(right), 0.1)["equivalent"] for right in answers])
        # Three standard errors of 150 studies, and the rounding of the page.
        assert abs(found - power) <= 3 * np.sqrt(max(power * (1 - power), 0.01) / 150) + 0.02


def test_the_docs_formula_gives_the_images_that_one_guessing_reader_needs():
    from scipy.stats import norm

    needed = [(norm.ppf(0.95) + norm.ppf(0.9)) ** 2 / (4 * m**2) for m in (0.1, 0.05)]
    assert [f"{n:.0f}" for n in needed] == ["214", "856"]
