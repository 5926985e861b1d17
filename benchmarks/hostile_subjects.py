"""Valid files of every kind that zoo reads, made once: what `hostile.py` damages."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from valid_files import valid_files

RUN, PUBLISHED, STUDY, DETECTOR = "00000-run", "published", "study", "detector"
READY = "ready"


def make(folder: Path) -> None:
    """Train a network for two steps, measure and publish it, and write what else is read."""
    if (folder / READY).exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run(folder)
    _study(folder)
    _detector(folder)
    _pictures(folder)
    _arrays(folder)
    _bundle(folder)
    (folder / READY).touch()


def _run(folder: Path) -> None:
    import zoo
    import zoo.workflow

    zoo.workflow.DETECTORS = ("logistic",)  # the others take minutes
    run = zoo.run(
        "dcgan",
        "bbbc/simulated",
        steps=2,
        image_size=32,
        score_images=32,
        options={"width": 4, "latent_dim": 4},
        data_options="images=60",
        out=str(folder / "runs"),
    )
    run.path.rename(folder / "runs" / RUN)
    zoo.publish(folder / "runs" / RUN, to=folder / PUBLISHED)


def _study(folder: Path) -> None:
    """A key, and the answers of a reader to it."""
    from zoo.evaluation.turing.study import Item, Study
    from zoo.runs import write_json

    items = {f"{i:016x}": Item(("real", "generated")[i % 2], f"image {i}", "g") for i in range(8)}
    facts = {"lossy_files": 0, "groups_real": 1, "n_real": 4, "n_fake": 4}
    protocol = {"comparable": facts, "provenance": {}}
    study = Study(id="0" * 16, items=items, margin=0.1, protocol=protocol)
    write_json(folder / STUDY / "key.json", study.as_dict())
    rows = [{"item": name, "answer": "real", "realism": 3, "ms": 900, "order": order}
            for order, name in enumerate(items)]  # fmt: skip
    answers = {"format": 1, "study": study.id, "reader": "A", "role": "simulated", "answers": rows}
    times = {"started": "2026-01-05T10:00:00Z", "finished": None}
    write_json(folder / STUDY / "answers.json", answers | times)


def _detector(folder: Path) -> None:
    """A fitted classifier and a fitted network, as `zoo detect` keeps them."""
    import zoo

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 32, 32, 1), np.uint8)
    labels = np.arange(24) % 2
    images[labels == 1] //= 3
    fitted = {"random-forest": "detector.skops", "small-cnn": "detector.keras"}
    for name, file in fitted.items():
        detector = zoo.load("detector", name, seed=0)
        detector.fit(images, labels, validation=(images, labels))
        (folder / DETECTOR / name).mkdir(parents=True)
        detector.save(folder / DETECTOR / name / file)
        facts = {"detector": name, "data": "made", "image_shape": [32, 32, 1], "n_test": 24}
        identity = {"mapping": "identity", "raw_dtype": "uint8", "stored_dtype": "uint8"}
        facts |= {"intensity": identity, "test_accuracy": 0.5}
        (folder / DETECTOR / name / "facts.json").write_text(json.dumps(facts))


def _pictures(folder: Path) -> None:
    """Images with a table of labels, and the same in an archive."""
    files = valid_files()
    pictures = folder / "pictures"
    pictures.mkdir()
    for name in ("grey.png", "colour.jpg", "deep.tif"):
        (pictures / name).write_bytes(files[name])
    rows = "path,label,group\ngrey.png,round,a\ncolour.jpg,long,b\ndeep.tif,round,c\n"
    (pictures / "labels.csv").write_text(rows)
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        for name in ("a", "b"):
            archive.writestr(f"{name}/images/{name}.png", files["grey.png"])
            archive.writestr(f"{name}/masks/{name}1.png", files["bits.png"])


def _arrays(folder: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 16, 16, 1), np.uint8)
    named: dict[str, Any] = {"images": images, "labels": np.arange(8), "ids": np.arange(8)}
    np.savez(folder / "arrays.npz", **named)
    np.save(folder / "arrays.npy", images)


def _bundle(folder: Path) -> None:
    """A bundle that holds a dataset of one file, prepared by nobody."""
    import hashlib

    place = "datasets/bbbc/bbbc038/1.0.0"
    contents = {
        "zoo.json": {"archives": [{"sha256": "0" * 64}], "images": 1},
        "dataset_info.json": {"name": "bbbc", "splits": []},
        "features.json": {"pythonClassName": "tensorflow_datasets.core.features.FeaturesDict"},
    }
    files = {f"{place}/{name}": json.dumps(held).encode() for name, held in contents.items()}
    stated = {name: {"bytes": len(held), "sha256": hashlib.sha256(held).hexdigest()}
              for name, held in files.items()}  # fmt: skip
    manifest = {"format": 1, "zoo": "0.1.0",
                "assets": [{"kind": "dataset", "place": place, "files": stated}]}  # fmt: skip
    with zipfile.ZipFile(folder / "bundle.zip", "w") as bundle:
        for name, held in files.items():
            bundle.writestr(zipfile.ZipInfo(name), held)
        bundle.writestr(zipfile.ZipInfo("manifest.json"), json.dumps(manifest))
