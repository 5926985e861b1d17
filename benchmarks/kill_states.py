"""What commands start from and zoo alone does not make, written into the current folder."""

import json
import os
import shlex
import shutil
import signal
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

MOMENT = "2026-01-05T10:00:00+00:00"
STUDY = """\
generators: [dcgan]
data: [bbbc/simulated]
seeds: [0]
settings:
  image_size: 32
  data_options: images=50
  steps: 4
  score_images: 32
  device: cpu
options:
  width: 8
  latent_dim: 8
  batch_size: 8
detectors: []
"""


def stopped(arguments: str) -> None:
    """A run that was killed in the middle of its training."""
    from zoo_cli.main import main

    from zoo.runs.folder import list_runs

    number = os.fork()
    if not number:
        sys.argv = ["zoo", "run", *shlex.split(arguments), "--steps", "60"]
        main()
    while not any(row["step"] >= 30 for run in list_runs(Path("runs")) for row in run.metrics()):
        time.sleep(0.01)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)


def paused(arguments: str) -> None:
    """A run that is trained and not measured."""
    import zoo.workflow as workflow

    carry_out = workflow.run_recipe
    workflow.run_recipe = lambda recipe: carry_out(recipe, until="training")
    from zoo_cli.main import main

    sys.argv = ["zoo", "run", *shlex.split(arguments)]
    main()


def answers() -> None:
    """What two readers said of the study of a run, by chance."""
    from zoo.evaluation.turing.study import Study
    from zoo.runs.folder import list_runs

    (run,) = list_runs(Path("runs"))
    study = Study.read(run.turing)
    for reader in range(2):
        rng = np.random.default_rng(reader)
        rows = [
            {"item": item, "answer": rng.choice(["real", "generated"]).item(), "ms": 900,
             "realism": int(rng.integers(1, 6)), "order": order}
            for order, item in enumerate(study.items)
        ]  # fmt: skip
        held = {"format": 1, "study": study.id, "reader": f"R{reader}", "role": "simulated"}
        held |= {"answers": rows, "started": MOMENT, "finished": MOMENT}
        Path(f"answers-{reader}.json").write_text(json.dumps(held))


def opinions() -> None:
    """Some images that were called good or bad."""
    from zoo.feedback import Shown, add, new_session
    from zoo.runs.folder import list_runs

    (run,) = list_runs(Path("runs"))
    session, step = new_session(), run.snapshot_step()
    for index in range(40):
        shown = Shown(step=step, seed=1, index=index)
        add(run, shown, "bad" if index % 3 else "good", session=session)


def clicks() -> None:
    """What `zoo app` writes at clicks: opinions and labels, those that are not there yet."""
    from zoo.feedback import GOOD, Shown, add, read
    from zoo.labelling import GENERATED, Judgement, generated_items, record
    from zoo.runs.folder import list_runs

    (run,) = list_runs(Path("runs"))
    items = generated_items(run).paths
    given = {opinion.image.index for opinion in read(run)[0]}
    for index in range(len(items)):
        if index not in given:
            shown = Shown(step=run.snapshot_step(), seed=1, index=index)
            add(run, shown, GOOD, session="0123456789abcdef")
        decision = ("accept", "reject")[index % 2]
        record(run, GENERATED, "A1", items[index], Judgement(decision))


def pictures() -> None:
    """Images of 32 pixels in a folder, with labels and groups."""
    rng = np.random.default_rng(0)
    folder = Path("pictures")
    folder.mkdir()
    lines = ["path,label,group"]
    for number in range(64):
        pixels = rng.normal(90 + number, 20, (32, 32)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
        lines.append(f"{number:02d}.png,{('round', 'long')[number % 2]},g{number // 2}")
    (folder / "labels.csv").write_text("\n".join([*lines, ""]))


def archive() -> None:
    """Fields with two nuclei each, in the layout of BBBC038's archive."""
    import io

    def png(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()

    with zipfile.ZipFile("archive.zip", "w") as target:
        for number in range(80):
            rng = np.random.default_rng(number)
            image = np.full((64, 64, 4), 255, np.uint8)
            image[..., :3] = 8 + rng.integers(0, 8, (64, 64, 1), np.uint8)
            for mask_number in range(2):
                mask = np.zeros((64, 64), np.uint8)
                y, x = rng.integers(0, 22, 2)
                mask[y : y + 20, x + 22 * mask_number : x + 22 * mask_number + 18] = 255
                image[mask > 0, :3] = 150
                target.writestr(f"{number:04x}/masks/{mask_number}.png", png(mask))
            target.writestr(f"{number:04x}/images/{number:04x}.png", png(image))


def without_datasets() -> None:
    """As on the machine that a bundle is carried to."""
    shutil.rmtree(Path("home", "datasets"))


def inception() -> None:
    """A file with the names of InceptionV3's convolutions and some megabytes of nothing."""
    import h5py

    with h5py.File("inception.h5", "w") as file:
        for number in range(94):
            file[f"layers/conv2d_{number}/vars/0"] = np.zeros((3, 3, 64, 256), np.float32)


def graph() -> None:
    """TensorFlow's graph of the published FID's network, with other weights."""
    import contextlib
    from itertools import product

    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

    from zoo.metrics.fid_network import build
    from zoo.metrics.published_weights import GRAPH_PARTS, array_name

    kernels = {w.path.rpartition("/")[0]: tuple(w.shape) for w in build().weights[::2]}
    shapes = {f"{layer}/kernel": shape for layer, shape in kernels.items()}
    for part in set(GRAPH_PARTS.values()) - {"kernel"}:
        shapes |= {f"{layer}/{part}": shape[-1:] for layer, shape in kernels.items()}
    shapes["logits/kernel"] = (2048, 1008)
    numbers = ("", *(f"_{n}" for n in range(1, 11)))
    towers = ("", "tower/", "tower_1/", "tower_2/")
    scopes = [f"conv{n}" for n in numbers[:5]] + [
        f"mixed{block}/{tower}{split}conv{step}"
        for block, tower, split, step in product(numbers, towers, ("", "mixed/"), numbers[:5])
    ]
    nodes = ["softmax/weights", *("/".join(pair) for pair in product(scopes, GRAPH_PARTS))]
    held, seen = GraphDef(), set[str]()
    for node in nodes:
        with contextlib.suppress(IndexError, KeyError):
            if (name := array_name(node)) in shapes and name not in seen:
                seen.add(str(name))
                value = tf.make_tensor_proto(np.ones(shapes[str(name)], np.float32))
                held.node.add(name=node, op="Const").attr["value"].tensor.CopyFrom(value)
    Path("graph.pb").write_bytes(held.SerializeToString())


def design() -> None:
    """A study of one run."""
    Path("study.yaml").write_text(STUDY)
