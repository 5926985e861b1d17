"""Run folders with reports, and what a report holds; shared by its tests."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from zoo.report import build
from zoo.runs import Run, write_bytes, write_json
from zoo.runs.pictures import grid_png, pairs_png

HOSTILE = "<script>alert(1)</script>"
DETECTORS = ("logistic", "small-cnn")
BCE = {"d_loss": 1.386, "g_loss": 0.693}
CHROMIUM = Path("/usr/bin/chromium")


def images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 16, 16, 1), np.uint8)


def metric(name, value, **values):
    comparable = {"split": "by group", "m": 64, "better": "lower"}
    protocol = {"comparable": comparable, "provenance": {"seed": 0}}
    known = {"interval": [value - 1, value + 1], "floor": 4.0, "ratio": value / 4}
    return {"name": name, "value": value, "n_real": 128, "n_fake": 64, "protocol": protocol} | (
        values or known
    )


def detector(name, accuracy):
    shares = dict.fromkeys(("precision", "recall", "f1", "auroc"), accuracy)
    interval = [accuracy - 0.05, accuracy + 0.02]
    counts = {"confusion": [[60, 4], [3, 61]], "n": 128, "n_groups": 72, "seeds": 3, "sd": 0.01}
    counts["n_groups_real"] = 8
    return {"name": name, "accuracy": accuracy, "interval": interval, **shares, **counts}


def control(name, kind, accuracy, required):
    passed = required[0] <= accuracy <= required[1]
    measured = {"accuracy": accuracy, "interval": [accuracy - 0.1, accuracy], "required": required}
    return {"detector": name, "control": kind, "passed": passed, **measured}


def write_scores(run):
    metrics = [
        metric("fid_mixed8", 18.2),
        metric("swd", 9.1),
        metric("fid_mixed8_train", 17.0, interval=None, floor=None, ratio=None),
        metric("fid_mixed8_untrained", 71.0, interval=None, floor=None, ratio=None),
    ]
    missing = [{"name": "fid_keras", "reason": "no weights; `zoo weights fetch inception-v3`"}]
    write_json(run.evaluation_path, {"metrics": metrics, "not_computed": missing})


def write_detection(run, *, leak=0.5):
    kinds = [("real_vs_real", leak, [0.45, 0.55]), ("real_vs_noise", 1.0, [0.99, 1.0])]
    curve = [
        {"step": step, "detector": name, "accuracy": 1 - step / 1000}
        for step in (10, 20, 30)
        for name in DETECTORS
    ]
    detection = {
        "detectors": [detector("logistic", 0.81), detector("small-cnn", 0.9)],
        "controls": [control(name, *kind) for name in DETECTORS for kind in kinds],
        "valid": leak < 0.55,
        "reasons": [] if leak < 0.55 else ["real_vs_real of logistic: 71.0 % is outside"],
        "curve": curve,
        "trend": [{"detector": "logistic", "spearman_rho": -0.93, "p_value": 0.001}],
        "not_computed": [],
        "protocol": {"comparable": {"n": 128}, "provenance": {"seed": 0}},
    }
    write_json(run.detection_path, detection)


def write_pictures(run):
    for step in (0, 10, 20, 30):
        write_bytes(run.samples / f"{step:08d}.png", grid_png(images(16, step), 8))
    write_bytes(run.samples / "real.png", grid_png(images(16, 99), 8))
    write_bytes(run.samples / "nearest.png", pairs_png(images(4), images(4, 1), 2))
    pairs = [{"fake": i, "id": f"cell{i}", "position": i, "distance": 9.5 + i} for i in range(4)]
    write_json(run.path / "nearest.json", pairs)


MANIFEST = {
    "status": "finished",
    "versions": {"zoo": "0.1.0", "keras": "3.15.1"},
    "device": "CPU",
    "seeds": {"seed": 0},
    "dataset": {
        "name": "bbbc/simulated",
        "asked": "bbbc",
        "fallback_reason": "the archive cannot be reached",
        "licence": "CC0-1.0",
        "homepage": "https://example.org/cells",
        "citation": "Nobody et al., 2026",
        "fingerprint": "ab" * 32,
    },
    "timings": {"train": 12.0, "score": 3.0},
    "step": 30,
    "kimg": 0.96,
    "loss": "bce",
    "equilibrium": BCE,
    "image_shape": [16, 16, 1],
}


def bare_run(parent, data="bbbc/simulated", **manifest):
    run = Run.create(parent, "dcgan", data)
    origins = {"generator": "command line", "data": "command line"}
    run.write_recipe({"generator": "dcgan", "data": data, "origins": origins})
    run.update_manifest(**manifest)
    return run


def finished_run(parent):
    """A run folder with every part."""
    run = bare_run(parent, **MANIFEST)
    for step in range(1, 31):
        losses = {"d_loss": 1.3, "g_loss": 0.8 + step / 100, "d_real": 0.6, "d_fake": 0.4}
        norms = {"d_grad_norm": 1.0, "g_grad_norm": 0.5}
        run.log_metrics(step, {"kimg": step * 0.032, **losses, **norms})
    split = {"train": {"images": 1200, "groups": 60}, "test": {"images": 300, "groups": 15}}
    rejected = [{"file": "broken.png", "reason": "does not decode"}]
    write_json(run.data_path, {"splits": split, "rejected": rejected})
    write_scores(run)
    write_detection(run)
    write_pictures(run)
    build(run)
    return run


class Page(HTMLParser):
    """What a report holds: its text, the addresses it loads, its links and its pictures."""

    def __init__(self, text):
        super().__init__()
        self.text, self.loaded, self.links, self.alts, self.tags = "", [], [], [], []
        self.elements, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.elements.append((tag, attributes))
        if tag == "a":
            self.links.append(attributes["href"])
        else:
            keys = ("src", "href", "srcset", "xlink:href", "data", "action")
            self.loaded += [attributes[key] for key in keys if key in attributes]
        if tag == "img":
            self.alts.append(attributes.get("alt", ""))
        if tag == "svg":
            self.alts.append(attributes.get("aria-label", ""))

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts.append(data)
        self.text += data


def page(run):
    return Page(run.report_path.read_text())


def check_page(path):
    """What every page must be: in order for a screen reader, and with its own script alone."""
    found = Page(path.read_text())
    elements = found.elements
    assert elements[0] == ("html", {"lang": "en"})
    levels = [int(tag[1]) for tag in found.tags if re.fullmatch(r"h[1-6]", tag)]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    named = {attrs["aria-labelledby"] for _, attrs in elements if "aria-labelledby" in attrs}
    assert named <= set(ids)
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(ids)
    assert found.links[0] == "#main"
    assert all(attrs.get("alt", "").strip() for tag, attrs in elements if tag == "img")
    assert found.tags.count("table") == found.tags.count("caption")
    scopes = {attrs.get("scope") for tag, attrs in elements if tag == "th"}
    assert scopes <= {"col", "row", "rowgroup"}
    (policy,) = [attrs["content"] for _, attrs in elements if "http-equiv" in attrs]
    digest = base64.b64encode(hashlib.sha256("".join(found.scripts).encode()).digest()).decode()
    assert "default-src 'none'; img-src data:" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert not [key for _, attrs in elements for key in attrs if key.startswith("on")]
    copied = [attrs["data-copy"] for tag, attrs in elements if tag == "button"]
    assert len(copied) >= 2 * found.tags.count("table")


def chromium():
    """A browser for the length of a module's tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.is_file():
        pytest.skip(f"needs {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
        found = driver.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield found
        found.close()
