"""A study's file: what it may hold, and what is refused before anything starts."""

import json
import shutil

import pytest
import yaml
from click.testing import CliRunner
from zoo_cli.main import cli

from zoo.errors import UsageError, ZooError
from zoo.studies.cells import plan
from zoo.studies.design import find_design, read_design, shipped

HELD = {"generators": ["dcgan"], "data": ["bbbc/simulated"], "seeds": [0]}


def write(folder, **changes):
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**HELD, **changes}))
    return path


def dry_run(path, *more):
    return CliRunner().invoke(cli, ["study", str(path), "--dry-run", *more])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"generator": ["dcgan"]}, "no key 'generator'.* did you mean generators"),
        ({"generators": ["dcgn"]}, "no generator or recipe 'dcgn'.* did you mean dcgan"),
        ({"generators": []}, "generators is missing"),
        ({"generators": ["dcgan", "dcgan"]}, "generators: dcgan is there twice"),
        ({"data": ["bbbc/simulatd"]}, "no dataset 'bbbc/simulatd'.* did you mean bbbc/simulated"),
        ({"data": ["bbbc"]}, "data: bbbc stands for one of"),
        ({"data": ["folder:"]}, "folder needs an argument"),
        ({"seeds": ["x"]}, "seeds=.*expected list of whole number"),
        ({"seeds": None}, "seeds is missing"),
        ({"seeds": [-1]}, "seed=-1: expected at least 0"),
        ({"options": {"wdth": 8}}, "no option of dcgan 'wdth'.* did you mean width"),
        ({"options": {"width": "big"}}, "width=big: expected whole number"),
        ({"options": {"learning_rate": "2e-4"}}, "options: YAML reads .* write 2.0e-4"),
        ({"options": [{"name": "a"}, {"name": "a", "width": 8}]}, "options: a is there twice"),
        ({"options": "width=8"}, "options: expected a mapping"),
        ({"settings": {"kimgs": 2}}, "no setting 'kimgs'.* did you mean kimg"),
        ({"settings": {"kimg": 2, "steps": 3}}, "give one of .* not steps and kimg"),
        ({"settings": {"seed": 3}}, "seed does not belong there; seeds"),
        ({"settings": {"out": "x"}}, "out does not belong there; .*--out"),
        ({"settings": {"image_size": 4}}, "image_size=4x4 does not suit dcgan"),
        ({"detectors": ["logstic"]}, "no detector 'logstic'.* did you mean logistic"),
        ({"resources": {"cpu": 1}}, "no resource 'cpu'.* did you mean cpus"),
        ({"resources": {"memory": 0}}, "resources.memory=0: expected above 0"),
        ({"resources": {"gpus": 1.5}}, "above 1 only whole numbers"),
        ({"retries": -1}, "retries=-1: expected at least 0"),
    ],
)
def test_what_is_wrong_is_named_before_anything_starts(changes, said, tmp_path):
    result = dry_run(write(tmp_path, **changes), "--out", str(tmp_path / "s"))
    assert isinstance(result.exception, UsageError)
    with pytest.raises(UsageError, match=said):
        raise result.exception
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "s").exists()


def test_a_file_that_would_run_code_runs_none(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("seeds: !!python/object/apply:os.mkdir [made]\n")
    with pytest.raises(ZooError, match="is damaged"):
        read_design(path)
    assert not (tmp_path / "made").exists()


def test_variants_have_their_names_or_are_named_by_their_content(tmp_path):
    options = [{}, {"name": "wide", "width": 64}, {"augment": "ada", "width": 8}]
    design = read_design(write(tmp_path, options=options))
    names = [variant.name for variant in design.variants]
    assert names == ["default", "wide", "augment=ada,width=8"]
    cells = plan(design, tmp_path / "s")
    assert [cell.recipe.options["width"] for cell in cells][1:] == [64, 8]


def test_a_run_takes_as_many_threads_as_it_is_given_cpus(tmp_path):
    (cell,) = plan(read_design(write(tmp_path, resources={"cpus": 3, "gpus": 0})), tmp_path / "s")
    assert cell.recipe.settings["threads"] == 3
    assert cell.recipe.settings["device"] == "cpu"


def test_every_generator_has_a_run_of_the_first_seed_before_the_second_begins(tmp_path):
    path = write(tmp_path, generators=["dcgan", "lsgan"], seeds=[3, 4])
    cells = plan(read_design(path), tmp_path / "s")
    assert [(c.seed, c.generator) for c in cells] == [
        (3, "dcgan"),
        (3, "lsgan"),
        (4, "dcgan"),
        (4, "lsgan"),
    ]
    assert cells[1].run.name == "00001-lsgan-bbbc-simulated"


def test_a_dry_run_shows_every_cell_with_its_recipe_and_writes_nothing(tmp_path):
    path = write(tmp_path, generators=["dcgan", "lsgan"], settings={"kimg": 3})
    out = str(tmp_path / "s")
    cells = json.loads(dry_run(path, "--json", "--out", out).stdout)
    assert [cell["recipe"]["generator"] for cell in cells] == ["dcgan", "lsgan"]
    assert all(cell["recipe"]["settings"]["kimg"] == 3 for cell in cells)
    text = dry_run(path, "--out", out).stdout
    common, first, second = text.split("\n\n")
    assert "kimg" in common
    assert "least-squares" in second
    assert "least-squares" not in first
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_the_studies_that_come_with_zoo_resolve(path, tmp_path):
    result = dry_run(path.stem, "--json", "--out", str(tmp_path / "s"))
    assert result.exit_code == 0, result.exception
    cells = json.loads(result.stdout)
    design = read_design(path)
    assert design.summary
    assert len(cells) == len(design.generators) * len(design.data) * len(design.seeds)
    assert path.stem in CliRunner().invoke(cli, ["study", "--list"]).stdout


def test_a_study_is_a_file_or_the_name_of_one_that_comes_with_zoo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_design("two-step") in shipped()
    shutil.copy(find_design("two-step"), "mine.yaml")
    assert read_design(find_design("mine.yaml")).name == "mine"
    with pytest.raises(UsageError, match="did you mean two-step"):
        find_design("tow-step")


def test_data_that_are_not_there_are_told_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["study", "three-organs"])
    assert "there is no data/acdc" in str(result.exception)
    assert result.exception.exit_status == 2
