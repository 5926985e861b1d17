"""Names that zoo makes are names on Windows too, as far as that can be told elsewhere."""

import ast
import re
from pathlib import Path, PureWindowsPath

import pytest

from zoo.data.prepared import place_of
from zoo.filenames import distinct_file_name, file_name
from zoo.runs import Run
from zoo.runs.find import find_run
from zoo.specs import Dataset

CHOSEN = [
    "bbbc/bbbc038-fluorescence",
    "folder:C:\\Users\\me\\my images",
    "folder:../..",
    "tfds:malaria:1.0.0",
    'a<b>c:d"e/f\\g|h?i*j',
    "ends. . ",
    "...",
    "",
    "CON",
    "nul.tar.gz",
    "com1",
    "Lpt9.png",
    "tab\tand\nline",
    "препарат",
    "x" * 500,
    "x" * 59 + "..y",
    "-rf",
]
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def is_valid_on_windows(name):
    return (
        PureWindowsPath(name).parts == (name,)
        and not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
        and not name.endswith((".", " "))
        and not DEVICES.fullmatch(name)
        and 0 < len(name) <= 80
    )


@pytest.mark.parametrize("text", CHOSEN)
def test_every_text_gives_a_name_that_windows_takes(text):
    assert is_valid_on_windows(file_name(text))
    assert is_valid_on_windows(distinct_file_name(text))
    assert not file_name(text).startswith(("-", "."))


def test_what_is_a_name_stays():
    for name in ("small-cnn", "my_images", "stylegan-lite", "bbbc038", "console", "v1.2"):
        assert file_name(name) == name
        assert distinct_file_name(name) == name


def test_distinct_names_differ_even_where_case_does_not_count():
    texts = [*CHOSEN, "svm", "SVM", "Svm", "mine:svm", "mine/svm", "mine-svm"]
    names = {distinct_file_name(text).lower() for text in texts}
    assert len(names) == len(texts)


@pytest.mark.parametrize("data", CHOSEN)
def test_the_folder_of_a_run_has_a_valid_and_short_name(tmp_path, data):
    run = Run.create(tmp_path, "dcgan", data)
    assert is_valid_on_windows(run.name)
    assert run.name.startswith("00000-dcgan-")
    assert len(run.name) <= 90


def test_a_dataset_of_any_name_has_a_place_below_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    for name in ("bbbc/bbbc038", "con", "My:Data", "a/../b"):
        parts = place_of(Dataset(name, "module:Class", "")).relative_to(tmp_path).parts
        assert parts[0] == "datasets"
        assert all(is_valid_on_windows(part) for part in parts)
    assert place_of(Dataset("bbbc/bbbc038", "m:C", "")) == tmp_path / "datasets/bbbc/bbbc038"


def test_a_path_with_slashes_names_a_run_on_every_system(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sep", "\\")
    with pytest.raises(Exception, match="no run folder elsewhere/00000-dcgan"):
        find_run("elsewhere/00000-dcgan", tmp_path)


def texts_without_encoding(tree):
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="open"), args=[_, ast.Constant(value=mode)]):
                if "b" not in mode and not node.keywords:
                    yield node.lineno
            case (
                ast.Call(func=ast.Attribute(attr="read_text"), args=[])
                | ast.Call(func=ast.Attribute(attr="write_text"), args=[_])
            ) if "encoding" not in [keyword.arg for keyword in node.keywords]:
                yield node.lineno


@pytest.mark.parametrize("folder", ["zoo", "cli", "plugins"])
def test_no_text_is_read_or_written_without_its_encoding(folder):
    """Windows would take its own."""
    found = {}
    for file in (Path(__file__).parents[1] / folder).rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found |= {str(file): lines} if (lines := [*texts_without_encoding(tree)]) else {}
    assert found == {}


@pytest.mark.parametrize("command", ["list", "info stylegan-lite", "check fid --quick"])
def test_a_terminal_without_our_letters_is_sent_others(zoo_command, command):
    done = zoo_command(*command.split(), PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout
