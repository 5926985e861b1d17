"""Every page of the documentation: its links, its commands, its Python.

Commands are parsed by the real command line; `zoo run` also resolves its recipe. The tutorial's are
run one after the other, smaller than the page says (`SMALLER`) and with one detector in `zoo run`;
what the other pages' Python needs follows from them. Blocks of generators.md have their tests in
test_docs.py, those of plugins.md in test_plugins_page.py, those of trackers.md in
test_trackers_page.py, those of the pages on other kinds of plugins in test_kinds.py, those of the
README in test_readme.py.
"""

import importlib.util
import json
import re
import shlex
import shutil
import textwrap
import unicodedata
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image
from zoo_cli.main import cli

import zoo
from zoo.plugins import find
from zoo.settings import SETTINGS, convert_setting

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
         for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]}  # fmt: skip
KINDS = ("datasets", "detectors", "metrics")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
# Their Python has tests of its own.
PLUGINS = ("generators", "plugins", "trackers", *KINDS)
ELSEWHERE = ("README.md", *(f"docs/{name}.md" for name in PLUGINS))
SMALL = {"IMAGE_SIZE": "32", "SCORE_IMAGES": "64", "DATA_OPTIONS": "images=60", "PRESET": "quick"}
# What is put in the place of what a page says, so that a test takes seconds.
SMALLER = {
    "docs/tutorial.md": {"--kimg 10": "--kimg 0.05", "kimg=1,": "kimg=0.05,"},
    "docs/detection.md": {', "small-cnn"], n=200': "], n=24, repeats=1, robust=False, curve=False"},
    "docs/howto/app.md": {"kimg=20": "kimg=0.05"},
    "docs/howto/class-conditional.md": {"kimg=20": "kimg=0.05"},
    "docs/howto/studies.md": {
        "generators: [dcgan, lsgan]": "generators: [dcgan]",
        "seeds: [0, 1, 2]": "seeds: [0]",
        "  - name: plain\n": "",
        "learning_rate: 1.0e-4": "width: 4",
        "kimg: 20": "steps: 2\n  eval: false",
    },
    "docs/utility.md": {
        'classifiers=["resnet50"], seeds=3': 'classifiers=["logistic"], seeds=1, n=40',
        "steps=800": "steps=2, seeds=1, n=40",
    },
}


def blocks(page, *languages):
    return [textwrap.dedent(m[3]) for m in FENCE.finditer(PAGES[page]) if m[2] in languages]


def commands(page):
    """The lines of a page that call zoo, continued ones as one, without comments."""
    for block in blocks(page, "", "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("zoo "):
                yield shlex.split(line, comments=True)


COMMANDS = sorted({(page, shlex.join(words)) for page in PAGES for words in commands(page)
                   if page not in [f"docs/{name}.md" for name in KINDS]})  # fmt: skip
INVENTED = {words[2] for page in PAGES for words in commands(page) if words[1] == "new"}
PYTHON = [(page, number) for page in PAGES if page not in ELSEWHERE
          for number in range(len(blocks(page, "python")))]  # fmt: skip


def smaller(page, text):
    for said, instead in SMALLER.get(page, {}).items():
        text = text.replace(said, instead)
    return text


def slug(heading):
    """A heading's anchor, as Python-Markdown makes it."""
    text = re.sub(r"[`*]|\]\([^)]*\)|<[^>]+>", "", heading).replace("[", "")
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())


def prose(page):
    return FENCE.sub("", PAGES[page])


def test_a_heading_s_anchor_is_markdown_s():
    assert slug("`zoo monitor RUN DATA`") == "zoo-monitor-run-data"
    assert slug("SSIM or PSNR: café – 8 bits") == "ssim-or-psnr-cafe-8-bits"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page):
    here = ROOT / page
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (here.parent / path).resolve() if path else here
        assert file.is_file(), target
        assert page == "README.md" or DOCS in file.parents, f"{target} is not in the site"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(str(file.relative_to(ROOT))), re.M)
            assert anchor in map(slug, headings), target


def test_every_page_is_in_the_navigation_once():
    def files(entry):
        below = entry.values() if isinstance(entry, dict) else entry
        return [entry] if isinstance(entry, str) else [f for e in below for f in files(e)]

    named = files(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(named) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_every_block_is_closed_and_of_a_known_kind():
    for page, text in PAGES.items():
        assert "```" not in prose(page), page
        kinds = {match[2] for match in FENCE.finditer(text)}
        assert kinds <= {"", "sh", "python", "toml", "json", "latex", "text", "yaml"}, page


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_of_a_page_is_understood(page, command, tmp_path, monkeypatch):
    """It exists, and so do its options; its values, and the names in it, are valid."""
    monkeypatch.chdir(tmp_path)
    seen = {}
    monkeypatch.setattr(click.Path, "convert", lambda self, value, *_: value)  # not on this disk
    with monkeypatch.context() as patch:
        patch.setattr(click.Command, "invoke", lambda _, ctx: seen.update({ctx.command_path: ctx}))
        result = CliRunner().invoke(cli, words := shlex.split(command)[1:])
    assert result.exit_code == 0, result.output
    path, context = list(seen.items())[-1]
    given = {k: v for k, v in context.params.items() if v is not None}
    for name in set(given) & set(SETTINGS):
        convert_setting(name, given[name])
    for name in given.get("detectors", ()):
        find("detectors", name)
    if path.endswith((" fetch", " import")) and " data " in path:
        find("datasets", given["name"])
    if path == "cli run" and not (given.get("resume") or {"FILE", *INVENTED} & set(words)):
        result = CliRunner().invoke(cli, [*words, "--dry-run"])
        assert result.exit_code == 0, result.exception or result.output


def test_the_study_of_a_page_resolves(tmp_path):
    path = tmp_path / "nuclei.yaml"
    path.write_text(blocks("docs/howto/studies.md", "yaml")[0])
    result = CliRunner().invoke(cli, ["study", str(path), "--dry-run", "--json"])
    assert result.exit_code == 0, result.exception
    assert len(json.loads(result.stdout)) == 2 * 3 * 2


def quick(words):
    """Whether a command shows something without data, a run or a network."""
    dry = words[1:3] == ["data", "fetch"] and "--dry-run" in words
    return dry or words[1] in ("list", "info")


@pytest.mark.parametrize(
    "command", sorted({c for _, c in COMMANDS if quick(shlex.split(c))}), ids=str
)
def test_a_command_that_only_shows_something_does(command):
    result = CliRunner().invoke(cli, shlex.split(command)[1:])
    assert result.exit_code == 0, result.exception or result.output
    assert result.stdout


def invoke(words):
    result = CliRunner().invoke(cli, words[1:])
    assert result.exit_code == 0, (shlex.join(words), result.exception or result.output)
    return result.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which the tutorial's commands have been run, and what each printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("zoo.workflow.DETECTORS", ("logistic",))
        for name, value in SMALL.items():
            patch.setenv(f"ZOO_{name}", value)
        words = [shlex.split(smaller("docs/tutorial.md", shlex.join(w)))
                 for w in commands("docs/tutorial.md")]  # fmt: skip
        printed = [(shlex.join(one), invoke(one)) for one in words]
    return folder, dict(printed)


def test_the_tutorial_ends_with_what_it_says(place):
    folder, printed = place
    run = folder / "runs" / "00000-dcgan-bbbc-simulated"
    assert (run / "report.html").is_file()
    assert len(list((folder / "fakes").glob("*.png"))) == 16
    assert (folder / "between" / "interpolation.png").is_file()
    detection = json.loads((run / "detection.json").read_text())
    assert [row["name"] for row in detection["detectors"]] == ["logistic"]
    assert "00000-dcgan-bbbc-simulated" in printed["zoo runs list"]


def pictures(folder, seed, names):
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(seed).integers(0, 256, (len(names), 64, 64), np.uint8)
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(folder / name)


def conditional_run(folder):
    """A run with classes and masks, under the names that docs/utility.md has."""
    options = {"width": 4}
    run = zoo.run("cgan", "bbbc/simulated", steps=2, eval=False, with_mask=True, options=options)
    for name in ("00000-cgan-blood-cells", "00001-dcgan-bbbc-bbbc038"):
        shutil.copytree(run.path, folder / "runs" / name)


def answers(folder):
    """Two readers who call every image real, for the page about readers."""
    shutil.copytree(folder / "runs/00000-dcgan-bbbc-simulated", folder / "runs/00000-dcgan-bbbc")
    zoo.turing.make("runs/00000-dcgan-bbbc", n=50)
    key = json.loads((folder / "runs/00000-dcgan-bbbc/turing/key.json").read_text())
    for reader in ("A", "B"):
        rows = [{"item": item, "answer": "real", "realism": 4, "ms": 900, "order": order}
                for order, item in enumerate(key["items"])]  # fmt: skip
        held = {"format": 1, "study": key["id"], "reader": reader, "role": "simulated",
                "started": "2026-01-05T10:00:00Z", "finished": "2026-01-05T10:20:00Z",
                "answers": rows}  # fmt: skip
        (folder / f"answers-{reader}.json").write_text(json.dumps(held))


def study(folder):
    """The study of the page, as one short training."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("studies need ray")
    page = "docs/howto/studies.md"
    (folder / "nuclei.yaml").write_text(smaller(page, blocks(page, "yaml")[0]))


NEEDED = {
    "docs/howto/studies.md": study,
    "docs/scores.md": lambda folder: [
        pictures(folder / side, seed, [f"{i}.png" for i in range(40)])
        for seed, side in enumerate(("real", "fake"))
    ],
    "docs/howto/own-images.md": lambda folder: pictures(
        folder / "my_images", 2, [f"{i}.png" for i in range(80)]
    ),
    "docs/utility.md": conditional_run,
    "docs/readers.md": answers,
}


@pytest.mark.parametrize(("page", "number"), PYTHON)
def test_the_python_of_a_page_runs(page, number, place, monkeypatch):
    folder, _ = place
    monkeypatch.chdir(folder)
    for name, value in SMALL.items():
        monkeypatch.setenv(f"ZOO_{name}", value)
    if page in NEEDED:
        NEEDED[page](folder)
    exec(smaller(page, blocks(page, "python")[number]), {"zoo": zoo})


def test_what_is_made_smaller_is_in_the_pages():
    for page, changes in SMALLER.items():
        assert all(said in PAGES[page] for said in changes), page
