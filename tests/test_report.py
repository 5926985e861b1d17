"""The report and the model card: complete, honest about what is missing, safe, self-contained."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from zoo_cli.commands.report import command

from zoo.gan.monitors import verdicts
from zoo.report import build
from zoo.report.numbers import figure, full_name, headline, metric_rows
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


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def finished(parent):
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
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
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
        self.text += data


def page(run):
    return Page(run.report_path.read_text())


def test_every_part_of_the_run_is_in_the_report(finished):
    text = page(finished).text
    for heading in ("Images", "Training", "Scores", "Real or generated?", "Data", "Limits"):
        assert heading in text
    for word in ("18.20", "4.55×", "81.0 %", "1,200", "broken.png", "does not decode"):
        assert word in text
    for word in ("CC0-1.0", "Nobody et al., 2026", "ab" * 32, "command line", "cell3"):
        assert word in text
    assert "the archive cannot be reached" in text
    assert "logistic −0.93 (p = 0.0010)" in text
    assert "not for clinical use" in text
    assert "rotated and mirrored ones are not looked for" in text


def test_every_score_shows_its_protocol_and_numbers_of_images(finished):
    text = page(finished).text
    assert "significantly below" not in text
    assert "lost detail" not in text
    assert text.count("128 real, 64 generated; range, floor and ratio at 64 each; protocol") == 2
    assert text.count("128 real, 64 generated; protocol") == 2
    assert text.count("by group") >= 4
    assert "17.20 to 19.20" in text


def test_losses_are_set_against_the_equilibrium_that_the_run_recorded(finished):
    text = page(finished).text
    assert "Dashed: equilibrium of this loss, discriminator D 1.39, generator G 0.693." in text
    assert "94 % of its equilibrium" in text


def test_what_was_not_computed_says_why(finished):
    assert "FID (Keras InceptionV3): no weights; zoo weights fetch inception-v3" in re.sub(
        r"\s+", " ", page(finished).text
    )


def test_the_report_loads_nothing_from_anywhere(finished):
    found = page(finished)
    assert found.loaded
    assert all(re.match(r"data:|#", address) for address in found.loaded)
    assert all(re.match(r"https://example\.org/cells$|#", address) for address in found.links)
    assert "script" not in found.tags
    styles = finished.report_path.read_text()
    assert "@import" not in styles
    assert not re.search(r"url\((?!#)", styles)


def test_every_picture_has_words_for_those_who_do_not_see_it(finished):
    alts = page(finished).alts
    assert len(alts) == 2 + 4 + 1 + 4
    assert all(len(alt) > 20 for alt in alts)


def test_ids_are_unique_although_several_figures_are_inlined(finished):
    ids = re.findall(r'\bid="([^"]+)"', finished.report_path.read_text())
    assert len(ids) == len(set(ids))


def test_figures_and_card_lie_beside_the_report(finished):
    names = {path.name for path in finished.figures.iterdir()}
    assert {"losses.svg", "outputs.svg", "gradients.svg", "detectors.svg"} <= names
    assert "samples-00000030.png" in names
    card = finished.card_path.read_text()
    for line in ("CC0-1.0", "not for clinical use", "| FID (Keras InceptionV3, cut at mixed8) |"):
        assert line in card
    (score,) = re.findall(r".*InceptionV3, cut at mixed8. .*held-out real images .*18.*", card)
    assert score.endswith("| 18.20 | 128 | 64 | 64 | 17.20 to 19.20 | 4.00 | 4.55× |")
    assert "| 128 | 8 |" in card


def test_rebuilding_gives_the_same_files(finished):
    before = finished.report_path.read_bytes(), finished.card_path.read_bytes()
    result = CliRunner().invoke(command, ["0", "--runs", str(finished.path.parent)])
    assert (result.exception, result.stdout) == (None, f"{finished.report_path}\n")
    assert (finished.report_path.read_bytes(), finished.card_path.read_bytes()) == before


def test_a_failed_control_voids_the_table_for_all_to_see(parent):
    run = bare_run(parent, **MANIFEST)
    write_detection(run, leak=0.71)
    build(run)
    text = page(run).text
    assert "This table is void." in text
    assert "71.0 %, failed" in text
    assert 'class="stack void"' in run.report_path.read_text()
    assert "Best of 2 detectors" not in text
    assert "**This table is void" in run.card_path.read_text()


def test_a_detector_below_chance_is_called_a_bug(parent):
    run = bare_run(parent, **MANIFEST)
    write_detection(run)
    detection = json.loads(run.detection_path.read_text())
    detection["detectors"].append(detector("svm", 0.41))
    write_json(run.detection_path, detection)
    build(run)
    text = page(run).text
    assert "Problem: A detector is significantly below 50 %" in text
    assert "svm 41.0 % (36.0 % to 43.0 % over groups)" in text
    assert "significantly below" in run.card_path.read_text()


def test_lossy_real_images_are_warned_of_beside_scores_and_detectors(parent):
    run = bare_run(parent, **MANIFEST)
    write_scores(run)
    write_detection(run)
    write_json(run.data_path, {"formats": {"JPEG, lossy": 1200, "PNG": 4}, "lossy_files": 1200})
    build(run)
    text = page(run).text
    warning = "1,200 of the real images’ files have lost detail to compression"
    scores, detection = text.index("Every score"), text.index("Detectors on test images")
    assert warning in text[:scores]
    assert warning in text[scores:detection]
    assert "JPEG, lossy 1200; PNG 4" in text
    assert warning in run.card_path.read_text()


def test_a_run_without_evaluation_says_so(parent):
    run = bare_run(parent, status="finished")
    run.write_recipe({"generator": "dcgan", "data": "bbbc/simulated", "settings": {"eval": False}})
    build(run)
    assert "This run has no evaluation: it was run with --no-eval." in page(run).text
    assert "no evaluation: it was run with --no-eval" in run.card_path.read_text()


def test_an_interrupted_run_is_reported_as_far_as_it_got(parent):
    run = bare_run(parent, status="interrupted", reason="stopped by Ctrl-C", step=120)
    build(run)
    text = page(run).text
    assert "This run is interrupted" in text
    assert "Stopped by Ctrl-C. What follows covers 120 steps." in text
    assert "This run has no training curves" in text


def test_a_damaged_part_does_not_keep_the_rest_from_being_reported(parent):
    run = bare_run(parent, **MANIFEST)
    run.evaluation_path.write_text("{")
    write_detection(run)
    build(run)
    text = page(run).text
    assert "evaluation.json is damaged" in text
    assert "81.0 %" in text


def test_names_cannot_inject_markup(parent):
    manifest = {"name": HOSTILE, "licence": HOSTILE, "homepage": "javascript:alert(1)"}
    run = bare_run(parent, data=HOSTILE, **MANIFEST | {"dataset": manifest})
    write_json(run.data_path, {"splits": {HOSTILE: 3}, "rejected": [[HOSTILE, HOSTILE]]})
    write_scores(run)
    write_detection(run)
    detection = json.loads(run.detection_path.read_text())
    for row in (*detection["detectors"], *detection["controls"], *detection["curve"]):
        row["name" if "name" in row else "detector"] = HOSTILE
    write_json(run.detection_path, detection)
    build(run)
    found = page(run)
    assert "script" not in found.tags
    assert HOSTILE in found.text
    assert not [link for link in found.links if not link.startswith("#")]
    assert "<script" not in run.card_path.read_text()


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([{"step": 1, "d_loss": 0.01, "g_loss": 6.0}], "Discriminator dominance"),
        ([{"step": 7, "d_loss": float("nan"), "g_loss": 1.0}], "Diverged: NaN"),
        ([{"step": 1, "d_loss": 1.0, "g_grad_norm": 1e-9}], "G’s gradients vanished"),
        ([{"step": 1, "d_loss": 1.386, "g_loss": 0.7}], "D at its equilibrium"),
        ([{"step": 1, "d_loss": 0.9, "g_loss": 1.2}], "No collapse, dominance or divergence seen"),
        ([], "No training log"),
    ],
)
def test_the_training_log_is_judged_by_its_failures(rows, title):
    assert [verdict.title for verdict in verdicts(rows, BCE)] == [title]


def test_a_small_loss_is_no_dominance_where_zero_is_the_equilibrium():
    (verdict,) = verdicts([{"step": 1, "d_loss": 0.001}], {"d_loss": 0.0})
    assert verdict.title == "No failure seen in the log"


def test_constant_and_one_mode_output_are_named():
    rows, reals = [{"step": 1, "d_loss": 1.0}], images(16).repeat(3, axis=-1)
    flat = np.full_like(reals, 40)
    one = np.repeat(reals[:1], 16, axis=0)
    titles = [verdicts(rows, {}, fakes=each, reals=reals)[0].title for each in (flat, one, reals)]
    assert titles == ["Constant output", "One-mode output", "No failure seen in the log"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(18.213, "18.21"), (0.0123456, "0.01235"), (-0.5, "−0.5000"), (123456.0, "123,456")],
)
def test_figures_are_rounded_to_four_places_that_count(value, shown):
    assert figure(value) == shown


def test_metric_names_are_printed_in_full():
    assert full_name("fid_keras") == "FID (Keras InceptionV3)"
    assert full_name("coverage") == "Coverage"
    on_features = {"protocol": {"comparable": {"features": "mixed8", "better": "higher"}}}
    (row,) = metric_rows({"metrics": [metric("coverage", 0.5, **on_features)]})
    assert row.label == "Coverage (Keras InceptionV3, cut at mixed8)"
    assert row.better == "higher"
    assert full_name("their_own_score_train") == "their_own_score"
    sides = [row.side for row in metric_rows({"metrics": [metric("kid_keras_train", 1.0)]})]
    assert sides == ["against the training images"]


def test_scores_of_a_class_come_last_under_its_name_and_never_stand_for_the_run():
    found = {"metrics": [metric("fid_keras[class=long]", 2.0), metric("fid_keras_train", 1.0)]}
    rows = metric_rows(found)
    assert [row.label for row in rows] == ["FID (Keras InceptionV3)"] * 2
    assert [row.side for row in rows] == [
        "against the training images",
        "class long, against held-out real images",
    ]
    assert full_name("ms_ssim_diversity_train") == full_name("ms_ssim_diversity")
    assert full_name("inception_score_fid[class=a_b]").startswith("Inception Score (")
    assert headline(found) is None


def test_a_training_score_never_stands_for_a_run():
    assert headline({"metrics": [metric("fid_keras_train", 1.0)]}) is None


def test_one_aspect_of_images_stands_for_a_run_only_where_nothing_broader_was_measured():
    aspect, broad, fid = metric("object_area", 0.1), metric("swd", 0.2), metric("fid_keras", 9.0)
    assert headline({"metrics": [aspect, broad, fid]}) == fid
    assert headline({"metrics": [aspect, broad]}) == broad
    assert headline({"metrics": [aspect]}) == aspect


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.is_file():
        pytest.skip(f"needs {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield chromium
        chromium.close()


@pytest.mark.parametrize(("width", "scheme"), [(380, "light"), (1280, "dark")])
def test_a_browser_shows_pictures_curves_and_tables(browser, finished, width, scheme):
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    problems, requests = [], []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(finished.report_path.as_uri(), timeout=120_000)
    loaded = tab.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(loaded) == 7
    assert all(size > 0 for size in loaded)
    curves = tab.evaluate("[...document.querySelectorAll('.curve svg')].map(s => s.clientHeight)")
    assert len(curves) == 4
    assert all(height > 100 for height in curves)
    assert tab.locator("#scores-table, #detectors-table, #controls-table").count() == 3
    tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert not problems
    assert all(url.startswith(("data:", "file:")) for url in requests)
    tab.close()


def test_what_zoo_detect_adds_is_in_the_report(tmp_path):
    run = bare_run(tmp_path, **MANIFEST)
    write_detection(run)
    cell = {"accuracy": 0.62, "auroc": 0.7, "interval": [0.5, 0.7], "n": 40}
    pair = {"detector": "logistic", "trained_on": ["run-a", "run-b"], "tested_on": "run-c"}
    curves = {"cycles_per_pixel": [0.1, 0.3], "real": [1.0, 0.5], "generated": [1.0, 0.9]}
    missing = [{"name": "matrix of runs", "reason": "a detector takes one size of images"}]
    changed = {"detector": "logistic", "change": "jpeg", "strength": 70, "accuracy": 0.55}
    found = run.read_mapping(run.detection_path) | {
        "robustness": [changed],
        "spectrum": {**curves, "n": 80},
        "across": {"leave_one_out": [pair | cell], "matrix": [], "not_computed": missing},
    }
    write_json(run.detection_path, found)
    write_bytes(run.samples / "spectrum.png", grid_png(images(3), 3))
    for name in ("small-cnn", "of-an-earlier-table"):
        write_bytes(run.samples / f"gradcam-{name}.png", pairs_png(images(4), images(4, 1), 2))
    build(run)
    shown = page(run)
    for text in ("JPEG 70", "55.0 %", "Leave one generator out", "run-a, run-b", "run-c", "62.0 %"):
        assert text in shown.text
    assert "furthest apart at 0.30 cycles per pixel: generated less real, +0.4 dB" in shown.text
    assert "matrix of runs: a detector takes one size of images" in shown.text
    assert "What small-cnn goes by" in shown.text
    assert "of-an-earlier-table" not in shown.text
    assert "Struck out" not in shown.text
    found["across"]["leave_one_out"] = [pair | cell | {"valid": False}]
    write_json(run.detection_path, found)
    build(run)
    assert "Struck out: a control of one of the runs failed" in page(run).text
    assert (run.figures / "spectrum.svg").is_file()
