"""`zoo publish`: what leaves the machine, under which licence, and what does not."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from published import STEP, finished, memorisation, readers
from zoo_cli.commands.publish import command

import zoo
from zoo import claims
from zoo.errors import UsageError, ZooError
from zoo.publishing.cleaning import Cleaner, public_name
from zoo.publishing.licences import HUB, Licence, card_fields, check_accepted, licence_of_model
from zoo.runs import Run, write_json

NEVER = ("report.html", "run.log", "nearest.json", "MODEL_CARD.md", "checkpoints", "generated")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(made, tmp_path):
    """A run that a test may change."""
    shutil.copytree(made.path, tmp_path / "runs" / made.name)
    return Run(tmp_path / "runs" / made.name)


def licensed(run, licence, **facts):
    run.update_manifest(dataset={**run.manifest["dataset"], "licence": licence, **facts})
    return run


def matter(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_a_folder_in_the_layout_of_a_model_repository_is_written(made, tmp_path):
    zoo.publish(made, to=tmp_path / "pub")
    names = {p.relative_to(tmp_path / "pub").as_posix() for p in (tmp_path / "pub").rglob("*")}
    assert {"README.md", ".gitattributes", "generator.keras", "generator.weights.npz"} <= names
    assert {"recipe.yaml", "manifest.json", "data.json", "evaluation.json"} <= names
    assert {"metrics.jsonl", "samples/00000008.png", "SHA256SUMS"} <= names
    assert not names & set(NEVER)
    assert [path.name for path in tmp_path.iterdir()] == ["pub"]


def test_the_card_has_the_metadata_of_a_model_repository(made, tmp_path):
    zoo.publish(made, to=tmp_path / "pub")
    known = matter(tmp_path / "pub")
    assert known["license"] == "cc0-1.0"
    assert known["library_name"] == "keras"
    assert known["pipeline_tag"] == "unconditional-image-generation"
    assert {"zoo", "dcgan", "synthetic"} <= set(known["tags"])
    assert known["datasets"] == ["bbbc-simulated"]  # bbbc/simulated would be a repository's name
    (results,) = known["model-index"][0]["results"]
    (score,) = results["metrics"]
    assert (score["type"], score["value"], score["args"]["m"]) == ("swd", 0.4, 32)
    assert results["dataset"]["args"] == {"fingerprint": "f" * 64}


@pytest.mark.parametrize("name", ["swd_train", "swd_untrained", "swd[class=round]"])
def test_only_scores_against_all_held_out_images_stand_for_the_model(run, tmp_path, name):
    found = run.read_json(run.evaluation_path)
    write_json(run.evaluation_path, found | {"metrics": [{**found["metrics"][0], "name": name}]})
    zoo.publish(run, to=tmp_path / "pub")
    assert "model-index" not in matter(tmp_path / "pub")


def test_the_card_says_what_it_is_for_and_its_pictures_are_there(made, tmp_path):
    zoo.publish(made, to=tmp_path / "pub")
    text = (tmp_path / "pub" / "README.md").read_text()
    assert claims.has_notice(text)
    assert claims.forbidden(text) == []
    last = made.card_path.read_text().split("\n## ")[-1]
    assert last.replace(", on CPU of jupiter", "").strip() in text
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert "samples/00000008.png" in pictures
    assert all((tmp_path / "pub" / name).is_file() for name in pictures)


def test_the_card_s_code_makes_images_with_plain_keras(tmp_path):
    run = finished(tmp_path / "runs", "cgan")
    zoo.publish(run, to=tmp_path / "pub")
    code = re.findall(r"```python\n(import keras.*?)```", (tmp_path / "pub/README.md").read_text(),
                      re.S)[0]  # fmt: skip
    names = {}
    exec(code.replace('"generator.keras"', repr(str(tmp_path / "pub/generator.keras"))), names)
    assert names["images"].shape == (16, 32, 32, 1)


def test_sha256sum_checks_the_folder(made, tmp_path):
    zoo.publish(made, to=tmp_path / "pub")
    if not shutil.which("sha256sum"):
        pytest.skip("no sha256sum here")
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path / "pub").returncode == 0
    stated = (tmp_path / "pub" / "SHA256SUMS").read_text()
    files = [p for p in (tmp_path / "pub").rglob("*") if p.is_file() and p.name != "SHA256SUMS"]
    assert len(re.findall(r"^[0-9a-f]{64}  ", stated, re.M)) == len(files)
    assert f"# {(tmp_path / 'pub' / 'data.json').stat().st_size}\n" in stated


def test_binary_files_are_for_large_file_storage_and_no_line_end_is_changed(made, tmp_path):
    zoo.publish(made, to=tmp_path / "pub")
    lines = (tmp_path / "pub" / ".gitattributes").read_text().splitlines()
    assert lines[0] == "* -text"
    for kind in ("keras", "npz", "png", "webp"):
        assert f"*.{kind} filter=lfs diff=lfs merge=lfs -text" in lines


def everything(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes().lower()
            for p in folder.rglob("*") if p.is_file()}  # fmt: skip


def test_no_path_no_file_name_and_no_machine_is_published(tmp_path):
    place = tmp_path / "Jane Smithson" / "cells"
    place.mkdir(parents=True)
    run = finished(tmp_path / "runs", data=f"folder:{place}", licence="CC-BY-4.0")
    recipe = run.recipe
    recipe["settings"] |= {"labels": f"{place}/labels.csv", "out": str(tmp_path)}
    recipe["settings"] |= {"inception_weights": f"{place}/private.h5"}
    run.write_recipe(recipe)
    reason = {"name": "fid", "reason": f"{place}/private.h5 and /home/jsmithson/x.h5 are missing"}
    by_group = {"name": "swd[group=Doe_Jane]", "value": 1.0}
    found = run.read_json(run.evaluation_path)
    found["metrics"].append(by_group)
    write_json(run.evaluation_path, found | {"not_computed": [reason]})
    write_json(run.memorisation_path, memorisation())
    zoo.publish(run, to=tmp_path / "pub")
    for name, content in everything(tmp_path / "pub").items():
        for secret in (b"smith", b"doe_jane", b"roe_", b"jupiter", b"private.h5", b"labels.csv"):
            assert secret not in content, (name, secret)
        assert str(tmp_path).lower().encode() not in content, name
    assert (
        yaml.safe_load((tmp_path / "pub/recipe.yaml").read_text())["data"] == "folder:unpublished"
    )
    assert "datasets" not in matter(tmp_path / "pub")
    stated = json.loads((tmp_path / "pub" / "data.json").read_text())
    assert stated["rejected_files"] == 1
    assert stated["splits"]["train"]["images"] == 30


def test_other_runs_and_their_data_are_not_named(run, tmp_path):
    other = {"name": "00003-dcgan-folder-doe", "data": "folder:/home/jane/doe"}
    write_json(run.detection_path, {"detectors": [], "across": {"runs": [other["name"]]}})
    write_json(run.utility_path, {"table": [], "protocol": {"external": other["data"]}})
    zoo.publish(run, to=tmp_path / "pub")
    for name, content in everything(tmp_path / "pub").items():
        assert b"doe" not in content, name


def test_a_published_score_stays_comparable(run, tmp_path):
    held = {"comparable": {"pairs": 500, "better": "lower"}, "provenance": {"pairs": ["Doe_Jane"]}}
    found = {"metrics": [{"name": "ms_ssim_diversity", "value": 0.1, "protocol": held}]}
    write_json(run.evaluation_path, found)
    zoo.publish(run, to=tmp_path / "pub")
    (score,) = json.loads((tmp_path / "pub/evaluation.json").read_text())["metrics"]
    assert score["protocol"] == {**held, "provenance": {}}


def test_tables_and_references_are_published_as_the_card_says(run, tmp_path):
    write_json(run.tables / "private.csv", ["x"])
    recipe = run.recipe
    run.write_recipe({**recipe, "settings": {**recipe["settings"], "labels": "doe.csv"}})
    zoo.publish(run, to=tmp_path / "pub")
    card = (tmp_path / "pub/README.md").read_text()
    assert "`references.bib`, tables and figures" in card
    assert "@" in (tmp_path / "pub/references.bib").read_text()
    assert (tmp_path / "pub/figures/losses.svg").exists() == (run.figures / "losses.svg").exists()
    tables = tmp_path / "pub/tables"
    assert {"scores.csv", "scores.tex", "settings.csv"} <= {path.name for path in tables.iterdir()}
    assert not (tables / "private.csv").exists()
    assert "doe.csv" not in (tables / "settings.csv").read_text()


def test_readers_are_not_named(run, tmp_path):
    write_json(run.turing_path, readers())
    zoo.publish(run, to=tmp_path / "pub")
    (row,) = json.loads((tmp_path / "pub/turing.json").read_text())["readers"]
    assert row["answered"] == 10
    for name, content in everything(tmp_path / "pub").items():
        for secret in (b"who", b"tardis", b"2026-01-01t"):
            assert secret not in content, (name, secret)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no file /home/jane/w.h5: try again", "no file (left out): try again"),
        ("C:\\Users\\jane\\w.h5 is missing", "(left out) is missing"),
        ("~/data and ~jane/data", "(left out) and (left out)"),
        ("see https://example.org/a/b and doi:10.1/x", None),
        ("bbbc/simulated, 1/2, and/or, 3 / 4, km/s", None),
        ("on folder:/home/jane/x, acdc:y", "on folder:unpublished, acdc:unpublished"),
        ("folder: three files; tfds:mnist/3d", None),
    ],
)
def test_paths_are_told_from_addresses_and_fractions(text, expected):
    assert Cleaner({}).text(text) == (expected or text)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("folder:/home/jane/x", "folder:unpublished"),
        ("acdc:relative", "acdc:unpublished"),
        ("tfds:mnist", "tfds:mnist"),
        ("bbbc/bbbc039", "bbbc/bbbc039"),
        ("gone:/home/jane/x", "gone:unpublished"),
    ],
)
def test_a_dataset_keeps_its_name_and_loses_its_path(data, expected):
    assert public_name(data) == expected


def test_pictures_of_real_images_stay_here(made, tmp_path):
    zoo.publish(made, to=tmp_path / "pub")
    names = {path.stem for path in (tmp_path / "pub" / "samples").iterdir()}
    assert names == {"00000000", "00000008", "accepted"}


def test_pictures_of_real_images_are_published_on_request_and_named_in_the_card(made, tmp_path):
    result = zoo.publish(made, to=tmp_path / "pub", with_real_images=True)
    names = {path.stem for path in (tmp_path / "pub" / "samples").iterdir()}
    assert {"real", "nearest", "copies", "spectrum", "gradcam-svm"} <= names
    text = (tmp_path / "pub" / "README.md").read_text()
    assert len(result["with_real_images"]) == 5
    assert all(name in text for name in result["with_real_images"])


@pytest.mark.parametrize("licence", [None, "CC-BY-ND-4.0", "research only"])
def test_pictures_of_real_images_stay_here_where_the_licence_does_not_allow_them(
    run, tmp_path, licence
):
    accepted = licence or "unknown"
    with pytest.raises(ZooError, match="--with-real-images"):
        zoo.publish(licensed(run, licence), to=tmp_path / "pub", accept_licence=accepted,
                    with_real_images=True)  # fmt: skip
    assert not (tmp_path / "pub").exists()


@pytest.mark.parametrize(
    ("licence", "named"),
    [
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0 allows no commercial use"),
        ("CC BY-NC-SA 3.0", "CC-BY-NC-SA-3.0 allows no commercial use"),
        ("CC-BY-ND-4.0", "CC-BY-ND-4.0 allows no changed versions"),
        ("CC-BY-NC-ND-4.0", "no commercial use and no changed versions"),
        ("research and education only", "“research and education only”"),
        ("LicenseRef-AstraZeneca-copyright", "LicenseRef-AstraZeneca-copyright"),
        (None, "their licence is not stated"),
        ("as stated by the images' owner", "their licence is not stated"),
    ],
)
def test_a_licence_that_asks_for_a_decision_blocks_and_says_how_to_accept_it(
    run, tmp_path, licence, named
):
    with pytest.raises(ZooError, match=re.escape(named)) as caught:
        zoo.publish(licensed(run, licence), to=tmp_path / "pub")
    assert caught.value.exit_status == 1
    assert "bbbc/simulated" in str(caught.value)
    assert "\n" not in str(caught.value)
    typed = re.search(r"--accept-licence ('[^']+'|\S+)$", str(caught.value))[1].strip("'")
    zoo.publish(run, to=tmp_path / "pub", accept_licence=typed)
    assert (
        f"acknowledged the licence of the training images by its name: {typed}"
        in (tmp_path / "pub" / "README.md").read_text()
    )


def test_another_licence_than_the_images_is_not_taken_for_an_acknowledgement(run, tmp_path):
    with pytest.raises(UsageError, match=r"that is CC-BY-NC-4\.0"):
        zoo.publish(licensed(run, "CC-BY-NC-4.0"), to=tmp_path / "pub", accept_licence="MIT")


@pytest.mark.parametrize("licence", ["CC0-1.0", "MIT", "CC-BY-4.0", "CC-BY-SA-4.0"])
def test_an_open_licence_needs_no_acknowledgement_and_is_the_model_s(licence):
    images = Licence.of(licence)
    assert check_accepted(images, "x", None) is None
    assert licence_of_model(images, "x", None) == images


@pytest.mark.parametrize(
    ("images", "asked", "reason"),
    [
        ("CC-BY-NC-4.0", "MIT", "allows no commercial use"),
        ("CC-BY-NC-4.0", "CC-BY-4.0", "allows no commercial use"),
        ("CC-BY-ND-4.0", "CC-BY-4.0", "allows no changed versions"),
        ("CC-BY-SA-4.0", "CC-BY-4.0", "asks for the same licence"),
        ("CC-BY-4.0", "CC0-1.0", "asks for the owner to be named"),
        ("research only", "MIT", "terms of their own"),
        ("CC0-1.0", "MTI", "did you mean MIT"),
    ],
)
def test_a_licence_of_the_model_that_does_not_suit_the_images_is_refused(images, asked, reason):
    with pytest.raises(UsageError, match=reason):
        licence_of_model(Licence.of(images), "x", asked)


@pytest.mark.parametrize(
    ("images", "asked"),
    [("CC0-1.0", "MIT"), ("CC-BY-4.0", "MIT"), ("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"), (None, "MIT")],
)
def test_a_licence_of_the_model_that_suits_the_images_is_taken(images, asked):
    assert licence_of_model(Licence.of(images), "x", asked).name == asked


def test_licences_that_hugging_face_does_not_list_are_other_with_name_and_link():
    fields = card_fields(Licence.of("Research & teaching only"), "https://example.org")
    assert fields == {
        "license": "other",
        "license_name": "research-teaching-only",
        "license_link": "https://example.org",
    }
    assert card_fields(Licence.of(None), None) == {"license": "unknown"}
    assert {card_fields(Licence.of(name), None)["license"] for name in HUB} == set(HUB.values())


def test_that_copies_were_not_looked_for_is_said_on_the_card_and_on_stderr(made, tmp_path, capsys):
    zoo.publish(made, to=tmp_path / "pub")
    warning = f"Copies of training images were not looked for: `zoo memorisation {made.name}`."
    assert f"warning: {warning}" in capsys.readouterr().err
    assert warning in (tmp_path / "pub" / "README.md").read_text()


def test_a_run_in_which_copies_were_found_is_published_only_if_that_is_accepted(run, tmp_path):
    write_json(run.memorisation_path, memorisation(["near_share_pixels"]))
    with pytest.raises(
        ZooError, match=r"copying .* suspected \(near_share_pixels\).*--accept-copi"
    ):
        zoo.publish(run, to=tmp_path / "pub")
    zoo.publish(run, to=tmp_path / "pub", accept_copies=True)
    assert "Copying of training images is suspected" in (tmp_path / "pub/README.md").read_text()
    held = json.loads((tmp_path / "pub" / "memorisation.json").read_text())
    assert held["tests"]
    assert "pairs" not in held


@pytest.mark.parametrize("status", ["interrupted", "failed", "running"])
def test_an_unfinished_run_is_refused_with_what_to_type(run, tmp_path, status):
    run.update_manifest(status=status)
    with pytest.raises(ZooError, match=f"zoo run --resume {run.path}"):
        zoo.publish(run, to=tmp_path / "pub")
    assert not (tmp_path / "pub").exists()


def test_a_folder_that_is_not_empty_is_refused_and_an_empty_one_is_taken(made, tmp_path):
    folder = tmp_path / "pub"
    folder.mkdir()
    zoo.publish(made, to=folder)
    before = everything(folder)
    with pytest.raises(UsageError, match="is not empty"):
        zoo.publish(made, to=folder)
    assert everything(folder) == before


def test_a_publication_that_fails_midway_leaves_nothing(made, tmp_path, monkeypatch):
    def fail(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zoo.publishing.publish.write_sums", fail)
    with pytest.raises(ZooError, match="No space left"):
        zoo.publish(made, to=tmp_path / "pub")
    assert list(tmp_path.iterdir()) == []


def test_a_network_with_a_layer_of_code_is_not_published(run, tmp_path):
    import keras

    network = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x)])
    network.save(run.generator_path)
    with pytest.raises(ZooError, match="holds a Lambda"):
        zoo.publish(run, to=tmp_path / "pub")


def test_the_command_prints_the_folder_or_json(made, tmp_path):
    arguments = [str(made.path), "--to", str(tmp_path / "a")]
    assert CliRunner().invoke(command, arguments).stdout == f"{tmp_path / 'a'}\n"
    arguments[-1] = str(tmp_path / "b")
    result = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)
    assert result["licence"] == "CC0-1.0"
    assert result["files"]["manifest.json"] == (tmp_path / "b/manifest.json").stat().st_size


def test_publishing_imports_no_framework(made, tmp_path):
    probe = (
        "import sys, zoo; zoo.publish(sys.argv[1], to=sys.argv[2]);"
        "sys.exit(bool({'keras', 'tensorflow'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", probe, str(made.path), str(tmp_path / "pub")]
    assert subprocess.run(arguments, capture_output=True).returncode == 0


def test_the_weights_are_those_of_the_last_snapshot(made, tmp_path):
    zoo.publish(made, to=tmp_path / "pub")
    with np.load(tmp_path / "pub/generator.weights.npz", allow_pickle=False) as stored:
        assert json.loads(stored["facts"].tobytes())["step"] == STEP
    assert Path(tmp_path / "pub/generator.keras").read_bytes() == made.generator_path.read_bytes()
