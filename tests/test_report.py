"""The report and the model card: complete, honest about what is missing, safe, self-contained."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from reported import (
    BCE,
    HOSTILE,
    MANIFEST,
    bare_run,
    chromium,
    detector,
    finished_run,
    images,
    metric,
    page,
    write_detection,
    write_scores,
)
from zoo_cli.commands.report import command

from zoo.gan.monitors import verdicts
from zoo.report import build
from zoo.report.numbers import figure, full_name, headline, metric_rows
from zoo.runs import write_bytes, write_json
from zoo.runs.pictures import grid_png, pairs_png


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def finished(parent):
    return finished_run(parent)


browser = pytest.fixture(scope="module")(chromium)


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
    known = r"https://(example\.org/cells$|doi\.org/10\.|arxiv\.org/abs/|keras\.io$)|#"
    assert all(re.match(known, address) for address in found.links)
    assert found.tags.count("script") == 1
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
    folders = (finished.figures, finished.tables, finished.path)
    files = [path for folder in folders for path in sorted(folder.glob("*.*")) if path.is_file()]
    before = [path.read_bytes() for path in files]
    result = CliRunner().invoke(command, ["0", "--runs", str(finished.path.parent)])
    assert (result.exception, result.stdout) == (None, f"{finished.report_path}\n")
    assert [path.read_bytes() for path in files] == before


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
    scores = json.loads(run.evaluation_path.read_text())
    scores["metrics"].append(metric(f"swd[class={HOSTILE}]", 3.0))
    write_json(run.evaluation_path, scores)
    run.update_manifest(class_names=[HOSTILE, "round"])
    build(run)
    found = page(run)
    assert found.tags.count("script") == 1
    assert f"Class {HOSTILE}, against" in found.text
    assert not [link for link in found.links if link.startswith("javascript")]
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
