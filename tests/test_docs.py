"""The package of docs/generators.md, file by file."""

import importlib
import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from zoo.data import ImageSet
from zoo.testing import CHECKS, CORE, check_generator

PAGE = Path(__file__).parents[1] / "docs" / "generators.md"
BLOCKS = re.findall(r"```(python|toml)\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
FILES = {path: source for _, path, source in BLOCKS}
NAMES = re.findall(r'yield zoo.Generator\(\s*"(\S+)"', FILES["zoo_mygan/__init__.py"])
SMALL = {"width": 4, "latent_dim": 8}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The page's files in a folder from which they can be imported."""
    root = tmp_path_factory.mktemp("zoo-mygan")
    for path, source in FILES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(source, encoding="utf-8")
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))
    for name in [name for name in sys.modules if name.split(".")[0] == "zoo_mygan"]:
        del sys.modules[name]


@pytest.fixture
def records(package):
    return {record.name: record for record in importlib.import_module("zoo_mygan").zoo_generators()}


def test_every_block_of_python_is_a_file():
    assert PAGE.read_text(encoding="utf-8").count("```python") == sum(
        b[0] == "python" for b in BLOCKS
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_generator_of_the_page_trains_and_keeps_the_core_of_the_contract(records, name):
    check_generator(records[name], checks=CORE, **SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_generator_of_the_page_keeps_the_rest_of_the_contract(records, name, tmp_path):
    rest = [check for check in CHECKS if check not in CORE]
    check_generator(records[name], checks=rest, folder=tmp_path, **SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_generator_of_the_page_is_trained_by_the_loop(records, name):
    classes = {"classes": 3} if records[name].conditional == "required" else {}
    gan = records[name].load()((32, 40, 1), **classes, **SMALL)
    gan.compile(batch_size=4)
    images = np.random.default_rng(0).integers(0, 160, (8, 32, 40, 1), np.uint8)
    gan.fit(ImageSet.from_array(images, np.arange(8) % 3), steps=2)  # labels that some ignore
    assert gan.sample(3).shape == (3, 32, 40, 1)


def test_the_clipped_critic_of_the_page_is_clipped_after_each_of_its_updates(records):
    gan = records["mygan-clipped"].load()((32, 32, 1), **SMALL)
    gan.compile(batch_size=2, n_critic=2, clip=0.003)
    sizes = []
    judged = gan.discriminator.trainable_variables
    apply = gan.d_optimizer.apply

    def watched(*arguments):
        apply(*arguments)
        sizes.extend(float(np.abs(weight.numpy()).max()) for weight in judged)

    gan.d_optimizer.apply = watched
    gan.train_step(np.zeros((4, 32, 32, 1), np.uint8))
    assert len(sizes) == 2 * len(judged)
    assert max(sizes) <= np.float32(0.003)


def test_the_three_lines_of_the_page_check_every_generator(package, records, monkeypatch):
    checked = []
    monkeypatch.setattr("zoo.testing.check_generator", lambda record, **_: checked.append(record))
    spec = importlib.util.spec_from_file_location("test_mygan", package / "tests/test_mygan.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    test = module.test_a_generator_keeps_the_contract
    for record in records.values():
        test(record, package)
    assert checked == list(records.values())
    assert test.pytestmark[0].name == "parametrize"


def test_the_page_s_package_is_found_by_its_entry_point(package, zoo_command):
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    (point,) = project["entry-points"]["zoo"].items()
    info = package / "zoo_mygan-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text("[zoo]\n{} = {}\n".format(*point))
    listed = zoo_command("list", "generators", PYTHONPATH=str(package)).stdout
    assert set(NAMES) <= {line.split()[0] for line in listed.splitlines() if line}
    shown = zoo_command("info", "mygan-drift", PYTHONPATH=str(package)).stdout
    assert re.search(r"drift +0.001 +number +Weight of the mean squared logit", shown)
