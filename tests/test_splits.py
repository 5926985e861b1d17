"""Images are split by group, the same way every time."""

import numpy as np
import pytest

from zoo.data.imageset import PARTS
from zoo.data.splits import assign, assign_official, merge_duplicates, number
from zoo.errors import UsageError


def many(n):
    return np.array([f"patient-{i}" for i in range(n)])


def test_no_group_is_in_two_parts():
    groups = np.repeat(many(40), 5)
    parts = assign(groups)
    assert all(len(set(parts[groups == group])) == 1 for group in set(groups))


def test_many_groups_are_cut_60_15_10_15():
    parts = assign(many(4000))
    shares = [np.mean(parts == part) for part in PARTS]
    assert shares == pytest.approx([0.60, 0.15, 0.10, 0.15], abs=0.025)


def test_adding_a_file_moves_no_other():
    before = assign(many(60))
    after = assign(np.append(many(60), "a new patient"))
    assert after[:-1].tolist() == before.tolist()


def test_another_seed_splits_otherwise():
    assert assign(many(60), seed=1).tolist() != assign(many(60), seed=0).tolist()


def test_the_order_of_the_images_does_not_matter():
    groups = many(60)
    shuffled = np.random.default_rng(0).permutation(60)
    assert assign(groups[shuffled]).tolist() == assign(groups)[shuffled].tolist()


@pytest.mark.parametrize("seed", range(12))
def test_eight_groups_leave_no_part_empty(seed):
    assert set(assign(many(8), seed=seed)) == set(PARTS)


def test_an_empty_part_takes_the_nearest_group():
    names = many(400).tolist()
    by_number = sorted(names, key=lambda name: number(name, seed=0))
    low = [name for name in by_number if number(name, seed=0) < 0.55][:9]
    nearest = next(name for name in reversed(by_number) if number(name, seed=0) < 0.60)
    parts = dict(zip([*low, nearest], assign([*low, nearest]), strict=True))
    assert parts[nearest] != "train"
    assert set(parts.values()) == set(PARTS)


def test_fewer_than_eight_groups_all_train():
    assert set(assign(np.repeat(many(7), 30))) == {"train"}


def test_a_rare_class_of_eight_groups_is_in_every_part():
    labels = np.array([0] * 200 + [1] * 8)
    for seed in range(5):
        parts = assign(many(208), labels, seed=seed)
        assert set(parts[labels == 1]) == set(PARTS)


def test_exact_duplicates_join_their_groups_across_a_chain():
    groups = np.array(["a", "b", "b", "c", "d"])
    digests = np.array(["1", "1", "2", "2", "3"])
    assert merge_duplicates(groups, digests).tolist() == ["a", "a", "a", "a", "d"]


def test_without_duplicates_groups_keep_their_names():
    groups = many(20)
    assert merge_duplicates(groups, many(20)).tolist() == groups.tolist()


def test_near_duplicates_join_their_groups():
    groups = np.array(["a", "b", "c", "d"])
    merged = merge_duplicates(groups, many(4), np.array([[1, 3]]))
    assert merged.tolist() == ["a", "b", "c", "b"]


def official(**counts):
    names = np.repeat(list(counts), list(counts.values()))
    return names, many(len(names))


@pytest.mark.parametrize(
    ("counts", "absent"),
    [
        ({"train": 300, "val": 40, "test": 60}, ()),
        ({"train": 300, "test": 60}, ("validation",)),
        ({"training": 300, "validation": 40}, ("test",)),
    ],
)
def test_an_official_split_is_kept_and_what_it_lacks_comes_from_its_training_images(counts, absent):
    names, groups = official(**counts)
    parts, torn = assign_official(names, groups)
    assert torn == 0
    for part in ("validation", "test"):
        kept = parts[np.char.startswith(names, part[:3])]
        assert set(kept) <= {part}
        drawn = np.sum(parts[np.char.startswith(names, "train")] == part)
        assert bool(drawn) == (part in absent)
    train, detect = (int(np.sum(parts == part)) for part in ("train", "detect_train"))
    assert 2.5 < train / detect < 7


def test_a_group_that_an_official_split_tears_apart_trains_whole():
    names, groups = official(train=300, test=60)
    groups[-1] = groups[0]
    parts, torn = assign_official(names, groups)
    assert torn == 1
    assert parts[-1] == parts[0] != "test"


@pytest.mark.parametrize(
    ("names", "message"),
    [(["train"] * 9, "no official split"), (["train", "fold3"], "a part 'fold3'")],
)
def test_what_is_no_official_split_is_told(names, message):
    with pytest.raises(UsageError, match=message):
        assign_official(np.array(names), many(len(names)))
