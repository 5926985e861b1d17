"""What a run cites: every paper that its records name, once, as text and as BibTeX."""

import re

import pytest
from reported import MANIFEST, bare_run, finished_run, metric, page, write_detection

from zoo.cited import note, source
from zoo.plugins import records
from zoo.report import build
from zoo.report.bibliography import Reference, identifiers, known, made, parsed, unescaped
from zoo.report.references import _cited
from zoo.runs import write_json


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs"))


def entries(text):
    """The entries of a BibTeX file, read strictly: every brace closed, every field `name = {…}`."""
    found = {}
    for entry in re.split(r"\n(?=@)", text.strip()):
        assert entry.count("{") == entry.count("}")
        head, *lines, last = entry.strip().splitlines()
        kind, key = re.fullmatch(r"@(\w+)\{([\w.:-]+),", head).groups()
        assert last == "}"
        assert key not in found
        found[key] = dict(re.fullmatch(r"  (\w+) = \{(.+)\},?", line).groups() for line in lines)
        assert kind in {"article", "inproceedings", "misc"}
    return found


def test_references_lie_beside_the_report(finished):
    found = entries(finished.references_path.read_text())
    assert found["radford2016dcgan"]["eprint"] == "1511.06434"
    assert found["heusel2017fid"]["year"] == "2017"
    assert found["karras2018progressive"]["eprint"] == "1710.10196"
    assert found["lehmussola2007computational"]["doi"] == "10.1109/TMI.2007.896925"


def test_every_reference_is_in_the_report_and_in_the_card_with_its_address(finished):
    text, card = page(finished).text, finished.card_path.read_text()
    for part in (
        "Alec Radford, Luke Metz and Soumith Chintala (2016). Unsupervised Representation",
        "https://arxiv.org/abs/1511.06434",
        "https://doi.org/10.1109/TMI.2007.896925",
        "The zoo authors. zoo: a model zoo for biomedical image synthesis. Version 0.1.0.",
    ):
        assert part in text
        assert part in card
    assert "| Generator | dcgan | zoo 0.1.0 | MIT |" in card
    assert "| Data set | bbbc/simulated | https://example.org/cells | CC0-1.0 |" in card


def test_the_paragraph_says_what_was_measured_with_n_and_floor(finished):
    text = re.search(r"We trained dcgan.*", page(finished).text)[0]
    assert re.search(r"We trained dcgan \[\d+\] on bbbc/simulated \[1\] \(licence: CC0-1.0\)", text)
    assert "train 1,200, test 300; only train was seen in training" in text
    assert "0.9600 thousand" in text or "0.960 thousand" in text
    assert "18.20 (n = 128 real and 64 generated; floor 4, ratio 4.55, m = 64)" in text
    assert "logistic" in text
    assert "81.0 % (95 % interval 76.0 % to 83.0 %)" in text
    assert "copies" not in text
    copied = [attrs.get("data-copy", "") for _, attrs in page(finished).elements]
    (latex,) = [each for each in copied if "\\cite{radford2016dcgan}" in each]
    assert r"81.0\,\% (95\,\% interval" in latex


def test_a_run_that_measured_nothing_claims_nothing(tmp_path):
    run = bare_run(tmp_path, status="finished")
    build(run)
    text = re.search(r"We trained dcgan.*", page(run).text)[0]
    assert text.startswith("We trained dcgan")
    for word in ("score", "accuracy", "copies", "shown", "split"):
        assert word not in text


def test_a_void_table_is_not_in_the_paragraph(tmp_path):
    run = bare_run(tmp_path, **MANIFEST)
    write_detection(run, leak=0.71)
    build(run)
    assert "all controls passed" not in page(run).text


def test_the_feature_network_is_cited_with_its_weights(tmp_path):
    run = bare_run(tmp_path, **MANIFEST)
    facts = {"features": "mixed8", "weights_sha256": "ab" * 32, "better": "lower"}
    scores = [metric("fid_mixed8", 9.0, floor=3.0, protocol={"comparable": facts})]
    write_json(run.evaluation_path, {"metrics": scores, "not_computed": []})
    build(run)
    card = run.card_path.read_text()
    assert (
        "| Feature network | inception-v3, weights SHA-256 abababababab… | zoo 0.1.0 | Apache-2.0 |"
        in card
    )
    (place,) = re.findall(r"^(\d+)\. .*Rethinking the Inception Architecture", card, flags=re.M)
    assert re.search(rf"mixed8\) \[\d+\] \[{place}\] 9 \(n = 128", page(run).text)


def test_a_plugin_that_is_gone_is_named_and_cites_nothing(tmp_path):
    run = bare_run(tmp_path, **MANIFEST)
    run.write_recipe({"generator": "their-gan", "data": "bbbc/simulated"})
    build(run)
    assert "| Generator | their-gan | not installed here | – | – |" in run.card_path.read_text()


def test_what_was_noted_is_cited_also_when_the_plugin_is_gone_or_newer(tmp_path, monkeypatch):
    run = bare_run(tmp_path, **MANIFEST)
    write_detection(run)
    facts = {"features": "mixed8", "better": "lower"}
    scores = [metric("fid_mixed8", 9.0, floor=3.0, protocol={"comparable": facts})]
    write_json(run.evaluation_path, {"metrics": scores, "not_computed": []})
    note(run, "generators", "datasets", "metrics", "extractors", "detectors")
    build(run)
    before = run.references_path.read_text(), run.card_path.read_text(), run.report_path.read_text()
    monkeypatch.setattr("zoo.report.references.source", lambda *_: {})
    build(run)
    after = run.references_path.read_text(), run.card_path.read_text(), run.report_path.read_text()
    assert before == after
    assert "not installed here" not in after[1]


@pytest.mark.parametrize("kind", ["generators", "datasets", "detectors", "extractors", "metrics"])
def test_every_paper_that_our_records_name_is_known_in_full(kind):
    for record in records(kind):
        for name in identifiers(record.paper):
            (found,) = _cited([name], source(kind, record.name))
            assert "author" in found.fields, (record.name, name)
            assert name in found.names


def test_identifiers_of_the_library_are_unique_and_well_formed():
    library = known()
    names = [name for reference in library for name in reference.names]
    assert len(names) == len(set(names)) == len(library)
    assert len({reference.key for reference in library}) == len(library)
    for name in names:
        assert re.fullmatch(r"arxiv:\d{4}\.\d{4,5}|doi:10\.\d{4,}/\S+|https://\S+", name)


def test_a_paper_of_which_only_the_number_is_known_is_cited_by_it():
    (found,) = _cited(["arxiv:2999.12345"], {"name": "mine"})
    assert found.address == "https://arxiv.org/abs/2999.12345"
    assert entries(found.bibtex)["arxiv-2999.12345"]["eprint"] == "2999.12345"


def test_bibtex_of_other_hands_is_read():
    text = '@Article{ a1 , Title = "On {B}races", year=2020, author={M{\\"u}ller, J. and {Org}} }'
    (found,) = parsed(text)
    assert found == Reference(
        "a1",
        "article",
        (("title", "On {B}races"), ("year", "2020"), ("author", 'M{\\"u}ller, J. and {Org}')),
    )
    assert found.printed == "J. Müller and Org (2020). On Braces."
    assert list(parsed("@article{x, title = {never closed")) != []
    assert (
        unescaped(r"Bi{\'n}kowski, Miko{\l}aj \& Fran{\c{c}}ois") == "Bińkowski, Mikołaj & François"
    )


def test_no_text_ends_a_field_of_bibtex():
    hostile = r"x}, note = {\input{/etc/passwd}"
    text = made("dataset", title=hostile, url=hostile).bibtex
    (entry,) = entries(text.replace(r"\{", "").replace(r"\}", "")).values()
    assert set(entry) == {"title", "url"}
    assert "\\input" not in text
