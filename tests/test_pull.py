"""`zoo pull`: a published generator as a run, and nothing at all of one that is hostile."""

import io
import json
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from published import STEP, finished, memorisation, readers
from zoo_cli.commands.generate import command as generate
from zoo_cli.commands.pull import command
from zoo_cli.commands.runs import command as runs

import zoo
from zoo.data.decode import decode
from zoo.data.home import home
from zoo.errors import UsageError, ZooError
from zoo.publishing import sources
from zoo.publishing.sums import SUMS, write_sums
from zoo.runs import write_bytes, write_json
from zoo.runs.folder import list_runs
from zoo.stored import images_of
from zoo.workflow import resume


@pytest.fixture(scope="module")
def runs_made(tmp_path_factory):
    parent = tmp_path_factory.mktemp("runs")
    made = {name: finished(parent, name) for name in ("dcgan", "cgan")}
    write_json(made["dcgan"].memorisation_path, memorisation())
    write_json(made["dcgan"].turing_path, readers())
    return made


@pytest.fixture(scope="module")
def published(runs_made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "pub"
    zoo.publish(runs_made["dcgan"], to=folder)
    return folder


@pytest.fixture
def pub(published, tmp_path):
    """A publication that a test may change."""
    return Path(shutil.copytree(published, tmp_path / "pub"))


@pytest.fixture(autouse=True)
def own_downloads(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


@pytest.fixture
def parent(tmp_path):
    """Where runs are put; nothing may be left in it or in the downloads when a pull fails."""
    return tmp_path / "mine"


def refused(source, parent, message, error=ZooError):
    with pytest.raises(error, match=message) as caught:
        zoo.pull(source, runs=parent)
    assert "\n" not in str(caught.value)
    assert not parent.exists() or list(parent.iterdir()) == []
    left = [path for path in (home() / "downloads").rglob("*") if path.suffix != ".lock"]
    assert [path for path in left if path.is_file()] == []


def test_a_pulled_generator_makes_the_same_images(runs_made, tmp_path, parent):
    for name, run in runs_made.items():
        zoo.publish(run, to=tmp_path / name)
        pulled = zoo.pull(tmp_path / name, runs=parent)
        first, second = (zoo.load("run", path).sample(40, seed=3) for path in (run.path, pulled))
        assert len(np.unique(first)) > 10
        assert np.array_equal(first, second)
        for out, of in (("a", run), ("b", pulled)):
            arguments = [
                str(of.path),
                "-n",
                "3",
                "--seed",
                "5",
                "--out",
                str(tmp_path / name / out),
            ]
            assert CliRunner().invoke(generate, arguments).exit_code == 0
        for number in range(3):
            same = [decode(tmp_path / name / out / f"{number:05d}.png")[0] for out in "ab"]
            assert np.array_equal(*same)


def test_a_pulled_run_is_a_finished_run_with_its_origin(pub, parent, capsys):
    run = zoo.pull(pub, runs=parent)
    assert run.name == "00000-dcgan-bbbc-simulated"
    assert [known.name for known in list_runs(parent)] == [run.name]
    assert run.status == "finished"
    assert run.manifest["pulled"]["source"] == str(pub)
    assert run.manifest["published"]["licence"] == "CC0-1.0"
    assert run.read_json(run.evaluation_path)["metrics"][0]["value"] == 0.4
    assert run.snapshot_steps() == [STEP]
    assert [path.name for path in parent.iterdir()] == [run.name]
    resume(run.path)
    assert "is finished; nothing to resume" in capsys.readouterr().err
    shown = CliRunner().invoke(runs, ["show", "0", "--runs", str(parent)])
    assert "pulled" in shown.stdout
    assert "swd" in shown.stdout.lower() or "Sliced" in shown.stdout


def test_tables_of_a_pulled_run_are_made_here_and_readers_are_numbered(pub, parent):
    (pub / "tables" / "scores.csv").write_text("=cmd()")
    write_sums(pub)
    run = zoo.pull(pub, runs=parent)
    assert "cmd" not in (run.tables / "scores.csv").read_text()
    assert (run.tables / "readers.csv").read_text().splitlines()[1].startswith("1 (10 only),50.0")
    assert run.references_path.is_file()


def test_a_run_whose_images_stayed_with_their_owner_says_so(tmp_path, parent):
    private = finished(tmp_path / "private", data=f"folder:{tmp_path}", licence="CC-BY-4.0")
    zoo.publish(private, to=tmp_path / "pub")
    run = zoo.pull(tmp_path / "pub", runs=parent)
    with pytest.raises(ZooError, match="was pulled, and its training images were not published"):
        images_of(run)


def test_plain_keras_loads_the_network_that_was_made_here(pub, parent):
    run = zoo.pull(pub, runs=parent)
    network = keras.models.load_model(run.generator_path)
    assert network(np.zeros((2, 4), "float32")).shape == (2, 32, 32, 1)


def test_a_page_of_a_stranger_is_not_taken_over(pub, parent):
    (pub / "report.md").write_text("<script>alert(1)</script>")
    write_sums(pub)
    held = json.loads((pub / "evaluation.json").read_text())
    held["not_computed"] = [{"name": "fid", "reason": "<script>alert(2)</script>"}]
    write_json(pub / "evaluation.json", held)
    write_sums(pub)
    run = zoo.pull(pub, runs=parent)
    names = {path.name for path in run.path.rglob("*")}
    assert "report.md" not in names
    assert "README.md" not in names
    assert "<script>alert" not in run.report_path.read_text()


def test_paths_in_a_stranger_s_recipe_are_never_opened_here(pub, parent):
    recipe = yaml.safe_load((pub / "recipe.yaml").read_text())
    recipe["data"] = "folder:/etc"
    recipe["settings"] |= {"inception_weights": "/etc/passwd", "labels": "/etc/group", "out": "/"}
    (pub / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    write_sums(pub)
    kept = zoo.pull(pub, runs=parent).recipe
    assert kept["data"] == "folder:unpublished"
    assert kept["settings"]["inception_weights"] is kept["settings"]["labels"] is None
    assert kept["settings"]["out"] == "runs"


def test_a_pulled_run_can_be_published_again_under_its_licence_alone(pub, tmp_path, parent):
    run = zoo.pull(pub, runs=parent)
    with pytest.raises(UsageError, match=r"was published under CC0-1\.0"):
        zoo.publish(run, to=tmp_path / "again", licence="MIT")
    zoo.publish(run, to=tmp_path / "again")
    stated = json.loads((tmp_path / "again" / "manifest.json").read_text())
    assert "pulled" not in stated


def zipped(folder, path, *, below=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{below}{file.relative_to(folder).as_posix()}")
    return path


def tarred(folder, path, *entries):
    with tarfile.open(path, "w") as archive:
        archive.add(folder, "pub")
        for entry in entries:
            archive.addfile(entry)
    return path


@pytest.mark.parametrize("kind", ["zip", "zip of a folder", "tar"])
def test_an_archive_of_a_publication_is_pulled_too(pub, tmp_path, parent, kind):
    path = tmp_path / f"pub.{kind[:3]}"
    below = "pub/" if "folder" in kind else ""
    tarred(pub, path) if kind == "tar" else zipped(pub, path, below=below)
    assert zoo.pull(path, runs=parent, name="mine").name == "00000-mine"


def test_a_clone_of_git_is_pulled_without_what_git_keeps(pub, parent):
    (pub / ".git").mkdir()
    (pub / ".git" / "config").write_text("")
    assert zoo.pull(pub, runs=parent).status == "finished"


def served(server, folder, below=""):
    server.files = {
        f"{below}{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_address_is_pulled_and_continued_where_it_broke_off(server, pub, parent):
    served(server, pub, "o/n/")
    server.break_after = 20_000
    with pytest.raises(ZooError, match=r"ended after|broke off"):
        zoo.pull(server.url("o/n"), runs=parent)
    assert not parent.exists()
    server.break_after = None
    run = zoo.pull(server.url("o/n"), runs=parent)
    assert run.manifest["pulled"]["source"] == server.url("o/n")
    assert any(name.endswith(".npz") or asked for name, asked in server.asked)
    assert [
        p for p in (home() / "downloads").rglob("*") if p.is_file() and p.suffix != ".lock"
    ] == []


def test_a_repository_of_hugging_face_is_found_by_its_name(server, pub, parent, monkeypatch):
    monkeypatch.setattr(sources, "HUB", server.url(""))
    served(server, pub, "jane/nuclei/resolve/v1/")
    run = zoo.pull("hf:jane/nuclei@v1", runs=parent)
    assert run.manifest["pulled"]["source"] == "hf:jane/nuclei@v1"


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("hf:jane/nuclei", "https://huggingface.co/jane/nuclei/resolve/main/"),
        ("https://huggingface.co/jane/nuclei/", "https://huggingface.co/jane/nuclei/resolve/main/"),
        (
            "https://huggingface.co/jane/nuclei/tree/v1",
            "https://huggingface.co/jane/nuclei/resolve/v1/",
        ),
        ("https://example.org/pub", "https://example.org/pub/"),
        ("https://example.org/pub.zip", "https://example.org/pub.zip"),
        ("http://localhost:8000/pub/", "http://localhost:8000/pub/"),
        ("some/folder", None),
    ],
)
def test_what_is_asked_for_of_a_source(source, address):
    assert sources.address_of(source) == address


@pytest.mark.parametrize(
    "source",
    [
        *("http://example.org/pub", "ftp://example.org/pub", "file:///etc", "hf:jane", "hf:../x"),
        *("https://user:word@example.org/pub", "https://example.org/pub?x=1", "nowhere"),
    ],
)
def test_other_addresses_are_wrong_use(source, parent):
    refused(source, parent, r"address|repository|no folder", UsageError)


def test_no_https_address_is_followed_to_one_that_is_not():
    from zoo.data.download import _StaysSecure

    asked = urllib.request.Request("https://example.org/a")
    follow = _StaysSecure().redirect_request
    with pytest.raises(urllib.error.URLError, match="not https"):
        follow(asked, None, 302, "Found", {}, "http://example.org/a")
    assert follow(asked, None, 302, "Found", {}, "https://example.com/a")


def test_a_server_that_sends_more_than_it_stated_is_given_up(server, pub, parent):
    served(server, pub)
    server.files["data.json"] += b" " * 1000
    with pytest.raises(ZooError, match=r"data\.json has .* bytes, more than"):
        zoo.pull(server.url(""), runs=parent)
    assert not parent.exists()


def test_a_server_with_another_file_than_stated_leaves_nothing(server, pub, parent):
    served(server, pub)
    server.files["data.json"] = b" " * len(server.files["data.json"])
    refused(server.url(""), parent, "the SHA-256 of data.json")


def test_the_command_prints_the_run_or_json(pub, parent):
    arguments = [str(pub), "--runs", str(parent), "--name", "nuclei"]
    result = CliRunner().invoke(command, arguments)
    assert result.stdout == f"{parent / '00000-nuclei'}\n"
    told = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)
    assert told["run"] == str(parent / "00001-nuclei")
    assert told["pulled"]["source"] == str(pub)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden"])
def test_a_name_with_a_path_in_it_is_wrong_use(pub, parent, name):
    with pytest.raises(UsageError, match="--name"):
        zoo.pull(pub, runs=parent, name=name)


# What is wrong with a folder whose SHA256SUMS was not written anew.
def changed(pub):
    (pub / "data.json").write_text("{}")


def missing(pub):
    (pub / "data.json").unlink()


def additional(pub):
    (pub / "samples" / "more.png").write_bytes(b"")


def linked(pub):
    (pub / "data.json").unlink()
    (pub / "data.json").symlink_to("/etc/hostname")


def linked_folder(pub):
    shutil.move(pub / "samples", pub.parent / "elsewhere")
    (pub / "samples").symlink_to(pub.parent / "elsewhere")


def without_sums(pub):
    (pub / SUMS).unlink()


def pointer(pub):
    (pub / "generator.keras").write_text("version https://git-lfs.github.com/spec/v1\noid …\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed, "the SHA-256 of data.json"),
        (missing, "lacks data.json"),
        (additional, "'samples/more.png' is not in its SHA256SUMS"),
        (linked, "data.json is a link"),
        (linked_folder, "samples is a link"),
        (without_sums, "holds no SHA256SUMS"),
        (pointer, "pointer of Git LFS"),
    ],
)
def test_a_folder_that_is_not_what_its_sums_state_is_refused(pub, parent, change, message):
    change(pub)
    refused(pub, parent, message)


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.json", "/etc/evil.json", "a/../../evil.json", "C:/evil.json", "a\\evil.json"),
        *("evil.py", "report.html", "evil.pkl", ".bashrc", ".ssh/a.json", "nul.json", "x.h5"),
    ],
)
def test_names_that_lead_elsewhere_or_are_of_other_kinds_are_refused(pub, parent, name):
    with (pub / SUMS).open("a") as file:
        file.write(f"# 1\n{'0' * 64}  {name}\n")
    refused(pub, parent, r"is no name that zoo gives|is of a kind|is damaged")
    assert not (pub.parent / "evil.json").exists()


def test_a_file_that_claims_too_much_is_refused(pub, parent):
    with (pub / SUMS).open("a") as file:
        file.write(f"# {10**9}\n{'0' * 64}  more.json\n")
    refused(pub, parent, "more than")


# What is wrong inside a file whose hash is right.
def edited(name, **values):
    def edit(pub):
        held = json.loads((pub / name).read_text())
        write_json(pub / name, held | values)

    return edit


def written(name, text):
    return lambda pub: (pub / name).write_text(text)


def option(**values):
    def edit(pub):
        recipe = yaml.safe_load((pub / "recipe.yaml").read_text())
        (pub / "recipe.yaml").write_text(yaml.safe_dump(recipe | values))

    return edit


def tagged(pub):
    with (pub / "recipe.yaml").open("a") as file:
        file.write("evil: !!python/object/apply:os.system ['touch evil']\n")


def layer_of_code(pub):
    with warnings.catch_warnings(action="ignore"):
        network = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x)])
        network.save(pub / "generator.keras")


def layer_from_elsewhere(pub):
    path = pub / "generator.keras"
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(held["config.json"])
    config["config"]["layers"][0] |= {"module": "os", "class_name": "system"}
    held["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def pickled(pub):
    np.savez(pub / "generator.weights.npz", facts=np.array([Evil()], dtype=object))


def claiming(pub):
    """Weights whose header claims terabytes."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    )
    with zipfile.ZipFile(pub / "generator.weights.npz", "w") as archive:
        archive.writestr("v0000.npy", header.getvalue())


def of_another_network(pub):
    with np.load(pub / "generator.weights.npz") as held:
        arrays = dict(held)
    facts = json.loads(arrays["facts"].tobytes()) | {"layout": "0"}
    arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    np.savez(pub / "generator.weights.npz", **arrays)


def truncated(pub):
    path = pub / "generator.weights.npz"
    path.write_bytes(path.read_bytes()[:1000])


def no_picture(pub):
    (pub / "samples" / "accepted.png").write_bytes(b"<svg onload='alert(1)'>")


LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (tagged, "tags or references"),
        (written("recipe.yaml", LAUGHS), "tags or references"),
        (written("recipe.yaml", "- a list"), "not a mapping"),
        (written("recipe.yaml", "a: ["), "no YAML"),
        (option(generator="mygan"), "generator 'mygan' is of the package zoo"),
        (option(options={"exec": "rm"}), "exec"),
        (option(settings={}), "the recipe is damaged"),
        (written("manifest.json", "[" * 100_000), "no JSON"),
        (written("manifest.json", '{"a":' * 60 + "1" + "}" * 60), "nested too deeply"),
        (written("manifest.json", '{"step": NaN}'), "not finite"),
        (edited("manifest.json", loss="\x1b[2J"), "control characters"),
        (edited("manifest.json", image_shape=[10**6, 10**6, 1]), "image_size"),
        (edited("manifest.json", image_shape="x"), "what no run writes"),
        (edited("manifest.json", published={"step": "../../x"}), "states the step"),
        (edited("manifest.json", published=None), "what no run writes"),
        (edited("evaluation.json", metrics=[{"name": 3}]), "what no run writes"),
        (layer_of_code, "holds a Lambda"),
        (layer_from_elsewhere, "needs 'os'"),
        (written("generator.keras", "PK"), "no zip archive"),
        (pickled, "pickled objects"),
        (claiming, "is no array"),
        (of_another_network, "of another network"),
        (truncated, "no zip archive|damaged"),
        (no_picture, "no PNG picture"),
    ],
)
def test_hostile_contents_are_refused_in_one_line(pub, parent, change, message, monkeypatch):
    monkeypatch.chdir(pub.parent)
    change(pub)
    write_sums(pub)
    refused(pub, parent, message)
    assert not Path("evil").exists()


def entry(name, **facts):
    made = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (entry("../evil.json"), "not in its SHA256SUMS|holds no SHA256SUMS"),
        (entry("pub/x.json", type=tarfile.SYMTYPE, linkname="/etc/hostname"), "is a link"),
        (entry("pub/data.json", type=tarfile.LNKTYPE, linkname="pub/manifest.json"), "is a link"),
        (entry("pub/data.json"), "is in it twice"),
        (entry("pub/pipe", type=tarfile.FIFOTYPE), "is a link or no file"),
    ],
)
def test_a_tar_with_more_than_files_is_refused(pub, tmp_path, parent, made, message):
    refused(tarred(pub, tmp_path / "pub.tar", made), parent, message)


def test_a_zip_that_climbs_out_or_is_a_bomb_is_refused(pub, tmp_path, parent):
    path = zipped(pub, tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../evil.json", "{}")
    refused(path, parent, "climbs out")
    path = zipped(pub, tmp_path / "b.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.json", b" " * 10**8)
    refused(path, parent, "times its size")
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 nothing")
    refused(tmp_path / "c.zip", parent, "no zip archive")
    write_bytes(tmp_path / "c.rar", b"x")
    refused(tmp_path / "c.rar", parent, "neither a folder nor", UsageError)


def test_a_file_that_only_begins_like_a_device_of_windows_is_taken(tmp_path):
    (tmp_path / "tables").mkdir()
    for name in ("controls.csv", "auxiliary.csv"):
        (tmp_path / "tables" / name).write_text("a\n")
    assert set(write_sums(tmp_path)) == {"tables/controls.csv", "tables/auxiliary.csv"}
    (tmp_path / "tables" / "aux.csv").write_text("a\n")
    with pytest.raises(ZooError, match="is no name that zoo gives"):
        write_sums(tmp_path)
