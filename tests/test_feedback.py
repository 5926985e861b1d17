"""Opinions on generated images: kept by many at once, summed up, never rewritten."""

import json
import multiprocessing

import pytest
from click.testing import CliRunner
from zoo_cli.commands.feedback import command

import zoo
from zoo import claims, feedback
from zoo.errors import UsageError
from zoo.feedback import Shown
from zoo.runs import Run

ONE, OTHER = Shown(step=4, seed=0, index=0), Shown(step=4, seed=0, index=1, label="mitotic")
ANN, BOB = "a" * 16, "b" * 16


@pytest.fixture
def run(tmp_path):
    made = Run.create(tmp_path, "dcgan", "bbbc/simulated")
    made.write_recipe({"generator": "dcgan"})
    return made


def call(run, *arguments):
    return CliRunner().invoke(command, ["0", "--runs", str(run.path.parent), *map(str, arguments)])


def test_a_line_holds_what_makes_the_image_again_and_nothing_of_a_person(run):
    feedback.add(run, OTHER, "bad", session=ANN, tags=["blurry"])
    line = json.loads(run.feedback_path.read_text())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "session": ANN,
        "image": {"step": 4, "seed": 0, "index": 1, "class": "mitotic", "truncation": 1.0},
        "opinion": "bad",
        "tags": ["blurry"],
    }
    assert feedback.read(run)[0][0].image == OTHER
    assert feedback.new_session() != feedback.new_session()


def many(path, number):
    for index in range(25):
        image = Shown(step=1, seed=number, index=index)
        feedback.add(path, image, "good", session=f"{number:016x}", tags=["ä" * 30] * 8)


def test_eight_processes_append_at_once_and_no_line_is_torn(run):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=many, args=(run.path, number)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    opinions, damaged = feedback.read(run)
    assert damaged == []
    assert len({(one.image.seed, one.image.index) for one in opinions}) == len(opinions) == 200


def test_damaged_lines_are_named_and_left_as_they_are(run):
    feedback.add(run, ONE, "good", session=ANN)
    line = run.feedback_path.read_text()
    changed = [
        line.replace('"seed": 0', '"seed": -1'),
        line.replace("1.0", "NaN"),
        line.replace('"good"', '"great"'),
        line.replace(ANN, "Ann Smith"),
        line.replace("[]", '["a", 3]'),
        "[" * 100_000 + "\n",
        "\xff\n",
        "null\n",
        line[:30],
    ]
    run.feedback_path.write_text(line + "".join(changed), encoding="latin-1")
    before = run.feedback_path.read_bytes()
    feedback.add(run, OTHER, "bad", session=ANN)
    assert run.feedback_path.read_bytes().startswith(before + b"\n{")
    opinions, damaged = feedback.read(run)
    assert [one.image for one in opinions] == [ONE, OTHER]
    assert [text.partition(":")[0] for text in damaged] == [
        f"feedback.jsonl line {number}" for number in range(2, 11)
    ]
    assert "seed is -1; expected a whole number" in damaged[0]
    assert "session is 'Ann Smith'" in damaged[3]
    result = call(run, "--json")
    assert json.loads(result.stdout)["opinions"] == 2
    assert result.stderr.count("warning: skipped feedback.jsonl line") == 9


def test_of_a_session_and_an_image_the_last_opinion_counts(run):
    for session, image, said, tags in [
        (ANN, ONE, "good", []),
        (ANN, ONE, "bad", ["blurry", "dark"]),
        (BOB, ONE, "bad", ["blurry"]),
        (ANN, OTHER, "good", []),
        (BOB, OTHER, "bad", []),
        (BOB, OTHER, "withdrawn", []),
    ]:
        feedback.add(run, image, said, session=session, tags=tags)
    found = zoo.feedback.summary(run)
    assert (found["opinions"], found["images"], found["sessions"]) == (3, 2, 2)
    assert found["withdrawn"] == 1
    assert found["good"]["value"] == pytest.approx(1 / 3)
    assert found["good"]["interval"] == pytest.approx([0.0615, 0.7923], abs=1e-4)  # Wilson
    assert [(row["of"], row["value"], row["n"]) for row in found["by_class"]] == [("mitotic", 1, 1)]
    assert [(row["of"], row["n"]) for row in found["by_tag"]] == [("blurry", 2), ("dark", 1)]
    assert (found["repeated"]["images"], found["repeated"]["agreeing"]) == (1, 1)


def test_images_that_more_call_bad_than_good_can_be_had_as_a_list(run, tmp_path):
    for session, said in ((ANN, "bad"), (BOB, "good"), ("c" * 16, "bad")):
        feedback.add(run, OTHER, said, session=session, tags=["two nuclei", "dark"])
    feedback.add(run, ONE, "bad", session=ANN)
    feedback.add(run, ONE, "good", session=BOB)
    file = tmp_path / "rejected.csv"
    for _ in range(2):  # it replaces its own list
        assert call(run, "--rejected", file).exit_code == 0
    assert file.read_text() == (
        "seed,index,class,truncation,step,good,bad,tags\n0,1,mitotic,1.0,4,1,2,dark; two nuclei\n"
    )
    other = call(run, "--rejected", run.feedback_path)
    assert isinstance(other.exception, UsageError)
    assert len(feedback.read(run)[0]) == 5


def test_the_command_prints_shares_and_says_what_they_are_not(run):
    nothing = call(run)
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "no opinions in" in nothing.stderr
    feedback.add(run, OTHER, "good", session=ANN, tags=["sharp"])
    shown = call(run)
    assert "class mitotic 100.0 % 20.7 % to 100.0 % 1 step 4" in " ".join(shown.stdout.split())
    assert "1 opinion on 1 image in 1 session" in shown.stdout
    assert "no measurement of how real images look" in shown.stderr
    assert claims.forbidden(shown.output) == []


@pytest.mark.parametrize(
    ("image", "said", "session", "tags", "message"),
    [
        (Shown(step=1, seed=-1, index=0), "good", ANN, [], "seed is -1"),
        (Shown(step=1, seed=0, index=0, truncation=0.0), "good", ANN, [], "truncation is 0.0"),
        (ONE, "god", ANN, [], "opinion is 'god'; expected good, bad, withdrawn"),
        (ONE, "good", "Ann", [], "session is 'Ann'"),
        (ONE, "good", ANN, ["x" * 31], "tag 'xxx"),
        (ONE, "good", ANN, ["a\nb"], "tag 'a"),
        (ONE, "good", ANN, ["a"] * 9, "at most 8 words"),
    ],
)
def test_what_does_not_fit_is_wrong_use_and_writes_nothing(
    run, image, said, session, tags, message
):
    with pytest.raises(UsageError, match=message):
        feedback.add(run, image, said, session=session, tags=tags)
    assert not run.feedback_path.exists()


def test_tags_are_parted_by_commas_and_each_is_kept_once():
    assert feedback.parse_tags(" Blurry,two  nuclei;blurry,, ") == ("blurry", "two nuclei")
    with pytest.raises(UsageError, match="at most 8 words"):
        feedback.parse_tags(",".join("abcdefghi"))


def test_a_folder_that_cannot_be_written_is_one_line(run, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zoo.runs.files.os.fsync", full)
    with pytest.raises(zoo.errors.ZooError, match=r"cannot write .*feedback.jsonl: No space left"):
        feedback.add(run, ONE, "good", session=ANN)
