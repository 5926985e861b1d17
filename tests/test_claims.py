"""No text that zoo writes or ships claims more than was measured."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from zoo_cli.main import cli

from zoo import claims
from zoo.report import build
from zoo.report.comparison import write_comparison
from zoo.runs import Run, write_bytes, write_json
from zoo.runs.pictures import grid_png

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for top in ("zoo", "cli", "plugins") for path in (ROOT / top).rglob("*.py"))
TEXTS = sorted(
    path
    for pattern in (
        *("*.md", "docs/*.md", "plugins/**/README.md", "registry.yaml"),
        *("zoo/report/*.html", "zoo/report/*.md", "zoo/report/*.js"),
    )
    for path in ROOT.glob(pattern)
)
# Names of other people's work, and what a data set is about, are not zoo's claims.
NOT_OURS = {
    "plugins/zoo_datasets/acdc/__init__.py": ("Automated Cardiac Diagnosis", "and Diagnosis: Is"),
    "plugins/zoo_datasets/medmnist/subsets.py": ("7 diagnoses",),
}


@pytest.mark.parametrize(
    "claim",
    [
        "Our images are anonymous.",
        "A privacy-preserving generator",
        "The generator preserves patient privacy.",
        "HIPAA/GDPR-safe",
        "Its images are undetectable.",
        "They are as good as real images.",
        "indistinguishable from real cells",
        "FID is better than that of the paper",
        "This outperforms the published method.",
        "state-of-the-art quality",
        "suitable for clinical use",
        "clinically validated",
        "It diagnoses malaria.",
        "No memorisation was found.",
        "The generator does not memorise.",
        "shows no patient or specimen",
        "de-identified images",
    ],
)
def test_a_claim_is_seen(claim):
    assert claims.forbidden(claim)
    assert claims.forbidden(claim.replace(" ", "\n"))


@pytest.mark.parametrize(
    "sentence",
    [
        claims.NOTICE,
        f"{claims.NO_COPYING[0].upper()}{claims.NO_COPYING[1:]}.",
        claims.DISTANCES_PROVE_NOTHING,
        claims.NO_PRIVACY_CLAIM,
        "FID (Keras InceptionV3) 18.2 ± 1.1 (n = 512, floor 4, ratio 4.5) on held-out images",
        "DiffAugment lowered FID by 12 on 3 seeds",
        "TSTR is 91 % of TRTR",
        "detectors A–E reach 98 %; controls passed",
        "lower is better",
    ],
)
def test_what_was_measured_may_be_said(sentence):
    assert claims.forbidden(sentence) == []


def test_the_notice_is_the_one_that_texts_must_have():
    assert claims.has_notice(claims.NOTICE)
    assert claims.has_notice(claims.USE)
    assert not claims.has_notice("For research.")


def literals(path):
    """Every string of a module, doc strings and help among them; of an f-string its words."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
              for part in node.values}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and id(node) not in inside:
            yield str(node.value)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_string_of_the_source_makes_a_claim(path):
    name = str(path.relative_to(ROOT))
    if name == "zoo/claims.py":
        return  # it lists them
    for text in literals(path):
        for theirs in NOT_OURS.get(name, ()):
            text = text.replace(theirs, "…")
        assert claims.forbidden(text) == [], text


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_or_template_makes_a_claim(path):
    assert claims.forbidden(path.read_text(encoding="utf-8")) == []


def test_the_exceptions_are_all_needed():
    for name, theirs in NOT_OURS.items():
        text = " ".join(literals(ROOT / name))
        assert all(words in text for words in theirs)


def made_run(parent, *, flagged):
    """A run folder with every part that has words of its own."""
    run = Run.create(parent, "dcgan", "bbbc/simulated")
    run.write_recipe({"generator": "dcgan", "data": "bbbc/simulated", "settings": {"seed": 0}})
    run.update_manifest(status="finished", step=8, image_shape=[16, 16, 1])
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 1), np.uint8)
    for name in (8, "real", "copies", "nearest"):
        write_bytes(run.sample_path(name), grid_png(images, 2))
    test = {"name": "near_share_pixels", "kind": "near_share", "value": 0.4, "reference": 0.01}
    test |= {"interval": [0.3, 0.5], "margin": 0.02, "flagged": flagged, "n": 100}
    comparable = {"n_fake": 100, "n_held_out": 80, "groups_held_out": 20}
    verdict = "copying suspected: near_share_pixels" if flagged else claims.NO_COPYING
    pair = {"fake": 3, "id": "a", "position": 2, "distance": 1.0, "ratio": 0.1, "space": "pixels"}
    write_json(
        run.memorisation_path,
        {
            "verdict": verdict,
            "flagged": ["near_share_pixels"] if flagged else [],
            "tests": [test],
            "suspects": [3],
            "pairs": [{**pair, "suspect": True}],
            "not_computed": [{"name": "distances of features", "reason": "no weights"}],
            "limits": claims.DISTANCES_PROVE_NOTHING,
            "protocol": {"comparable": comparable, "provenance": {}},
        },
    )
    row = {"name": "svm", "accuracy": 0.51, "interval": [0.45, 0.56], "n": 100, "auroc": 0.5}
    row |= dict.fromkeys(("sd", "precision", "recall", "f1"), 0.5) | {"confusion": []}
    detection = {"valid": True, "detectors": [row], "controls": [], "curve": [], "protocol": {}}
    write_json(run.detection_path, detection)
    build(run)
    return run


@pytest.fixture(scope="module", params=[True, False], ids=["copying", "no copying"])
def run(request, tmp_path_factory):
    return made_run(tmp_path_factory.mktemp("runs"), flagged=request.param)


def words(page):
    return re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S)


def test_a_report_and_a_card_claim_nothing_and_have_the_notice(run):
    for path in (run.report_path, run.card_path):
        text = words(path.read_text())
        assert claims.forbidden(text) == []
        assert claims.has_notice(text)


def test_a_report_says_what_distances_cannot_prove(run):
    found = json.loads(run.memorisation_path.read_text())
    for path in (run.report_path, run.card_path):
        text = " ".join(words(path.read_text()).split())
        assert claims.DISTANCES_PROVE_NOTHING in text
        assert found["verdict"] in text.replace("Copying", "copying").replace("No c", "no c")
    assert "The likeliest copies." in run.report_path.read_text()


def test_a_comparison_claims_nothing_and_has_the_notice(tmp_path):
    from zoo.evaluation.across import compare_runs

    runs = [made_run(tmp_path, flagged=flagged) for flagged in (True, False)]
    write_comparison(tmp_path / "page.html", runs, compare_runs(runs))
    text = words((tmp_path / "page.html").read_text())
    assert claims.forbidden(text) == []
    assert claims.has_notice(text)


def test_an_exported_generator_s_readme_claims_nothing_and_has_the_notice():
    from zoo.gan import readme

    assert claims.forbidden(readme.TEXT) == []
    assert claims.has_notice(readme.TEXT)


def test_every_template_of_a_page_has_the_notice():
    pages = [p for p in TEXTS if p.suffix == ".html" and "<html" in p.read_text()]
    pages += [ROOT / "zoo" / "report" / "card.md"]
    assert pages
    assert all("{{ notice }}" in page.read_text() for page in pages)


@pytest.mark.parametrize("name", cli.list_commands(None))
def test_help_claims_nothing(name):
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0
    assert claims.forbidden(shown.stdout) == []
