"""A small finished run, for the tests of publishing and of pulling."""

import numpy as np

from zoo.gan import build
from zoo.gan.checkpoint import save_generator, save_snapshot
from zoo.recipe import resolve
from zoo.report import build as build_report
from zoo.runs import Run, write_bytes, write_json
from zoo.runs.pictures import grid_png

STEP = 8
DATASET = {"name": "bbbc/simulated", "asked": "bbbc/simulated", "fingerprint": "f" * 64}
SCORE = {
    "name": "swd",
    "value": 0.4,
    "interval": [0.3, 0.5],
    "n_real": 64,
    "n_fake": 64,
    "floor": 0.1,
    "ratio": 4.0,
    "protocol": {
        "comparable": {"metric": "swd", "better": "lower", "m": 32, "reals": "held-out"},
        "provenance": {"seed": 0, "machine": "Linux on jupiter"},
    },
}


def finished(parent, generator="dcgan", *, data="bbbc/simulated", licence="CC0-1.0", **facts):
    """A run that holds all that training leaves, its weights as they were initialised."""
    run = Run.create(parent, generator, data)
    options = {"width": 4, "latent_dim": 4}
    recipe = resolve(generator, "bbbc/simulated", options=options)
    run.write_recipe(recipe.to_dict() | {"data": data})
    classes = ["round", "long"] if generator == "cgan" else []
    run.update_manifest(
        status="finished",
        step=STEP,
        kimg=0.1,
        image_shape=[32, 32, 1],
        class_names=classes,
        class_shares=[0.25, 0.75] if classes else None,
        device="CPU of jupiter",
        sessions=[{"device": "CPU of jupiter"}],
        versions={"zoo": "0.1.0"},
        dataset={**DATASET, "name": data, "asked": data, "licence": licence},
        **facts,
    )
    gan = build(recipe, (32, 32, 1), len(classes))
    for weight in gan.ema_generator.weights:
        if "kernel" in weight.path:
            weight.assign(weight * 10)  # first weights give nothing but grey
    gan.step.assign(STEP)
    save_snapshot(gan, run.snapshot_path(STEP))
    save_generator(gan.exported(), run.generator_path)
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), np.uint8)
    for name in (0, STEP, "accepted", "real", "nearest", "copies", "spectrum", "gradcam-svm"):
        write_bytes(run.sample_path(name), grid_png(images, 2))
    write_json(
        run.data_path,
        {
            "images": 40,
            "splits": {"train": {"images": 30, "groups": 3}, "test": {"images": 10, "groups": 1}},
            "intensity": {"mapping": "identity", "raw_dtype": "uint8", "stored_dtype": "uint8"},
            "rejected": [{"file": "Smith_John.tif", "reason": "no image"}],
            "part_of_group": {"Doe_Jane": "train", "Roe_Richard": "test"},
        },
    )
    write_json(run.evaluation_path, {"metrics": [SCORE], "not_computed": []})
    run.log_metrics(4, {"d_loss": 1.0, "g_loss": 0.5, "kimg": 0.05})
    build_report(run)
    return run


def memorisation(flagged=()):
    """What memorisation.json holds, with the tests that found copies."""
    names = flagged or ["near_share_pixels"]
    tests = [
        {"name": name, "kind": "near_share", "value": 0.1, "reference": 0.01, "n": 100}
        | {"interval": [0.05, 0.2], "margin": 0.02, "flagged": bool(flagged)}
        for name in names
    ]
    pair = {"fake": 3, "id": "Doe_Jane", "position": 2, "distance": 1.0, "ratio": 0.1}
    comparable = {"n_fake": 100, "n_held_out": 80, "groups_held_out": 20}
    return {
        "verdict": "copying suspected" if flagged else "no copying detected at these thresholds",
        "flagged": list(flagged),
        "tests": tests,
        "suspects": [3] if flagged else [],
        "pairs": [{**pair, "space": "pixels", "suspect": bool(flagged)}],
        "not_computed": [],
        "limits": "Distance tests alone prove nothing.",
        "protocol": {"comparable": comparable, "provenance": {"machine": "jupiter"}},
    }


def readers():
    """What turing.json holds, of one reader who guessed."""
    half = {"value": 0.5, "n": 10, "interval": [0.24, 0.76]}
    row = {
        "reader": "who-1",
        "role": "keeper of the Tardis",
        "started": "2026-01-01T00:00:00+00:00",
        "finished": None,
        "complete": False,
        "answered": 10,
        "accuracy": half,
        "p_guessing": 1.0,
        "generated_recognised": half,
        "real_recognised": half,
        "realism": {"real": {"mean": 3.0, "sd": 1.0}, "generated": {"mean": 2.5, "sd": 1.0}},
        "median_seconds": 2.0,
    }
    whole = dict.fromkeys(("pooled", "equivalence", "agreement", "realism"))
    return {
        "verdict": "not computed",
        "readers": [row],
        **whole,
        "not_computed": [{"name": "numbers of all readers together", "reason": "one stopped"}],
        "limits": "Readers were few.",
        "protocol": {"comparable": {}, "provenance": {}},
    }
