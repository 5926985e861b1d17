"""A trained generator for programs without zoo, with what to feed it and how to read its images.

Nothing here imports a framework before it is needed, so that wrong use is told at once.
"""

import contextlib
import importlib.util
import io
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from zoo.claims import USE
from zoo.data.intensity import Intensity
from zoo.errors import UsageError, ZooError
from zoo.gan.readme import readme
from zoo.runs import Run, write_json, write_text
from zoo.runs.files import whole_folder

Network = Any
Facts = dict[str, Any]

FILES = {"keras": "generator.keras", "savedmodel": ".", "onnx": "generator.onnx"}
OPSET = 17
MARGINS = ("top", "bottom", "left", "right")


def check_export(folder: Path, form: str) -> None:
    """Tell what would stop an export, before anything is computed.

    Raises:
        zoo.errors.UsageError: If there is no such format, or something lies at the folder's path.
        zoo.errors.ZooError: If the format needs a package that is not installed.
    """
    if form not in FILES:
        raise UsageError(f"no format {form!r}; choose from {', '.join(FILES)}")
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists already; choose another --out")
    if form == "onnx" and not all(importlib.util.find_spec(name) for name in ("tf2onnx", "onnx")):
        pip = f"{sys.executable} -m pip install 'tf2onnx>=1.17.0'"
        raise ZooError(f"--format onnx needs a package that is not installed: {pip}")


def export_run(run: Run, folder: Path, form: str, *, step: int | None = None) -> Facts:
    """Write the averaged generator of a run: the model, `export.json` and `README.md`.

    Args:
        run: A run that has stored a snapshot.
        folder: Made, whole or not at all; what is there already is never replaced.
        form: `keras` (`generator.keras`), `savedmodel` (the folder itself is TensorFlow's
            SavedModel) or `onnx` (`generator.onnx`, computing in float32).
        step: Which snapshot; the last one by default.

    Returns:
        What `export.json` holds.

    Raises:
        zoo.errors.ZooError: As `check_export` does, or if the folder cannot be written.
    """
    check_export(folder, form)
    step = run.snapshot_step(step)
    from zoo.gan.stored import load_run

    gan = load_run(run, step=step)
    network = gan.exported()
    if form == "onnx" or gan.weight_dtype != "float32":
        network = _in_float32(network)
    facts = {
        **_origin(run, step),
        "format": form,
        "file": FILES[form],
        "import_first": _modules(network) if form == "keras" else [],
        "inputs": _inputs(network, run),
        **_reading(run, network, masked=gan.masked),
    }
    with whole_folder(folder) as writing:
        WRITERS[form](network, writing)
        write_json(writing / "export.json", facts)
        write_text(writing / "README.md", readme(facts, network.input))
    return facts


def _origin(run: Run, step: int) -> Facts:
    dataset = run.manifest.get("dataset") or {}
    return {
        "synthetic": True,
        "use": USE,
        "software": f"zoo {version('zoo')}",
        "run": run.path.resolve().name,
        "generator": run.recipe.get("generator"),
        "step": step,
        "trained_on": dataset.get("name"),
        "licence_of_training_images": dataset.get("licence") or "not stated by the data set",
        "homepage": dataset.get("homepage"),
        "citation": dataset.get("citation"),
    }


def _inputs(network: Network, run: Run) -> list[Facts]:
    manifest = run.manifest
    inputs: list[Facts] = []
    for name, tensor in _named(network).items():
        fed: Facts = {"name": name, "shape": ["n", *tensor.shape[1:]], "dtype": str(tensor.dtype)}
        if name == "labels":
            names, shares = manifest.get("class_names"), manifest.get("class_shares")
            fed |= {"feed": "numbers of classes", "classes": names, "shares_in_training": shares}
        else:
            fed["feed"] = "standard normal numbers"
        inputs.append(fed)
    # As they are drawn, each from a stream of its own.
    return sorted(inputs, key=lambda fed: (fed["name"] != "latents", fed["name"]))


def _reading(run: Run, network: Network, *, masked: bool) -> Facts:
    """How the output becomes images as the training data's files hold them."""
    data = run.read_mapping(run.data_path)
    stated = data.get("intensity") or {}
    dtype = Intensity.from_facts(stated).stored_dtype
    top = int(np.iinfo(dtype).max)
    margins = (data.get("view") or {}).get("margins")
    cut_off = dict(zip(MARGINS, margins, strict=True)) if isinstance(margins, list) else None
    linear = stated.get("mapping") == "linear"
    mapping = f"low + stored * (high - low) / {top}, of each channel" if linear else "stored"
    return {
        "output": {
            "name": "images",
            "shape": ["n", *network.output.shape[1:]],
            "dtype": "float32",
            "range": [-1, 1],
            "stored": f"floor(x * {top / 2} + {(top + 1) // 2}), clamped to 0 to {top}",
            "stored_dtype": dtype.name,
            "raw": mapping,
            "last_channel": f"mask: inside where stored > {top // 2}" if masked else "image",
        },
        "intensity": stated,
        "cut_off_px": cut_off,
        "pixel_size_um": data.get("pixel_size_um"),
    }


def _named(network: Network) -> dict[str, Any]:
    if isinstance(network.input, Mapping):
        return dict(network.input)
    return {tensor.name: tensor for tensor in network.inputs}


def _modules(network: Network) -> list[str]:
    """What must be imported before Keras can load a network, for its layers are not Keras' own."""
    import keras

    found: set[str] = set()
    waiting = [keras.saving.serialize_keras_object(network)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            found.add(part.get("module") or "keras")
        if isinstance(part, (Mapping, list, tuple)):
            waiting += part.values() if isinstance(part, Mapping) else part
    return sorted(name for name in found if name.partition(".")[0] not in ("keras", "builtins"))


def _write_keras(network: Network, folder: Path) -> None:
    network.save(folder / FILES["keras"])


def _write_savedmodel(network: Network, folder: Path) -> None:
    # Keras prints the endpoints; standard output is the command's.
    with contextlib.redirect_stdout(io.StringIO()):
        network.export(str(folder))


def _write_onnx(network: Network, folder: Path) -> None:
    import onnx
    import tensorflow as tf
    import tf2onnx

    from zoo.gan.inputs import feed

    specs = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=name)
        for name, tensor in _named(network).items()
    }

    def images(fed: Mapping[str, Any]) -> dict[str, Any]:
        return {"images": network(feed(network, fed), training=False)}

    model, _ = tf2onnx.convert.from_function(tf.function(images), [specs], opset=OPSET)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    marks = {"synthetic": "true", "use": USE}
    onnx.helper.set_model_props(model, marks)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())
        raise ZooError(f"this generator has no equivalent in ONNX: {reason}") from error
    (folder / FILES["onnx"]).write_bytes(model.SerializeToString())


def _in_float32(network: Network) -> Network:
    """The network with the same weights, computing in float32, which is all that tf2onnx knows."""
    import keras

    def plain(layer: Any) -> Any:
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    def fed(given: Any) -> Any:
        dtype = "float32" if given.dtype == "float64" else given.dtype
        return keras.Input(batch_shape=given.shape, dtype=dtype, name=given.name)

    inputs = keras.tree.map_structure(fed, network.input)
    copy = keras.models.clone_model(network, inputs, clone_function=plain, recursive=True)
    copy.set_weights(network.get_weights())
    return copy


WRITERS = {"keras": _write_keras, "savedmodel": _write_savedmodel, "onnx": _write_onnx}
