"""`zoo turing` on a trained run, and its page as a person reads it in a browser."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from zoo_cli.commands.turing.make import command as make_command
from zoo_cli.commands.turing.score import NAMES
from zoo_cli.commands.turing.score import command as score_command

import zoo
from zoo import claims
from zoo.errors import UsageError
from zoo.evaluation.turing.readings import gathered
from zoo.evaluation.turing.study import Study

CHROMIUM = Path("/usr/bin/chromium")
SMALL = {
    "image_size": 32,
    "device": "cpu",
    "steps": 4,
    "eval": False,
    "options": {"width": 4, "latent_dim": 8, "batch_size": 4},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return zoo.run("dcgan", "bbbc/simulated", out=str(folder), **SMALL)


@pytest.fixture(scope="module")
def made(run):
    return zoo.turing.make(run, n=4)


def call(command, run, *arguments):
    options = ["--runs", run.path.parent]
    return CliRunner().invoke(command, list(map(str, ["0", *arguments, *options])))


def simulated(study, reader, seed, folder):
    """A file of answers of a reader who guesses; it is no result and stays in a test's folder."""
    rng = np.random.default_rng(seed)
    rows = [
        {"item": item, "answer": rng.choice(["real", "generated"]).item(), "ms": 900,
         "realism": int(rng.integers(1, 6)), "order": order}
        for order, item in enumerate(study.items)
    ]  # fmt: skip
    moment = "2026-01-05T10:00:00+00:00"
    held = {"format": 1, "study": study.id, "reader": reader, "role": "", "answers": rows}
    path = folder / f"answers-{seed}.json"
    path.write_text(json.dumps({**held, "started": moment, "finished": moment}))
    return path


def test_a_study_of_a_run_is_written_beside_it_with_its_protocol(run, made):
    key = json.loads((run.turing / "key.json").read_text())
    assert made == {
        "study": key["id"],
        "page": str(run.turing / "study.html"),
        "key": str(run.turing / "key.json"),
        "n_real": 4,
        "n_fake": 4,
        "groups_real": 4,
        "warning": "",
    }
    facts = key["protocol"]["comparable"]
    assert (facts["run"], facts["step"], facts["reals"]) == (run.name, 4, "held-out")
    assert len(key["page_sha256"]) == 64


def test_the_generated_images_are_none_that_the_run_shows_elsewhere(run, made):
    generated = [i for i in Study.read(run.turing).items.values() if i.truth == "generated"]
    seeds = {item.source.split(",")[0] for item in generated}
    assert len(seeds) == 1
    assert seeds != {"seed 0"}


def test_the_command_makes_the_same_study_again_and_no_other_in_its_place(run, made, tmp_path):
    again = call(make_command, run, "-n", 4, "--json")
    assert json.loads(again.stdout) == made
    other = call(make_command, run, "-n", 3)
    assert isinstance(other.exception, UsageError)
    assert "--out takes another folder" in str(other.exception)
    elsewhere = call(make_command, run, "-n", 3, "--out", tmp_path / "three")
    assert elsewhere.exception is None
    assert "3 real images of 3 groups and 3 generated ones" in elsewhere.stdout
    assert (tmp_path / "three" / "key.json").is_file()


def test_a_margin_that_is_none_is_wrong_use(run):
    refused = call(make_command, run, "--margin", 0.5)
    assert isinstance(refused.exception, UsageError)
    assert str(refused.exception).startswith("margin=0.5: expected a number above 0")


def test_answers_come_into_the_report_and_the_card_only_when_they_were_scored(run, made, tmp_path):
    study = Study.read(run.turing)
    assert '<h2 id="h-readers">' not in run.report_path.read_text()
    assert "Readers" not in run.card_path.read_text()
    files = [simulated(study, name, seed, tmp_path) for seed, name in enumerate(("<i>A", "B"))]
    result = call(score_command, run, *files, "--json")
    found = json.loads(result.stdout)
    assert found == json.loads(run.turing_path.read_text())
    page, card = run.report_path.read_text(), run.card_path.read_text()
    assert "2 readers, 4 real and 4 generated images; guessing gives 50 %" in found["verdict"]
    for text in (page, card):
        assert found["verdict"] in text
        assert claims.READERS_DO_NOT_SEE in text
        assert claims.forbidden(text) == []
    assert "&lt;i&gt;A" in page
    assert "<i>A" not in page
    assert set(gathered(found)) == set(NAMES)
    shown = call(score_command, run, *files)
    assert "Agreement, Fleiss’ κ" in shown.stdout
    assert claims.READERS_DO_NOT_SEE in shown.stderr
    failing = call(score_command, run, *files, "--fail-on", "accuracy>=0")
    assert str(failing.exception).startswith("accuracy>=0: it is 0.")
    assert "p = " in failing.stdout
    unknown = call(score_command, run, *files, "--fail-on", "acuracy>0.5")
    assert "did you mean accuracy" in str(unknown.exception)


def test_a_run_without_a_study_and_no_answers_are_wrong_use(run, made, tmp_path):
    with pytest.raises(UsageError, match=r"no files of answers"):
        zoo.turing.score(run.path, [])
    bare = zoo.runs.Run.create(tmp_path, "dcgan", "bbbc/simulated")
    bare.write_recipe(run.recipe)
    with pytest.raises(UsageError, match=r"holds no study; `zoo turing make"):
        zoo.turing.score(bare.path, ["answers.json"])
    with pytest.raises(UsageError, match=r"no trained generator"):
        zoo.turing.make(bare.path)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.is_file():
        pytest.skip(f"needs {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser, made):
    """The page in a browser that has never seen it; what it complains of or asks for fails."""
    context = browser.new_context(viewport={"width": 380, "height": 800}, accept_downloads=True)
    tab, problems = context.new_page(), []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("request", lambda request: problems.append(request.url)
           if not request.url.startswith(("data:", "file:", "blob:")) else None)  # fmt: skip
    tab.goto(Path(made["page"]).resolve().as_uri(), timeout=120_000)
    yield tab
    assert problems == []
    context.close()


def begin(tab, reader="Ann Ö/2"):
    tab.fill("#reader", reader)
    tab.fill("#role", "pathologist, 5 years")
    tab.press("#role", "Enter")


def download(tab, folder):
    with tab.expect_download() as expected:
        tab.click("#download")
    path = folder / expected.value.suggested_filename
    expected.value.save_as(path)
    return path


def test_a_person_reads_all_images_with_keys_and_the_answers_score(run, made, tab, tmp_path):
    begin(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 380
    for number in range(8):
        assert tab.inner_text("#count") == f"Image {number + 1} of 8"
        assert tab.get_attribute("#image", "alt") == f"Image {number + 1} of 8"
        assert tab.evaluate("document.getElementById('image').naturalWidth") == 32
        assert tab.evaluate("document.getElementById('image').width % 32") == 0
        tab.keyboard.press("g" if number % 2 else "ArrowLeft")
        tab.keyboard.press(str(1 + number % 5))
    path = download(tab, tmp_path)
    assert path.name == "answers-Ann-Ö-2.json"
    held = json.loads(path.read_text())
    assert held["role"] == "pathologist, 5 years"
    assert [row["answer"] for row in held["answers"]] == ["real", "generated"] * 4
    assert [row["realism"] for row in held["answers"]] == [1, 2, 3, 4, 5, 1, 2, 3]
    assert [row["order"] for row in held["answers"]] == list(range(8))
    assert {row["item"] for row in held["answers"]} == set(Study.read(run.turing).items)
    found = zoo.turing.score(run.turing, [path])
    assert found["readers"][0]["complete"]
    assert found == json.loads(run.turing_path.read_text())


def test_a_reading_goes_on_after_a_reload_and_can_be_corrected(run, made, tab, tmp_path):
    begin(tab)
    tab.click("[data-answer='generated']")
    tab.click("[data-realism='4']")
    shown = tab.get_attribute("#image", "src")
    tab.reload()
    assert tab.inner_text("#count") == "Image 2 of 8"
    assert tab.get_attribute("#image", "src") == shown
    assert tab.is_disabled("#next")
    tab.keyboard.press("Backspace")
    assert tab.get_attribute("[data-answer='generated']", "aria-pressed") == "true"
    tab.keyboard.press("r")
    tab.click("#dark")
    assert tab.evaluate("getComputedStyle(stage).backgroundColor") == "rgb(0, 0, 0)"
    tab.click("#next")
    assert tab.inner_text("#count") == "Image 2 of 8"
    tab.click("#stop")
    assert tab.inner_text("#done") == "1 of 8 images are answered."
    held = json.loads(download(tab, tmp_path).read_text())
    assert held["finished"] is None
    assert [(row["answer"], row["realism"]) for row in held["answers"]] == [("real", 4)]
    assert held["answers"][0]["ms"] > 0
    tab.click("#again")
    assert tab.inner_text("#count") == "Image 2 of 8"


def test_a_browser_that_stores_nothing_still_gives_answers(tab, tmp_path):
    tab.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw Error() }})")
    tab.reload()
    begin(tab)
    tab.keyboard.press("g")
    tab.keyboard.press("3")
    tab.click("#stop")
    assert len(json.loads(download(tab, tmp_path).read_text())["answers"]) == 1


def test_each_reader_has_an_order_of_their_own(tab):
    orders = []
    for reader in ("A", "B", "C"):
        begin(tab, reader)
        stored = "Object.entries(localStorage).find(([k]) => k.endsWith(`:${name}`))[1]"
        order = f"(name) => JSON.parse({stored}).order"
        orders.append(tuple(tab.evaluate(order, reader.lower())))
        tab.click("#stop")
        tab.click("#other")
    assert len({frozenset(order) for order in orders}) == 1
    assert len(set(orders)) > 1
