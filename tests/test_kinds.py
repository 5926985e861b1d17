"""The packages of the pages "Write a dataset", "… a detector" and "… a metric", file by file."""

import hashlib
import importlib
import io
import json
import re
import shlex
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import test_pages
import tifffile
from click.testing import CliRunner
from PIL import Image
from zoo_cli.main import cli

import zoo
from zoo.data.loading import open_dataset
from zoo.plugins import find, registry
from zoo.testing.detectors import discs
from zoo.testing.lists import SHARED, SUITES
from zoo.testing.subjects import subjects
from zoo.testing.suite import checks_of, run_checks

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {
    name: (DOCS / f"{name}.md").read_text("utf-8") for name in ("datasets", "detectors", "metrics")
}
BLOCK = re.compile(r"```(python|toml)\n# (\S+)\n(.*?)```", re.S)
FILES = {
    name: {path: text for _, path, text in BLOCK.findall(page)} for name, page in PAGES.items()
}
ONE_FIT = ("loads", "imports", "probabilities", "learns", "single", "saves")
OWN = ("zoo_mycells", "zoo_texture", "zoo_granularity")


@pytest.fixture
def package(tmp_path, install_folder, site, monkeypatch):
    """Install the package of a page, with some of its text replaced."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(site))

    def install(page, **replaced):
        folder = tmp_path / f"zoo-{page}"
        for path, text in FILES[page].items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            for old, new in replaced.items():
                text = text.replace(old, new)
            (folder / path).write_text(text, encoding="utf-8")
        install_folder(folder)
        importlib.invalidate_caches()
        registry.cache_clear()
        return folder

    yield install
    registry.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] in OWN]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("page", "command"),
    [
        (name, shlex.join(words))
        for name in PAGES
        for words in test_pages.commands(f"docs/{name}.md")
    ],
)
def test_a_command_of_the_page_is_understood(page, command, package, tmp_path, monkeypatch):
    package(page)
    write_stacks(tmp_path / "wells", slides=1)
    test_pages.test_a_command_of_a_page_is_understood("", command, tmp_path, monkeypatch)


def findings(name, folder, only=None):
    """What `zoo check NAME` finds: check to state, and what was found of failures."""
    found = [f for subject in subjects(name, folder)
             for f in run_checks(subject, checks_of(subject.kind, only))]  # fmt: skip
    return {f.check: f.state if f.state != "failed" else str(f) for f in found}


def write_stacks(folder, slides=12):
    """Slides of two classes, five stacks of three planes of 16 bits on each."""
    for number in range(slides):
        label = ("ill", "well")[number % 2]
        images = discs(5, radius=(9, 6)[number % 2], seed=number, shape=(32, 40, 1))[..., 0]
        (folder / label).mkdir(parents=True, exist_ok=True)
        for field, image in enumerate(images.astype(np.uint16) * 16):
            stack = np.stack([image // 2, image, image // 3])
            file = folder / label / f"s{number:02d}_{field}.tif"
            tifffile.imwrite(file, stack, metadata={"axes": "ZYX"}, photometric="minisblack")
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_python_is_a_file_of_the_package(page):
    assert PAGES[page].count("```python") == sum(p.endswith(".py") for p in FILES[page])


@pytest.mark.parametrize(
    ("page", "kind"), [("datasets", "dataset"), ("detectors", "detector"), ("metrics", "metric")]
)
def test_the_page_s_table_of_checks_names_each_of_them(page, kind):
    table = PAGES[page].rpartition("\n| check |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| `(\w+)` \|", table, re.M)
    checks = [check.name for check in SUITES[kind].checks]
    assert named in ([c.name for c in SHARED] + checks, checks)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_s_tables_have_each_field_of_its_record(page):
    record = {"datasets": zoo.Dataset, "detectors": zoo.Detector, "metrics": zoo.Metric}[page]
    missing = [f for f in record.__dataclass_fields__ if f"`{f}`" not in PAGES[page]]
    assert [name for name in missing if name not in ("_", "api")] == []


def test_the_page_s_callable_passes_every_check_and_reads_stacks_in_their_own_depth(
    package, tmp_path
):
    package("datasets")
    folder = write_stacks(tmp_path / "wells")
    found = findings(f"mycells:{folder}", tmp_path)
    assert set(found.values()) == {"passed"}, found
    images = zoo.load("dataset", f"mycells:{folder}", image_size=32)
    assert images.dtype == np.uint16
    assert images.class_names == ("ill", "well")
    assert len(set(images.groups)) == 12
    assert images.provenance["microscope"] == "spinning disc, 20x"
    assert {"max of 3 along z"} == set(images.provenance["notes"])
    halved = zoo.load("dataset", f"mycells:{folder}", image_size=32, z="0")
    assert halved.pixels.max() < 0.6 * images.pixels.max()


def test_a_file_that_changes_is_read_again_and_one_that_is_misnamed_is_set_aside(
    package, tmp_path, capsys
):
    package("datasets")
    folder = write_stacks(tmp_path / "wells")
    first = zoo.load("dataset", f"mycells:{folder}", image_size=32)
    (folder / "ill" / "s00_0.tif").rename(folder / "ill" / "overview.tif")
    again = zoo.load("dataset", f"mycells:{folder}", image_size=32)
    assert len(again) == len(first) - 1
    (rejected,) = again.provenance["rejected"]
    assert rejected == {"file": "ill/overview.tif", "reason": "not named LABEL/SLIDE_FIELD.tif"}
    assert "set aside ill/overview.tif" in capsys.readouterr().err


def write_plate(folder, wells=10):
    """Two channels of three sites of each well, every second of which was treated."""
    folder.mkdir()
    names = [f"A{number:02d}" for number in range(1, wells + 1)]
    for number, well in enumerate(names):
        images = discs(3, radius=(9, 6)[number % 2], seed=number, shape=(32, 40, 1))[..., 0]
        for site, image in enumerate(images.astype(np.uint16) * 16, 1):
            for channel in (1, 2):
                file = folder / f"{well}_s{site}_w{channel}.tif"
                tifffile.imwrite(file, image // channel, photometric="minisblack")
    rows = [f"{well},{('dmso', 'drug')[i % 2]}" for i, well in enumerate(names)]
    (folder / "treatments.csv").write_text("\n".join(["well,treatment", *rows]))
    return folder


def test_the_page_s_plate_joins_the_channels_of_a_site_and_passes_every_check(package, tmp_path):
    package("datasets")
    folder = write_plate(tmp_path / "plate")
    assert set(findings(f"myplate:{folder}", tmp_path).values()) == {"passed"}
    images = open_dataset(f"myplate:{folder}", image_size=32).images
    assert images.shape[3] == 2
    assert images.dtype == np.uint16
    assert images.class_names == ("dmso", "drug")


def test_a_site_without_its_partner_is_set_aside_and_another_table_is_read(package, tmp_path):
    package("datasets")
    folder = write_plate(tmp_path / "plate")
    (folder / "A03_s1_w2.tif").unlink()
    first = open_dataset(f"myplate:{folder}", image_size=32).images
    (rejected,) = first.provenance["rejected"]
    assert rejected == {"file": "A03_s1", "reason": "there is no A03_s1_w2.tif"}
    table = folder / "treatments.csv"
    table.write_text(table.read_text().replace("dmso", "control"))
    again = open_dataset(f"myplate:{folder}", image_size=32).images
    assert again.class_names == ("control", "drug")


def test_the_page_s_test_of_the_callable_passes(package, tmp_path):
    package("datasets")
    names = {}
    exec(FILES["datasets"]["tests/test_mycells.py"], names)
    names["test_stacks_keep_the_contract"](write_stacks(tmp_path / "wells"))


def test_a_reader_with_tifffile_alone_keeps_the_contract_once(package, tmp_path):
    package("datasets")
    planes = importlib.import_module("zoo_mycells.raw").planes
    folder = write_stacks(tmp_path / "wells")
    examples = zoo.testing.check_dataset(list(planes(str(folder))))
    assert len(examples) == 180
    assert examples[0]["id"] == "ill/s00_0.tif#0"
    with pytest.raises(AssertionError, match="a second iteration gives other ids"):
        zoo.testing.check_dataset(planes(str(folder)))


def write_archive(path):
    """The archive that the page's builder reads: ten wells, six fields each, two not whole."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for well in range(10):
            for field in range(6):
                name = f"P{1 + well % 4}-A{well}-{field}"
                where = f"{('train', 'test')[well % 2]}/{('control', 'treated')[well // 5]}"
                image = rng.integers(0, 4000, (32, 32), np.uint16)
                mask = np.zeros((32, 32), np.uint8)
                mask[4:9, 4:9], mask[20:30, 20:30] = 1, 2
                held = io.BytesIO()
                tifffile.imwrite(held, image, photometric="minisblack")
                archive.writestr(f"images/{where}/{name}.tif", held.getvalue())
                if (well, field) != (0, 0):
                    held = io.BytesIO()
                    Image.fromarray(mask).save(held, "PNG")
                    archive.writestr(f"masks/{name}.png", held.getvalue())
        archive.writestr("images/test/treated/P1-A9-9.tif", b"II*\0 torn")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_page_s_builder_is_prepared_from_its_archive_without_a_network(package, tmp_path):
    (tmp_path / "downloads").mkdir()
    known = write_archive(tmp_path / "downloads" / "mywells-1.0.zip")
    stated = re.search(r'sha256={"([0-9a-f]{64})"', FILES["datasets"]["zoo_mycells/__init__.py"])
    package("datasets", **{stated[1]: known})
    unprepared = findings("mywells", tmp_path)
    assert unprepared["loads"] == unprepared["imports"] == "passed"
    done = CliRunner().invoke(cli, ["data", "import", "mywells", "downloads", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["archives"][0]["copy"] == "release 1.0"
    assert facts["contents"]["images"] == 59
    assert facts["contents"]["masks"] == 118
    assert len(facts["rejected"]) == 2
    found = findings("mywells", tmp_path)
    assert set(found.values()) == {"passed"}, found
    images = open_dataset("mywells", image_size=32, split="official").images
    assert images.dtype == np.uint16
    assert images.masks.max() == 2
    assert images.provenance["pixel_size_um"] == [0.65, 0.65]
    assert set(images.split("test").fields["split"]) == {"test"}


def test_the_page_s_detector_passes_every_check(package, tmp_path):
    package("detectors")
    found = findings("texture", tmp_path)
    assert set(found.values()) == {"passed"}, found


def test_the_page_s_detector_in_keras_learns_and_is_kept(package, tmp_path):
    package("detectors")
    found = findings("texture-net", tmp_path, only=ONE_FIT)
    assert found == dict.fromkeys(ONE_FIT, "passed")


@pytest.mark.slow
def test_the_page_s_detector_in_keras_passes_every_check(package, tmp_path):
    package("detectors")
    found = findings("texture-net", tmp_path)
    assert set(found.values()) == {"passed"}, found


def test_the_page_s_detector_explains_weighs_and_augments(package):
    package("detectors")
    detector = find("detectors", "texture").load()(augment=True, components=50)
    images = np.concatenate([discs(20, radius=r, seed=r, shape=(32, 32, 1)) for r in (4, 9)])
    labels = np.repeat([0, 1], 20)
    detector.fit(images, labels, weights=np.where(labels == 1, 1.9, 0.1))
    maps = detector.heatmaps(images[:5], 1)
    assert maps.shape == (5, 32, 32)
    assert maps.min() >= 0
    assert maps.max() == 1
    even = find("detectors", "texture").load()(augment=True, components=50).fit(images, labels)
    assert detector.predict_proba(images)[:, 1].mean() > even.predict_proba(images)[:, 1].mean()


@pytest.mark.parametrize("name", ["texture", "texture-net"])
def test_a_file_that_is_no_detector_is_one_line(package, tmp_path, name):
    package("detectors")
    module = importlib.import_module(find("detectors", name).target.partition(":")[0])
    (tmp_path / "detector.skops").write_bytes(b"PK\3\4 torn")
    with pytest.raises(zoo.errors.ZooError, match="cannot read the detector"):
        module.load(tmp_path / "detector.skops")


@pytest.mark.parametrize("name", ["granularity", "energy", "random-filters"])
def test_the_page_s_metrics_and_extractor_pass_every_check(package, tmp_path, name):
    package("metrics")
    found = findings(name, tmp_path)
    assert set(found.values()) == {"passed"}, found


def test_the_page_s_test_of_the_extractor_passes(package):
    package("metrics")
    names = {}
    exec(FILES["metrics"]["tests/test_granularity.py"], names)
    names["test_a_row_depends_on_its_image_alone"]()


def test_metrics_of_the_page_get_floor_ratio_and_card(package):
    package("metrics")
    rng = np.random.default_rng(0)
    real = discs(60, radius=6, seed=1, shape=(32, 32, 3))
    noise = rng.integers(0, 256, real.shape, np.uint8)
    for metric, name in (("granularity", "granularity"), ("energy", "energy_random")):
        found = zoo.score(real, noise, metrics=[metric], extractor="random-filters")
        assert found["not_computed"] == []
        (entry,) = found["metrics"]
        assert entry["name"] == name
        assert entry["ratio"] > 2
        assert entry["floor"] < entry["interval"][0] <= entry["interval"][1]
        assert entry["protocol"]["comparable"]["metric"] == metric
        assert "estimator" in entry["protocol"]["comparable"]
        if metric == "energy":
            assert entry["protocol"]["comparable"]["scaling"] == "x / 255"
        else:
            beside = entry["protocol"]["provenance"]
            assert beside["mean_fake"] > beside["mean_real"] > 0


def test_one_run_uses_the_plugins_of_all_pages(package, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.evaluation.controls.SEEDS", (0,))
    for page in PAGES:
        package(page)
    data = f"mycells:{write_stacks(tmp_path / 'wells', slides=44)}"
    run = zoo.run("cgan", data, steps=2, image_size=32, eval=False, options={"width": 4})
    assert run.status == "finished"
    small = {"n": 24, "n_small": 24, "repeats": 1, "curve": False, "robust": False}
    names = ["texture", "texture-net"]
    found = zoo.detect(run, detectors=names, options={"texture-net": {"epochs": 2}}, **small)
    assert [row["name"] for row in found["detectors"]] == names, found["not_computed"]
    assert {path.parent.name for path in run.detectors.glob("*/facts.json")} == set(names)
    assert (run.detectors / "texture" / "detector.skops").is_file()
    assert (run.detectors / "texture-net" / "detector.keras").is_file()
    asked = ["detect", str(run.path), "--image", str(next(iter_images(run, tmp_path)))]
    for name in names:
        done = CliRunner().invoke(cli, [*asked, "--with", name, "--json"])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["detector"] == name
    scored = zoo.score(
        data, run.path, metrics=["granularity", "energy"], extractor="random-filters"
    )
    whole = [entry["name"] for entry in scored["metrics"] if "[" not in entry["name"]]
    assert whole == ["granularity", "energy_random"] or whole == ["energy_random", "granularity"]
    worth = zoo.utility(run, classifiers=["texture"], seeds=1, n=30)
    assert {row["classifier"] for row in worth["table"]} == {"texture"}


def iter_images(run, folder):
    """Generated images of the run in raw values."""
    done = CliRunner().invoke(
        cli, ["generate", str(run.path), "-n", "2", "--out", str(folder / "made")]
    )
    assert done.exit_code == 0, done.output
    yield from sorted((folder / "made").glob("*.tif*"))
