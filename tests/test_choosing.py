"""Which images are used: labels, lists of accepted and rejected ones, and curation, as recorded."""

import numpy as np
import pytest
from PIL import Image

from zoo.data import load
from zoo.errors import UsageError

SIMULATED = {"images": 60, "side": 32, "view": "resize", "image_size": 32}


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))


def picture(seed):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8))
    return np.asarray(coarse.resize((64, 64), Image.Resampling.BICUBIC))


@pytest.fixture
def folder(tmp_path):
    for number in range(90):
        place = tmp_path / "images" / ("cat" if number % 3 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(place / f"{number:03d}.png")
    return tmp_path / "images"


def write(path, *lines, encoding="utf-8"):
    path.write_text("\n".join(lines), encoding=encoding)
    return str(path)


def test_rejected_images_are_left_out_and_move_no_other(tmp_path):
    whole = load("bbbc/simulated", **SIMULATED)
    listing = write(tmp_path / "reject.txt", "field-00003", "field-00007")
    images = load("bbbc/simulated", reject=listing, **SIMULATED)
    assert sorted(set(whole.ids) - set(images.ids)) == ["field-00003", "field-00007"]
    part_of = dict(zip(whole.ids.tolist(), whole.parts.tolist(), strict=True))
    assert all(part_of[i] == p for i, p in zip(images.ids.tolist(), images.parts, strict=True))
    assert images.provenance["left_out"] == {"not listed": 2}
    assert images.fingerprint != whole.fingerprint


def test_accepted_images_are_the_only_ones_and_a_spreadsheet_may_list_them(tmp_path):
    whole = load("bbbc/simulated", **SIMULATED)
    rows = ["verdict;path", *(f"good;{name}" for name in whole.ids[:55])]
    listing = write(tmp_path / "accept.csv", *rows, encoding="utf-8-sig")
    images = load("bbbc/simulated", accept=listing, **SIMULATED)
    assert images.ids.tolist() == whole.ids[:55].tolist()


def test_a_list_that_names_what_is_not_there_is_refused(tmp_path):
    listing = write(tmp_path / "reject.txt", "field-00003", "field-9", "fiel-8")
    with pytest.raises(UsageError, match="names fiel-8 and 1 more, which the dataset"):
        load("bbbc/simulated", reject=listing, **SIMULATED)
    with pytest.raises(UsageError, match="names no image"):
        load("bbbc/simulated", reject=write(tmp_path / "none.txt", ""), **SIMULATED)


def test_any_dataset_takes_a_table_of_labels(tmp_path, capsys):
    names = load("bbbc/simulated", **SIMULATED).ids.tolist()
    rows = [f"{name},{'odd' if i % 2 else 'even'},plate {i // 2}" for i, name in enumerate(names)]
    table = write(tmp_path / "labels.csv", "path,label,group", *rows[:-1], "field-77777,odd,x")
    images = load("bbbc/simulated", labels=table, **SIMULATED)
    assert images.class_names == ("even", "odd")
    assert set(images.groups) == {f"plate {i}" for i in range(30)}
    assert images.provenance["rejected"] == [
        {"file": names[-1], "reason": "has no row in labels.csv"}
    ]
    assert "names what the dataset does not hold: field-77777" in capsys.readouterr().err


def test_near_duplicates_are_in_one_part_and_distinct_keeps_one_of_each(folder):
    for number in range(0, 90, 3):
        shifted = np.roll(picture(number), 2, axis=1)
        brighter = np.clip(shifted * 0.8 + 30, 0, 255).astype(np.uint8)
        Image.fromarray(brighter).save(folder / "dog" / f"{number:03d}-again.png")
    images = load(f"folder:{folder}", image_size=64)
    part_of = dict(zip(images.ids.tolist(), images.parts.tolist(), strict=True))
    copies = [name for name in part_of if "again" in name]
    joined = [part_of[name] == part_of[name.replace("-again", "")] for name in copies]
    assert sum(joined) >= 28
    assert images.provenance["groups_joined_by_duplicates"] >= 28
    distinct = load(f"folder:{folder}", image_size=64, curate="distinct")
    assert 90 <= len(distinct) <= 92
    assert distinct.provenance["curate"] == "distinct"
    assert any(reason.startswith("near duplicate") for reason in distinct.provenance["left_out"])


def test_balance_cuts_the_training_part_alone(folder):
    images = load(f"folder:{folder}", image_size=64, curate="balance")
    train = images.split("train")
    counts = np.bincount(train.labels)
    assert counts[0] == counts[1]
    whole = load(f"folder:{folder}", image_size=64)
    held_out = ("detect_train", "validation", "test")
    assert images.split(*held_out).ids.tolist() == whole.split(*held_out).ids.tolist()


def test_curated_pixels_are_recorded_and_change_the_fingerprint(folder):
    plain = load(f"folder:{folder}", image_size=64)
    images = load(f"folder:{folder}", image_size=64, curate="median:5")
    assert images.provenance["curate"] == "median:5"
    assert images[:].std() < plain[:].std()
    assert images.fingerprint != plain.fingerprint


def test_an_unknown_step_is_told_with_the_choices(folder):
    with pytest.raises(UsageError, match="did you mean median"):
        load(f"folder:{folder}", image_size=64, curate="medain")


def test_another_label_moves_no_image_to_another_part(tmp_path):
    names = load("bbbc/simulated", **SIMULATED).ids.tolist()
    rows = [f"{name},{'ab'[i % 2]},{i % 3}" for i, name in enumerate(names)]
    table = write(tmp_path / "labels.csv", "path,label,third", *rows)
    first = load("bbbc/simulated", labels=table, **SIMULATED)
    other = load("bbbc/simulated", labels=table, label="third", **SIMULATED)
    assert other.class_names == ("0", "1", "2")
    assert other.parts.tolist() == first.parts.tolist()


def test_a_field_with_a_value_of_its_own_for_each_image_is_no_class(tmp_path):
    names = load("bbbc/simulated", **SIMULATED).ids.tolist()
    rows = [f"{name},{i * 1.5}" for i, name in enumerate(names)]
    table = write(tmp_path / "labels.csv", "path,area", *rows)
    with pytest.raises(UsageError, match="label=area: 60 classes among 60 images"):
        load("bbbc/simulated", labels=table, label="area", **SIMULATED)


def test_curation_does_not_change_what_counts_as_a_copy(folder):
    Image.fromarray(picture(1)).save(folder / "dog" / "copy.png")
    plain = load(f"folder:{folder}", image_size=64)
    curated = load(f"folder:{folder}", image_size=64, curate="median:3,normalise")
    assert curated.groups.tolist() == plain.groups.tolist()
    assert curated.parts.tolist() == plain.parts.tolist()


def test_a_list_may_name_what_was_set_aside(folder, tmp_path):
    (folder / "cat" / "broken.png").write_bytes(b"no image")
    listing = write(tmp_path / "reject.txt", "cat/broken.png", "cat/001.png")
    images = load(f"folder:{folder}", image_size=64, reject=listing)
    assert "cat/001.png" not in images.ids


def test_an_official_split_beside_images_without_groups_is_pointed_out(tmp_path, capsys):
    for number in range(90):
        place = tmp_path / "images" / ("test" if number % 5 == 0 else "train")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(number)).save(place / f"{number:03d}.png")
    load(f"folder:{tmp_path / 'images'}", image_size=64)
    assert "--split official takes it" in capsys.readouterr().err
    images = load(f"folder:{tmp_path / 'images'}", image_size=64, split="official")
    assert all(name.startswith("test/") for name in images.split("test").ids)


def test_many_copies_of_one_picture_are_told(folder, capsys):
    for number in range(60):
        Image.fromarray(picture(1)).save(folder / "dog" / f"copy-{number}.png")
    load(f"folder:{folder}", image_size=64)
    assert "one group holds 61 of 150 images" in capsys.readouterr().err
