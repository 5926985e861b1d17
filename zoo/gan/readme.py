"""The README of an exported generator; its code runs as it stands, without zoo."""

from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]

TEXT = """\
# {generator}, step {step} of {run}

**Research only, not for clinical use.** Every image that it makes is synthetic.

Trained on {trained_on}; licence of those images: {licence_of_training_images}.

```python
import numpy as np
{imports}

{loading}
fed = {{
{drawn}
}}
x = {call}
images = np.floor(x * {scale} + {offset}).clip(0, {top}).astype("{dtype}")
```

{reading}

`export.json` holds the inputs, the output and the origin for programs.
"""

# What is imported, how the generator is loaded, how it is called.
CODE = {
    "keras": (
        "import keras",
        'generator = keras.models.load_model("generator.keras")',
        "keras.ops.convert_to_numpy(generator({arguments}, training=False))",
    ),
    "savedmodel": (
        "import tensorflow as tf",
        'generator = tf.saved_model.load(".").signatures["serving_default"]',
        'generator(**{{k: tf.constant(v) for k, v in fed.items()}})["output_0"].numpy()',
    ),
    "onnx": (
        "import onnxruntime",
        'generator = onnxruntime.InferenceSession("generator.onnx")',
        'generator.run(["images"], fed)[0]',
    ),
}


def readme(facts: Facts, structure: Any) -> str:
    """Markdown: what the generator is, code that makes images with it, how to read them.

    Args:
        facts: What `export.json` holds.
        structure: The inputs as the network was built with them.
    """
    imports, loading, call = CODE[facts["format"]]
    top = 255 if facts["output"]["stored_dtype"] == "uint8" else 65535
    return TEXT.format(
        **{name: " ".join(str(value).split()) for name, value in facts.items()},
        imports="\n".join([imports, *(f"import {name}" for name in facts["import_first"])]),
        loading=loading,
        drawn="\n".join(map(_drawn, range(len(facts["inputs"])), facts["inputs"])),
        call=call.format(arguments=_arguments(structure)),
        scale=top / 2,
        offset=(top + 1) // 2,
        top=top,
        dtype=facts["output"]["stored_dtype"],
        reading="\n\n".join(_reading(facts)),
    )


def _drawn(stream: int, fed: Facts) -> str:
    name, shape = fed["name"], (64, *fed["shape"][1:])
    if name == "labels":
        return f'    "{name}": np.zeros({shape}, "int32"),'
    bits = f"np.random.Philox(key=[0, {stream}])" if stream else "np.random.Philox(0)"
    drawn = f"np.random.Generator({bits}).standard_normal({shape})"
    return f'    "{name}": {drawn}.astype("float32"),'


def _arguments(structure: Any) -> str:
    """`fed` in the structure that Keras expects."""
    if isinstance(structure, Mapping):
        return "fed"
    if isinstance(structure, (list, tuple)):
        return f"[fed[name] for name in {[tensor.name for tensor in structure]}]"
    return f'fed["{structure.name}"]'


def _reading(facts: Facts) -> list[str]:
    output = facts["output"]
    classes = next((fed["classes"] for fed in facts["inputs"] if "classes" in fed), None) or []
    first = f", class {classes[0]}" if classes else ""
    lines = [
        f"These are the 64 images of seed 0{first}, {tuple(output['shape'][1:])} each, as the "
        "networks see them."
    ]
    if facts["import_first"]:
        packages = sorted({name.partition(".")[0] for name in facts["import_first"]})
        lines.append(f"Not all its layers are Keras' own: loading needs {', '.join(packages)}.")
    if facts["intensity"].get("mapping") == "linear":
        lines[0] += f" Raw values are {output['raw']}; `export.json` holds low and high."
    if classes:
        numbered = ", ".join(f"{i} {name}" for i, name in enumerate(classes))
        lines.append(f"Labels: {numbered}.")
    if cut := facts["cut_off_px"]:
        sides = ", ".join(f"{side} {width}" for side, width in cut.items())
        lines.append(f"Pixels to cut off, for they were filled up: {sides}.")
    if output["last_channel"] != "image":
        lines.append(f"The last channel is a {output['last_channel']}.")
    return lines
