"""`zoo doctor`: what this machine has, and what is wrong with it."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from zoo.device import QUIET
from zoo_cli.commands.plugins import states
from zoo_cli.output import print_columns, print_json

PACKAGES = (
    "zoo",
    "tensorflow",
    "keras",
    "keras-cv",
    "tensorflow-datasets",
    "scikit-learn",
    "numpy",
)

MORE = {"datasets": "zoo data list", "weights": "zoo weights list"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
def command(as_json: bool) -> None:
    """Check Python, TensorFlow, Keras, devices, XLA, data, weights and plugins.

    Exits with 1 if TensorFlow or Keras does not work.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    click.echo("loading TensorFlow and Keras …", err=True)
    facts: dict[str, Any] = {
        "python": f"{platform.python_version()} at {sys.executable}",
        "packages": {name: _version(name) for name in PACKAGES},
        "framework": _framework(),
        **_stored(),
        "plugins": states(),
    }
    if as_json:
        print_json(facts)
    else:
        _print(facts)
    if "error" in facts["framework"]:
        sys.exit(1)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _framework() -> dict[str, Any]:
    from zoo.device import silence

    try:
        with silence():
            import keras
            import tensorflow as tf

            tf.config.list_logical_devices()
        devices = [device.name for device in tf.config.list_logical_devices()]
        return {"keras_backend": keras.backend.backend(), "devices": devices, "xla": _xla(tf)}
    except Exception as error:  # whatever a broken installation raises is the finding
        return {"error": f"{type(error).__name__}: {error}"}


def _xla(tf: Any) -> str:
    try:
        total = tf.function(lambda x: tf.reduce_sum(x * x), jit_compile=True)(
            tf.constant([3.0, 4.0])
        )
        return "works" if float(total) == 25.0 else f"wrong: computed {float(total)}, not 25"
    except Exception as error:
        return f"fails: {type(error).__name__}: {str(error).splitlines()[0]}"


def _stored() -> dict[str, Any]:
    """Where data and weights are looked for and which are present."""
    from zoo.data.home import home
    from zoo.data.prepared import place_of, version_of
    from zoo.metrics.weights import known_files
    from zoo.plugins import registry

    archived = [e.record for e in registry().usable("datasets") if e.record.archives]
    datasets = [
        {"name": r.name, "present": version_of(r) is not None, "path": str(place_of(r))}
        for r in archived
        if r.listed or version_of(r)
    ]
    weights = [
        {"name": f"{f.name} {f.layer}", "present": f.present, "path": str(f.path)}
        for f in known_files()
    ]
    return {"home": str(home()), "datasets": datasets, "weights": weights}


def _print(facts: dict[str, Any]) -> None:
    framework = facts["framework"]
    rows = [("python", facts["python"]), *facts["packages"].items()]
    rows += [(key, ", ".join(v) if isinstance(v, list) else v) for key, v in framework.items()]
    print_columns([*rows, ("home", facts["home"])])
    for kind in ("datasets", "weights"):
        present = [thing for thing in facts[kind] if thing["present"]]
        for thing in present:
            click.echo(f"{kind}  {thing['name']}  present  {thing['path']}")
        if absent := len(facts[kind]) - len(present):
            click.echo(f"{kind}  {absent} absent; `{MORE[kind]}` lists them")
    healthy = [plugin for plugin in facts["plugins"] if plugin["state"] == "ok"]
    click.echo(f"plugins  {len(healthy)} ok; `zoo plugins` lists them")
    for plugin in facts["plugins"]:
        if plugin in healthy and not plugin["problems"]:
            continue
        label = f"{plugin['name']} ({plugin['package']} {plugin['version']})"
        click.echo("; ".join([f"plugins  {label}  {plugin['state']}", *plugin["problems"]]))
        if plugin["traceback"]:
            click.echo("    " + plugin["traceback"].rstrip().replace("\n", "\n    "))
