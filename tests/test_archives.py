"""Archives: told apart by name, known by hash, prepared once, from disk or from a server."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow_datasets as tfds
from zoo_cli.main import main

from zoo.data import alias, resolve
from zoo.data.builder import ImageBuilder
from zoo.data.fetching import fetch, wanted_of
from zoo.data.matching import match
from zoo.data.prepare import import_files
from zoo.data.prepared import unprepared, version_of
from zoo.errors import UsageError, ZooError
from zoo.plugins import find
from zoo.specs import Archive, Dataset


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class Shades(ImageBuilder, skip_registration=True):
    """An image for every byte of every archive."""

    VERSION = tfds.core.Version("1.0.0")
    channels = 1

    def examples(self, archives, split):
        for name, path in archives.items():
            for number, shade in enumerate(path.read_bytes()):
                yield {"id": f"{name} {number}", "image": np.full((4, 4), shade, np.uint8)}


def shades(*archives):
    target, page = f"{__name__}:Shades", "https://example.org/shades"
    return Dataset("shades", target, archives=archives, homepage=page)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def published(server, name, content, *, optional=False, known=True):
    """An archive on the server, whose hash its publisher states."""
    server.files[name] = content
    hashes = {sha256(content): "official"} if known else {}
    return Archive(name, server.url(name), len(content), hashes, optional=optional)


def test_fetch_takes_every_required_archive_and_those_that_are_asked_for(server, home):
    record = shades(
        published(server, "a.bin", b"ab"),
        published(server, "plate-1.bin", b"cde", optional=True),
        published(server, "plate-2.bin", b"fghi", optional=True),
    )
    facts = fetch(record, ["PLATE-2"])
    assert [name for name, _ in server.asked] == ["a.bin", "plate-2.bin"]
    assert facts["contents"]["images"] == 6
    assert facts["archives"] == [
        {"filename": "a.bin", "sha256": sha256(b"ab"), "copy": "official"},
        {"filename": "plate-2.bin", "sha256": sha256(b"fghi"), "copy": "official"},
    ]
    assert not list((home / "downloads").rglob("*.bin"))
    with pytest.raises(ZooError, match=r"already prepared without plate-1\.bin; `zoo data remove"):
        fetch(record, ["plate-1"])


def test_an_archive_that_arrived_is_not_downloaded_again(server):
    record = shades(published(server, "a.bin", b"ab"), published(server, "b.bin", b"c"))
    del server.files["b.bin"]
    with pytest.raises(ZooError, match="HTTP 404"):
        fetch(record)
    server.files["b.bin"] = b"c"
    fetch(record)
    assert [name for name, _ in server.asked] == ["a.bin", "b.bin", "b.bin"]


def test_fetch_refuses_an_unknown_hash_and_says_how_to_take_it(server, home):
    record = shades(published(server, "a.bin", b"ab"), published(server, "b.bin", b"c"))
    server.files["b.bin"] = b"something else"
    place = home / "downloads" / "shades"
    with pytest.raises(ZooError) as caught:
        fetch(record)
    assert f"unknown SHA-256 {sha256(b'something else')}" in str(caught.value)
    assert f"`zoo data import shades {place}`" in str(caught.value)
    assert version_of(record) is None
    assert import_files(record, [place])["archives"][1]["copy"] == "unknown copy"


def test_where_no_hash_is_published_its_own_is_told_and_recorded(server, capsys):
    facts = fetch(shades(published(server, "a.bin", b"ab", known=False)))
    assert f"no hash of a.bin is published; its SHA-256 {sha256(b'ab')}" in capsys.readouterr().err
    assert facts["archives"][0]["copy"] == "unknown copy"


def test_what_is_optional_must_be_chosen_where_nothing_else_is_there():
    plates = [Archive(f"p{n}.zip", "https://example.org/p", optional=True) for n in range(9)]
    with pytest.raises(UsageError, match=r"--only TEXT, a part of p0\.zip.* and 3 more"):
        wanted_of(shades(*plates))
    with pytest.raises(UsageError, match=r"no optional archive 'q'; choose from p0\.zip"):
        wanted_of(shades(*plates), ["q"])
    assert "`zoo data fetch shades --only TEXT`" in unprepared(shades(*plates))


def test_what_has_no_address_says_where_to_get_it():
    with pytest.raises(UsageError, match=r"get a\.zip from https://example\.org/shades, then"):
        wanted_of(shades(Archive("a.zip"), Archive("b.zip", "https://example.org/b")))


TWO = shades(Archive("A.bin"), Archive("b.bin"), Archive("c.bin", optional=True))


def write(folder, **contents):
    folder.mkdir(exist_ok=True, parents=True)
    for name, content in contents.items():
        (folder / f"{name}.bin").write_bytes(content)
    return folder


def test_several_archives_are_found_by_name_in_files_and_folders(tmp_path):
    folder = write(tmp_path / "in" / "deeper", a=b"1", other=b"2")
    file = write(tmp_path / "apart", B=b"3") / "B.bin"
    assert match(TWO, [tmp_path / "in", file]) == {"A.bin": folder / "a.bin", "b.bin": file}


def test_a_single_archive_may_have_any_name(tmp_path):
    file = write(tmp_path, download=b"1") / "download.bin"
    assert match(shades(Archive("official.zip")), [file]) == {"official.zip": file}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (["a/a.bin"], ZooError, r"shades also needs b\.bin, from https://example\.org/shades"),
        (["absent"], ZooError, "no file .*absent"),
        (["empty"], ZooError, r"also needs A\.bin, b\.bin"),
        (["a/a.bin", "a/d.bin"], UsageError, r"no archive of shades 'd\.bin'; choose from A\.bin"),
        (["a", "b"], UsageError, r"two files for A\.bin: .*a/a\.bin and .*b/A\.bin"),
    ],
)
def test_what_does_not_make_the_dataset_is_one_line(tmp_path, given, error, message):
    write(tmp_path / "a", a=b"1", d=b"4")
    write(tmp_path / "b", A=b"1", b=b"2")
    write(tmp_path / "empty")
    with pytest.raises(error, match=message) as caught:
        match(TWO, [tmp_path / name for name in given])
    assert "\n" not in str(caught.value)


def test_each_copy_is_identified_by_either_hash(tmp_path, capsys):
    folder = write(tmp_path / "in", a=b"1", b=b"2", c=b"3")
    record = shades(
        Archive(
            "a.bin", md5={hashlib.md5(b"1", usedforsecurity=False).hexdigest(): "MD5 of Kaggle"}
        ),
        Archive("b.bin", sha256={sha256(b"other"): "official"}),
        Archive("c.bin", sha256={sha256(b"3"): "official"}, optional=True),
    )
    copies = import_files(record, [folder])["archives"]
    assert [copy["copy"] for copy in copies] == ["MD5 of Kaggle", "unknown copy", "official"]
    assert copies[0]["sha256"] == sha256(b"1")
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert f"b.bin is no known copy of b.bin (SHA-256 {sha256(b'2')})" in warning


def test_what_is_prepared_is_not_prepared_again_and_not_replaced(tmp_path, capsys):
    folder = write(tmp_path / "in", a=b"1", b=b"2")
    first = import_files(TWO, [folder])
    assert import_files(TWO, [folder]) == first
    assert "is already prepared from" in capsys.readouterr().err
    write(folder, c=b"3")
    with pytest.raises(ZooError, match=r"prepared from other archives.*`zoo data remove shades`"):
        import_files(TWO, [folder])


def test_the_command_takes_several_paths_and_prints_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("zoo.plugins.find", lambda kind, name: TWO)
    write(tmp_path, a=b"1", b=b"23")
    paths = [str(tmp_path / name) for name in ("a.bin", "b.bin")]
    with pytest.raises(SystemExit) as caught:
        main(["data", "import", "shades", *paths, "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert caught.value.code == 0
    assert facts["contents"]["images"] == 3
    assert facts["path"] == str(version_of(TWO))


def with_archive(**archive):
    record = find("datasets", "bbbc/bbbc038")
    return replace(record, archives=(replace(record.archives[0], **archive),))


def test_an_alias_that_cannot_download_falls_back_and_says_why(monkeypatch, capsys):
    def without_network(kind, name):
        return with_archive(url="http://127.0.0.1:9/x") if "fluor" in name else find(kind, name)

    monkeypatch.setattr(alias, "find", without_network)
    name, reason = resolve("bbbc")
    assert name == "bbbc/simulated"
    assert "refused" in reason
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warnings) == 1


class Broken:
    """A dataset builder of somebody else's that fails in its own way."""

    VERSION, BUILDER_CONFIGS = "1.0.0", ()

    def __init__(self, **settings):
        raise KeyError("no such\nfeature")


def test_an_alias_survives_a_builder_that_fails_in_its_own_way(server, monkeypatch):
    server.files["a.zip"] = b"an archive"
    url, known = server.url("a.zip"), {sha256(b"an archive"): "test"}

    def broken(kind, name):
        if name == "bbbc/bbbc038-fluorescence":
            return replace(with_archive(url=url, sha256=known), target=f"{__name__}:Broken")
        return find(kind, name)

    monkeypatch.setattr(alias, "find", broken)
    name, reason = resolve("bbbc")
    assert name == "bbbc/simulated"
    assert "KeyError: 'no such\\nfeature'" in reason
