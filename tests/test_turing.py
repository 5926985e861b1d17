"""Reader studies: nothing gives the truth away, and answers are believed only as far as checked."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import claims
from zoo.data.imageset import HELD_OUT, ImageSet
from zoo.data.intensity import Intensity
from zoo.errors import UsageError, ZooError
from zoo.evaluation.turing.study import Study, compose, groups_first
from zoo.report.study import study_page
from zoo.runs import write_json

SHAPE = (12, 16)
PARTS = ("train", "train", *HELD_OUT)


def image_set(groups=60, tiles=3, channels=1, dtype=np.uint8, name="test/<b>cells</b>"):
    group = np.repeat(np.arange(groups), tiles)
    most = np.iinfo(dtype).max
    rng = np.random.default_rng(0)
    return ImageSet(
        name=name,
        pixels=rng.integers(0, most, (len(group), *SHAPE, channels), dtype),
        index=np.arange(len(group)),
        groups=np.array([f"patient {g}" for g in group]),
        ids=np.array([f"slide-{i}" for i in range(len(group))]),
        parts=np.array(PARTS)[group % len(PARTS)],
        intensity=Intensity("none", np.dtype(dtype).name),
        fingerprint="f" * 64,
    )


def generator(images):
    most = np.iinfo(images.dtype).max

    def sample(n, seed):
        rng = np.random.default_rng([seed, 9])
        return rng.integers(0, most, (n, *images.shape[1:]), images.dtype)

    return sample


def composed(images=None, n=20, seed=0, sampling_seed=987654):
    images = image_set() if images is None else images
    settings = {"n": n, "seed": seed, "sampling_seed": sampling_seed, "margin": 0.1}
    study, pictures = compose(images, generator(images), facts={"run": "00000-dcgan"}, **settings)
    return images, study, pictures, study_page(study, pictures, images, size=320)


def content(page):
    return json.loads(re.search(r'id="study">(.*?)</script>', page, re.S)[1])


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture)))


def answers(study, reader, says, *, realism=lambda generated: 3, items=None):
    """The file that a simulated reader would send; `says(generated)` is its answer."""
    rows = [
        {
            "item": name,
            "answer": "generated" if says(item.truth == "generated") else "real",
            "realism": realism(item.truth == "generated"),
            "ms": 2000,
            "order": order,
        }
        for order, (name, item) in enumerate(study.items.items())
    ]
    times = {"started": "2026-01-05T10:00:00.000Z", "finished": "2026-01-05T10:30:00.000Z"}
    held = {"format": 1, "study": study.id, "reader": reader, "role": "", **times}
    return {**held, "answers": rows[:items]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study that is in no run folder."""
    folder = tmp_path_factory.mktemp("study")
    _, study, _, page = composed()
    write_json(folder / "key.json", study.as_dict())
    (folder / "study.html").write_text(page)
    return folder


@pytest.fixture(scope="module")
def study(folder):
    return Study.read(folder)


@pytest.fixture
def send(tmp_path):
    def write(name, held):
        path = tmp_path / f"answers-{name}.json"
        path.write_text(held if isinstance(held, str) else json.dumps(held))
        return path

    return write


def test_a_study_is_half_real_and_every_real_image_was_held_out():
    images, study, pictures, _ = composed()
    generated = study.generated()
    assert (generated.sum(), len(generated)) == (20, 40)
    held_out = images.split(*HELD_OUT)
    for name, item in study.items.items():
        if item.truth == "real":
            (at,) = np.flatnonzero(held_out.ids == item.source)
            assert np.array_equal(pixels(pictures[name]), held_out[int(at)][..., 0])


def test_the_generated_images_are_those_of_one_seed_none_left_out_and_none_of_the_training_set():
    images, study, pictures, _ = composed()
    made = generator(images)(20, 987654)[..., 0]
    shown = [pixels(pictures[n]) for n, item in study.items.items() if item.truth == "generated"]
    assert {image.tobytes() for image in shown} == {image.tobytes() for image in made}
    training = {image.tobytes() for image in images.split("train")[:][..., 0]}
    assert not training & {image.tobytes() for image in shown}


def test_every_group_has_an_image_before_any_has_two():
    groups = np.repeat(["a", "b", "c"], [5, 3, 1])
    drawn = [groups[groups_first(groups, n, seed=1)].tolist() for n in (3, 5, 9)]
    assert [sorted(names) for names in drawn] == [
        ["a", "b", "c"],
        ["a", "a", "b", "b", "c"],
        sorted(groups),
    ]
    rows = [groups_first(np.repeat(["a", "b"], 50), 2, seed=seed).tolist() for seed in range(20)]
    assert len({tuple(pair) for pair in rows}) > 10


def test_what_makes_a_study_doubtful_is_said():
    few = composed(image_set(groups=8, tiles=30))[1].warning()
    assert few.startswith("The 20 real images come from 4 groups; intervals")
    images = image_set()
    lossy = replace(images, provenance={"lossy_files": 1200})
    assert composed(lossy)[1].warning().startswith("1,200 files of the data set have lost detail")
    assert composed(images)[1].warning() == ""


def test_the_same_seed_gives_the_same_study_and_another_seed_another():
    assert composed()[1:] == composed()[1:]
    assert composed(seed=1)[1].id != composed()[1].id
    assert composed(sampling_seed=78)[1].id != composed()[1].id


def test_too_few_held_out_images_are_told_in_one_line():
    with pytest.raises(ZooError, match="has 108 held-out images, which is fewer than n=109"):
        composed(n=109)


def test_the_page_holds_no_truth_in_any_form():
    images, study, _, page = composed()
    told = content(page)
    assert set(told) == {"format", "id", "width", "height", "largest", "items"}
    assert all(set(item) == {"id", "png"} for item in told["items"])
    assert [item["id"] for item in told["items"]] == sorted(study.items)
    without = re.sub(r'"png": "[^"]*"', "", page)
    for item in study.items.values():
        assert item.source not in without
        assert not item.group or item.group not in without
    for secret in ("00000-dcgan", "patient", "slide-", "987654", images.fingerprint):
        assert secret not in without


def test_places_and_names_of_items_do_not_depend_on_the_truth():
    places, names = [], []
    for seed in range(60):
        study = composed(n=10, seed=seed)[1]
        places.append(np.flatnonzero(study.generated()).mean())
        names += [int(name[:2], 16) for name, item in study.items.items() if item.truth == "real"]
    # Of ten places out of twenty the mean has a standard deviation of 1.32.
    assert abs(np.mean(places) - 9.5) < 4 * 1.32 / np.sqrt(60)
    assert abs(np.mean(names) - 127.5) < 4 * 74 / np.sqrt(600)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "RGB"), (3, "RGB"), (4, "RGB")])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_both_sides_are_encoded_alike_and_without_metadata(channels, mode, dtype):
    _, _, pictures, _ = composed(image_set(channels=channels, dtype=dtype), n=3)
    for picture in pictures.values():
        opened = Image.open(io.BytesIO(picture))
        assert (opened.mode, opened.size, opened.info) == (mode, SHAPE[::-1], {})
        kinds = re.findall(rb"IHDR|IDAT|IEND|tEXt|iTXt|zTXt|tIME|gAMA|pHYs|eXIf", picture[:60])
        assert set(kinds) <= {b"IHDR", b"IDAT"}


def test_the_page_loads_nothing_escapes_names_and_claims_nothing():
    *_, page = composed()
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)""", page.split("<script")[0])
    assert "http" not in re.sub(r'"png": "[^"]*"', "", page).replace("http-equiv", "")
    assert "<b>cells" not in page
    assert "test/&lt;b&gt;cells" in page
    assert claims.forbidden(page) == []
    assert claims.has_notice(page)
    assert base64.b64decode(content(page)["items"][0]["png"]).startswith(b"\x89PNG")


def scored(folder, *files, **settings):
    return zoo.turing.score(folder, files, **settings)


def test_a_perfect_reader_recognises_everything(folder, study, send):
    found = scored(folder, send("ann", answers(study, "Ann", lambda generated: generated)))
    (row,) = found["readers"]
    shares = ("accuracy", "generated_recognised", "real_recognised")
    assert [row[name]["value"] for name in shares] == [1, 1, 1]
    assert not found["equivalence"]["equivalent"]
    assert found["not_computed"][0]["reason"].startswith("agreement needs two readers or more")
    assert "1 reader, 20 real and 20 generated images; guessing gives 50 %" in found["verdict"]
    assert found["limits"] == claims.READERS_DO_NOT_SEE
    assert json.loads((folder / "turing.json").read_text()) == found
    assert found["warning"] == ""


def test_a_reader_who_calls_everything_generated_is_right_by_half(folder, study, send):
    always = [send(name, answers(study, name, lambda generated: True)) for name in "ab"]
    found = scored(folder, *always)
    row = found["readers"][0]
    assert row["accuracy"]["value"] == 0.5
    assert row["generated_recognised"]["value"] == 1
    assert row["real_recognised"]["value"] == 0
    assert found["agreement"] is None
    assert "every answer is the same" in found["not_computed"][0]["reason"]


def test_realism_is_that_of_the_ratings(folder, study, send):
    file = send("a", answers(study, "a", bool, realism=lambda generated: 2 if generated else 5))
    realism = scored(folder, file)["realism"]
    assert realism["real"] == {"mean": 5.0, "sd": 0.0, "n": 20}
    assert realism["generated"]["mean"] == 2
    assert (realism["difference"], realism["interval"]) == (3, [3, 3])


def test_an_incomplete_reading_is_reported_and_enters_no_number_of_all(folder, study, send):
    whole = send("a", answers(study, "a", bool))
    part = answers(study, "b", lambda generated: not generated, items=7) | {"finished": None}
    found = scored(folder, whole, send("b", part))
    assert found["pooled"]["accuracy"] == 1
    assert (found["readers_complete"], found["readers_incomplete"]) == (1, 1)
    assert found["readers"][1]["answered"] == 7
    assert found["readers"][1]["accuracy"]["n"] == 7
    assert "1 reader incomplete, not included" in found["verdict"]
    alone = scored(folder, send("b", part))
    assert alone["pooled"] is None
    assert alone["verdict"].startswith("not computed, because no reader answered every image")
    nothing = scored(folder, send("b", part | {"answers": []}))
    assert nothing["readers"][0]["accuracy"]["value"] is None


def test_another_margin_is_told_in_the_protocol(folder, study, send):
    file = send("a", answers(study, "a", bool))
    found = scored(folder, file, margin=0.2)
    assert found["equivalence"]["margin"] == 0.2
    assert found["protocol"]["provenance"]["margin_chosen"] == "when it was scored"
    with pytest.raises(UsageError, match=r"margin=0.7: expected a number above 0 and below 0.5"):
        scored(folder, file, margin=0.7)


def one(**changes):
    """Changes of the first answer."""
    return lambda held: held["answers"][0].update(changes)


HOSTILE = {
    "study is": lambda held: held.update(study="0" * 16),
    "study is missing": lambda held: held.pop("study"),
    "reader is": lambda held: held.update(reader="a\x1b[2Jb"),
    "reader is \"\"": lambda held: held.update(reader=""),
    "reader is \"xxx": lambda held: held.update(reader="x" * 10_000),
    "role is 7": lambda held: held.update(role=7),
    "format is true": lambda held: held.update(format=True),
    "started is \"then\"": lambda held: held.update(started="then"),
    "finished is 0": lambda held: held.update(finished=0),
    "answers is": lambda held: held.update(answers={"a": 1}),
    "\"extra\" is no field": lambda held: held.update(extra=1),
    "answers[3] is \"real\"": lambda held: held["answers"].__setitem__(3, "real"),
    "answers[0].item is \"ff\"": one(item="ff"),
    "answers[0].item is [": one(item=["a"]),
    "answers[0].answer is \"fake\"": one(answer="fake"),
    "answers[0].answer is null": one(answer=None),
    "answers[0].realism is 6": one(realism=6),
    "answers[0].realism is 3.0": one(realism=3.0),
    "answers[0].realism is true": one(realism=True),
    "answers[0].ms is -1": one(ms=-1),
    "answers[0].order is 40": one(order=40),
    "answers[1].order is 0": lambda held: held["answers"][1].update(order=0),
    "answers[40].item is": lambda held: held["answers"].append(dict(held["answers"][0])),
    "answers[0].truth": one(**{"truth\n": "real"}),
}  # fmt: skip


@pytest.mark.parametrize("message", HOSTILE)
def test_a_hostile_answer_is_refused_with_file_and_field(folder, study, send, message):
    held = answers(study, "eve", bool)
    HOSTILE[message](held)
    file = send("eve", held)
    with pytest.raises(ZooError) as refused:
        scored(folder, file)
    said = str(refused.value)
    assert said.startswith(f"{file}: ")
    assert "\n" not in said
    assert message.replace("answers[0].truth", "answers[0].") in said
    assert len(said) < len(str(file)) + 160
    assert refused.value.exit_status == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no file of answers"),
        ("[" * 100_000, "is no file of answers"),
        ('{"format": NaN}', "NaN is no number of JSON"),
        ('{"format": 1, "format": 1}', '"format" is there twice'),
        ("[1]", "is [1]; expected an object"),
        (" " * (4 * 2**20 + 1), "is too large for answers"),
        ('{"format": ' + "9" * 5000 + "}", "is no file of answers"),
        ('{"format": 1e999}', "format is Infinity; expected 1"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(folder, send, text, message):
    file = send("eve", text)
    with pytest.raises(ZooError) as refused:
        scored(folder, file)
    assert message in str(refused.value)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_text_or_not_there_is_refused(folder, tmp_path):
    picture = tmp_path / "answers.json"
    picture.write_bytes(b"\xff\xfe\x89PNG\x00")
    for file, message in [
        (picture, "is no file of answers"),
        (tmp_path, "no file"),
        ("none", "no"),
    ]:
        with pytest.raises(ZooError, match=message):
            scored(folder, file)


@pytest.mark.parametrize("depth", [300, 600, 900, 950, 980])
def test_a_value_that_is_nested_deeply_is_refused_in_one_line(folder, study, send, depth):
    held = json.dumps(answers(study, "eve", bool) | {"role": "DEEP"})
    file = send("eve", held.replace('"DEEP"', "[" * depth + "]" * depth))
    with pytest.raises(ZooError, match=r"role is|nested too deeply"):
        scored(folder, file)


def test_one_reader_may_not_answer_twice(folder, study, send):
    files = [send(str(i), answers(study, name, bool)) for i, name in enumerate(("Ann B", "ann  b"))]
    with pytest.raises(ZooError, match="are both of reader"):
        scored(folder, *files)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 2}', '{"format": 1, "items": 3}', '{"format": 1, "id": "a"}'],
)
def test_a_damaged_key_is_told_in_one_line(tmp_path, send, study, text):
    (tmp_path / "key.json").write_text(text)
    with pytest.raises(ZooError, match=r"key\.json (is damaged|was written by another)"):
        scored(tmp_path, send("a", answers(study, "a", bool)))
