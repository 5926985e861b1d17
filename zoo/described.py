"""What a run's folder says of its data, its network and the machine."""

import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from zoo.cited import note
from zoo.data import ImageSet
from zoo.products import SHOWN
from zoo.runs import Run, write_bytes, write_json
from zoo.runs.pictures import grid_png
from zoo.runs.stages import now, say


def describe_data(run: Run, images: ImageSet) -> None:
    """Write how the images were prepared and split, and a sheet of them."""
    parts = zip(images.groups.tolist(), images.parts.tolist(), strict=True)
    write_json(run.data_path, {**images.provenance, "part_of_group": dict(parts)})
    shown = images.split("train")
    write_bytes(run.sample_path("real"), grid_png(shown.spread(SHOWN)[:], 8))


def dataset_facts(images: ImageSet, *, asked: str, fallback: str) -> dict[str, Any]:
    """What the manifest says of a dataset.

    Args:
        images: All of them.
        asked: The name that the dataset was asked for by.
        fallback: Why it is not the first choice of that name; empty if it is.
    """
    stated = {key: images.provenance.get(key) for key in ("licence", "homepage", "citation")}
    return {
        "name": images.name,
        "asked": asked,
        "fallback_reason": fallback or None,
        "fingerprint": images.fingerprint,
        **stated,
    }


def describe_session(run: Run, gan: Any, images: ImageSet, device: str) -> None:
    """Write what this process makes the run with; the first one of a run speaks for it."""
    session = {"began": now(), "device": device, "jit": gan.jit, "versions": _versions()}
    sessions = [*run.manifest.get("sessions", []), session]
    if sessions[0]["versions"] != session["versions"]:
        say(run, "warning: other versions than the run began with; weights may differ")
    run.update_manifest(
        **{key: sessions[0][key] for key in ("device", "jit", "versions")},
        sessions=sessions,
        image_shape=list(images.shape[1:]),
        class_names=list(images.class_names),
        class_shares=_class_shares(images) if gan.classes else None,
        loss=gan.loss_name,
        equilibrium=dict(gan.equilibrium),
        micro_batch=gan.micro_batch,
        parameters={
            "generator": gan.generator.count_params(),
            "discriminator": gan.discriminator.count_params(),
        },
    )
    if not run.manifest.get("sources"):
        note(run, "generators", "datasets")
    say(run, f"{device}, {'XLA' if gan.jit else 'graph without XLA'}")


def _class_shares(images: ImageSet) -> list[float]:
    labels = images.split("train").labels
    counts = np.bincount(np.asarray(labels), minlength=len(images.class_names))
    return [float(share) for share in counts / max(counts.sum(), 1)]


def _versions() -> dict[str, str]:
    packages = ("zoo", "keras", "tensorflow", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
