"""`zoo export`: the same images in programs that have no zoo."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from zoo_cli.commands.export import command

from zoo.errors import UsageError, ZooError
from zoo.gan import build, load_run
from zoo.gan.checkpoint import save_snapshot
from zoo.gan.export import WRITERS, export_run
from zoo.gan.pixels import quantise
from zoo.recipe import resolve
from zoo.runs import Run, write_json

OPTIONS = {
    "dcgan": {"width": 4, "latent_dim": 8},
    "cgan": {"width": 4, "latent_dim": 8},
    "stylegan-lite": {"width": 4, "latent_dim": 8, "style_dim": 8, "mapping_layers": 1},
}
CLASSES = ["interphase", "mitotic"]
OF_ONNX = ("tf2onnx", "onnx", "onnxruntime")
HAS_ONNX = all(map(find_spec, OF_ONNX))
NEEDS_ONNX = pytest.mark.skipif(not HAS_ONNX, reason=f"needs {', '.join(OF_ONNX)}")
FORMATS = ["keras", "savedmodel", pytest.param("onnx", marks=NEEDS_ONNX)]
# Runs the README of each folder where nothing of zoo but what it names can be imported.
ELSEWHERE = """
import json, os, re, sys
import numpy as np

class Refuses:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("zoo") and not allowed:
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Refuses())
for folder in sys.argv[1:]:
    os.chdir(folder)
    allowed = json.load(open("export.json"))["import_first"]
    (code,) = re.findall(r"```python\\n(.*?)```", open("README.md").read(), re.S)
    names = {}
    exec(code, names)
    call = [line for line in code.splitlines() if line.startswith("x = ")]
    names["fed"] = {name: values[:3] for name, values in names["fed"].items()}
    few = dict(names)
    exec(call[0], few)
    np.savez("made.npz", images=names["images"], x=names["x"], few=few["x"])
    """


def contrasted(gan):
    """With weights whose images use the whole range; DCGAN's first ones give grey."""
    for weight in gan.ema_generator.weights:
        if "kernel" in weight.path and np.std(weight) < 0.1:
            weight.assign(weight * 10)
    return gan


def stored(parent, generator, **options):
    run = Run.create(parent, generator, "bbbc/simulated")
    recipe = resolve(generator, "bbbc/simulated", options={**OPTIONS[generator], **options})
    run.write_recipe(recipe.to_dict())
    classes = CLASSES if generator == "cgan" else []
    dataset = {"name": "bbbc/simulated", "licence": "CC0-1.0"}
    run.update_manifest(image_shape=[32, 32, 1], class_names=classes, dataset=dataset)
    save_snapshot(contrasted(build(recipe, (32, 32, 1), len(classes))), run.snapshot_path(0))
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    parent = tmp_path_factory.mktemp("runs")
    return {generator: stored(parent, generator) for generator in OPTIONS}


@pytest.fixture(scope="module")
def sampled(runs):
    """What zoo itself makes of seed 0, of the first class where there are classes."""
    gans = {generator: load_run(run) for generator, run in runs.items()}
    return {
        generator: gan.sample(64, labels=[0] * 64 if gan.classes else None)
        for generator, gan in gans.items()
    }


@pytest.fixture(scope="module")
def made(runs, tmp_path_factory):
    """What the code of each README makes in a process that cannot import zoo."""
    forms = ["keras", "savedmodel", *(["onnx"] if HAS_ONNX else [])]
    parent = tmp_path_factory.mktemp("exported")
    folders = {(form, generator): parent / form / generator for form in forms for generator in runs}
    for (form, generator), folder in folders.items():
        export_run(runs[generator], folder, form)
    environ = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *map(str, folders.values())],
        capture_output=True,
        text=True,
        env=environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    assert done.returncode == 0, done.stderr
    return {key: np.load(folder / "made.npz") for key, folder in folders.items()}


@pytest.mark.parametrize("generator", OPTIONS)
@pytest.mark.parametrize("form", FORMATS)
def test_the_readme_makes_the_run_s_images_where_there_is_no_zoo(sampled, made, form, generator):
    images, found = sampled[generator], made[form, generator]
    assert images.std() > 10
    if form == "onnx":
        # ONNX Runtime adds up in another order, so that a value may round to its neighbour.
        assert np.abs(found["images"].astype(int) - images).max() <= 1
        assert (found["images"] != images).mean() < 1e-3
    else:
        assert np.array_equal(found["images"], images)


@pytest.mark.parametrize("generator", OPTIONS)
@pytest.mark.parametrize("form", FORMATS)
def test_any_number_of_images_is_made_at_once(made, form, generator):
    found = made[form, generator]
    assert found["few"].shape == (3, 32, 32, 1)
    assert np.abs(found["few"] - found["x"][:3]).max() < 1e-4


def test_a_run_in_double_precision_is_exported_in_single(tmp_path):
    run = stored(tmp_path / "runs", "dcgan", precision="float64")
    export_run(run, tmp_path / "out", "keras")
    network = keras.models.load_model(tmp_path / "out" / "generator.keras")
    latents = np.random.Generator(np.random.Philox(0)).standard_normal((8, 8)).astype("float32")
    found = np.asarray(network(latents))
    assert network.input.dtype == found.dtype == "float32"
    assert np.abs(quantise(found).astype(int) - load_run(run).sample(8).astype(int)).max() <= 1


@NEEDS_ONNX
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "float64"])
def test_onnx_computes_in_float32_whatever_the_run_did(tmp_path, precision):
    import onnxruntime

    run = stored(tmp_path / "runs", "dcgan", precision=precision)
    export_run(run, tmp_path / "out", "onnx")
    session = onnxruntime.InferenceSession(tmp_path / "out" / "generator.onnx")
    latents = np.random.Generator(np.random.Philox(0)).standard_normal((64, 8)).astype("float32")
    (found,) = session.run(["images"], {"latents": latents})
    images = load_run(run).sample(64).astype(int)
    assert np.abs(quantise(found).astype(int) - images).mean() < 1
    assert session.get_modelmeta().custom_metadata_map["synthetic"] == "true"
    assert session.get_inputs()[0].shape == ["n", 8]


def export(run, *arguments):
    return CliRunner().invoke(command, [str(run.path), *map(str, arguments)])


def test_what_is_written_says_where_it_comes_from_and_how_to_use_it(runs, tmp_path):
    out = tmp_path / "out"
    result = export(runs["cgan"], "--format", "keras", "--out", out)
    assert result.stdout == f"{out}\n"
    assert {path.name for path in out.iterdir()} == {"generator.keras", "export.json", "README.md"}
    facts = json.loads((out / "export.json").read_text())
    assert (facts["run"], facts["step"], facts["generator"]) == (runs["cgan"].name, 0, "cgan")
    assert (facts["synthetic"], facts["use"]) == (True, "research only, not for clinical use")
    assert facts["licence_of_training_images"] == "CC0-1.0"
    latents, labels = facts["inputs"]
    assert (latents["name"], latents["shape"]) == ("latents", ["n", 8])
    assert (labels["dtype"], labels["classes"]) == ("int32", CLASSES)
    assert facts["output"]["range"] == [-1, 1]
    assert facts["output"]["stored"] == "floor(x * 127.5 + 128), clamped to 0 to 255"
    text = (out / "README.md").read_text()
    assert "not for clinical use" in text
    assert "0 interphase, 1 mitotic" in text
    assert "zoo_generators" not in text


def test_a_network_whose_layers_keras_lacks_says_which_package_has_them(runs, tmp_path):
    facts = export_run(runs["stylegan-lite"], tmp_path / "out", "keras")
    assert "zoo_generators.stylegan_lite.layers" in facts["import_first"]
    text = (tmp_path / "out" / "README.md").read_text()
    assert "loading needs zoo_generators" in text


def test_it_says_how_raw_values_are_got_back(tmp_path):
    run = stored(tmp_path / "runs", "dcgan")
    linear = {"mapping": "linear", "raw_dtype": "int16", "low": [-100.0], "high": [300.0]}
    write_json(run.data_path, {"intensity": linear, "view": {"margins": [1, 2, 0, 0]}})
    facts = export_run(run, tmp_path / "out", "keras")
    assert facts["output"]["stored"] == "floor(x * 32767.5 + 32768), clamped to 0 to 65535"
    assert facts["output"]["raw"] == "low + stored * (high - low) / 65535, of each channel"
    assert facts["intensity"]["high"] == [300.0]
    assert facts["cut_off_px"] == {"top": 1, "bottom": 2, "left": 0, "right": 0}
    text = (tmp_path / "out" / "README.md").read_text()
    assert '.clip(0, 65535).astype("uint16")' in text
    assert "top 1, bottom 2" in text


def test_without_a_folder_it_is_named_after_the_run(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run(runs["dcgan"].path.resolve())
    facts = json.loads(export(run, "--format", "keras", "--json").stdout)
    assert facts["folder"] == f"{run.name}-step0-keras"
    assert (tmp_path / facts["folder"] / facts["file"]).is_file()


@pytest.fixture
def no_framework(monkeypatch):
    """Whatever would compute fails."""
    monkeypatch.setattr("zoo.device.configure", None)


def test_nothing_is_overwritten(runs, tmp_path, no_framework):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder"):
        result = export(runs["dcgan"], "--format", "keras", "--out", tmp_path / name)
        assert isinstance(result.exception, UsageError)
        assert str(result.exception) == f"{tmp_path / name} exists already; choose another --out"
    assert not list((tmp_path / "folder").iterdir())


def test_an_export_that_fails_leaves_nothing(runs, tmp_path, monkeypatch):
    def fail(network, folder):
        (folder / "half").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(WRITERS, "keras", fail)
    with pytest.raises(ZooError, match=r"cannot write .*out: No space left on device"):
        export_run(runs["dcgan"], tmp_path / "out", "keras")
    assert not list(tmp_path.iterdir())


def test_a_package_that_onnx_needs_is_named_with_its_command(
    runs, tmp_path, monkeypatch, no_framework
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = export(runs["dcgan"], "--format", "onnx", "--out", tmp_path / "out")
    assert isinstance(result.exception, ZooError)
    assert result.exception.exit_status == 1
    assert str(result.exception).endswith(f"{sys.executable} -m pip install 'tf2onnx>=1.17.0'")


def test_wrong_use_is_told_before_a_framework_is_imported(runs, tmp_path, no_framework):
    assert export(runs["dcgan"], "--format", "torch").exit_code == 2
    result = export(runs["dcgan"], "--format", "keras", "--step", 7)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).endswith("has no snapshot of step 7; choose from 0")
