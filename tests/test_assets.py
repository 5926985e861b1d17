"""Bundles: what one machine exports, another imports, and nothing else gets in."""

import hashlib
import json
import stat
import zipfile

import h5py
import pytest
from zoo_cli.main import main

from zoo.data.assets import find_assets
from zoo.data.bundle import MANIFEST, export_bundle, import_bundle
from zoo.data.prepared import version_of
from zoo.errors import UsageError, ZooError
from zoo.metrics.weights import import_file, known_files
from zoo.plugins import find

PLACE = "datasets/bbbc/bbbc038/1.0.0"
FILES = {
    "zoo.json": json.dumps({"archives": [{"sha256": "ab"}], "contents": {"images": 3}}),
    "dataset_info.json": "{}",
    "features.json": '{"pythonClassName": "tensorflow_datasets.core.features.FeaturesDict"}',
    "bbbc-train.array_record-00000-of-00001": "images" * 1000,
}


@pytest.fixture
def other(tmp_path, monkeypatch):
    """Call it to be on another machine."""

    def move(name="other"):
        monkeypatch.setenv("ZOO_HOME", str(tmp_path / name / "home"))
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / name / "keras"))
        return tmp_path / name / "home"

    return move


@pytest.fixture
def home(other, tmp_path):
    """A machine with a prepared dataset and weights."""
    home = other("first")
    prepare(home / PLACE)
    weights = tmp_path / "mixed7.h5"
    with h5py.File(weights, "w") as file:
        for number in range(70):
            file.create_group(f"layers/conv2d_{number}")
    import_file(weights)
    return home


@pytest.fixture
def bundle(home, tmp_path):
    path = tmp_path / "bundle.zip"
    export_bundle(path)
    return path


def prepare(folder, files=FILES):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def kept(home):
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def zoo(capsys, *args):
    with pytest.raises(SystemExit) as caught:
        main(["assets", *map(str, args)])
    return caught.value.code, capsys.readouterr()


def test_another_machine_gets_the_same_files(home, bundle, other):
    there = other()
    states = {asset.name: state for asset, state in import_bundle(bundle)}
    assert states == {"bbbc/bbbc038": "imported", "inception-v3": "imported"}
    assert kept(there) == kept(home)
    assert version_of(find("datasets", "bbbc/bbbc038")) == there / PLACE
    assert [file.layer for file in known_files() if file.present] == ["mixed7"]


def test_a_bundle_names_no_path_of_the_machine_that_made_it(bundle, tmp_path):
    assert str(tmp_path).encode() not in bundle.read_bytes()


def test_what_is_here_already_stays_and_is_told(bundle, other, capsys):
    there = other()
    import_bundle(bundle)
    before = kept(there)
    status, output = zoo(capsys, "import", bundle)
    assert status == 0
    assert output.out.count("already here") == 2
    assert kept(there) == before


@pytest.mark.parametrize(
    ("place", "files", "reason"),
    [
        ("datasets/bbbc/bbbc038/0.9.0", FILES, "version 0.9.0 is here"),
        (PLACE, FILES | {"zoo.json": '{"archives": [{"sha256": "cd"}]}'}, "from other archives"),
    ],
)
def test_another_version_is_left_alone_and_the_rest_imported(
    bundle, other, capsys, place, files, reason
):
    there = other()
    prepare(there / place, files)
    before = kept(there)
    status, output = zoo(capsys, "import", bundle)
    assert status == 1
    assert reason in output.out
    assert output.err == "Error: bbbc/bbbc038 left out\n"
    assert {name: kept(there)[name] for name in before} == before
    assert set(kept(there)) - set(before) == {"weights/inception_v3_mixed7.weights.h5"}


def test_only_what_is_named_is_exported_and_a_filter_names_its_dataset(home, tmp_path, capsys):
    status, output = zoo(capsys, "export", tmp_path / "a.zip", "bbbc/bbbc038-histology", "--json")
    assert status == 0
    assert [asset["name"] for asset in json.loads(output.out)["assets"]] == ["bbbc/bbbc038"]
    with zipfile.ZipFile(tmp_path / "a.zip") as bundle:
        names = {f"{PLACE}/{name}" for name in FILES}
        assert set(bundle.namelist()) == {*names, MANIFEST}
        assert {entry.compress_type for entry in bundle.infolist()} == {zipfile.ZIP_STORED}


def test_the_newest_of_two_versions_is_exported(home, tmp_path):
    prepare(home / "datasets" / "bbbc" / "bbbc038" / "1.10.0")
    prepare(home / "datasets" / "bbbc" / "bbbc038" / "1.9.0")
    (asset,) = export_bundle(tmp_path / "a.zip", ["bbbc/bbbc038"])
    assert asset.version == "1.10.0"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("bbbc/bbbc039", ZooError, "bbbc/bbbc039 is not prepared: `zoo data"),
        ("bbbc/simulated", ZooError, "nothing to export"),
        ("bbbc/bbc038", UsageError, "did you mean bbbc/bbbc038"),
        ("inception-v4", UsageError, "did you mean inception-v3"),
    ],
)
def test_what_cannot_be_exported_is_told(home, tmp_path, name, error, message):
    with pytest.raises(error, match=message):
        export_bundle(tmp_path / "a.zip", [name])
    assert not (tmp_path / "a.zip").exists()


def test_a_machine_with_nothing_has_nothing_to_export(other, tmp_path):
    other()
    with pytest.raises(ZooError, match="nothing to export"):
        export_bundle(tmp_path / "a.zip")
    assert list(find_assets()) == []


def test_an_existing_file_is_not_replaced(bundle):
    before = bundle.read_bytes()
    with pytest.raises(UsageError, match="exists"):
        export_bundle(bundle)
    assert bundle.read_bytes() == before


def test_list_shows_name_size_and_place(home, capsys):
    status, output = zoo(capsys, "list", "--json")
    assert status == 0
    rows = json.loads(output.out)
    assert [row["name"] for row in rows] == ["bbbc/bbbc038", "inception-v3"]
    assert rows[0]["bytes"] == sum(map(len, FILES.values()))
    assert rows[0]["path"] == str(home / PLACE)


class Tampered:
    """The entries and the manifest of a bundle, to be changed and written again."""

    def __init__(self, path):
        self.path = path
        with zipfile.ZipFile(path) as bundle:
            self.contents = {name: bundle.read(name) for name in bundle.namelist()}
        self.manifest = json.loads(self.contents.pop(MANIFEST))
        self.files = self.manifest["assets"][0]["files"]
        self.mode, self.compression, self.more = 0, zipfile.ZIP_STORED, []

    def add(self, name, content=b"content"):
        """Add a file and state it truly."""
        self.contents[name] = content
        sha256 = hashlib.sha256(content).hexdigest()
        self.files[name] = {"bytes": len(content), "sha256": sha256}

    def write(self):
        with zipfile.ZipFile(self.path, "w", self.compression) as bundle:
            for name, content in [*self.contents.items(), *self.more]:
                entry = zipfile.ZipInfo(name)
                entry.external_attr, entry.compress_type = self.mode << 16, self.compression
                bundle.writestr(entry, content)
            bundle.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(self.manifest))


def move(bundle, place):
    """Put the dataset elsewhere, in the manifest too."""
    bundle.manifest["assets"][0]["place"] = place
    for name in [name for name in bundle.contents if name.startswith(PLACE)]:
        content = bundle.contents.pop(name)
        del bundle.files[name]
        bundle.add(name.replace(PLACE, place), content)


def add_version(bundle):
    second = json.loads(json.dumps(bundle.manifest["assets"][0]).replace("1.0.0", "2.0.0"))
    bundle.manifest["assets"].append(second)
    for name in list(bundle.contents):
        bundle.contents[name.replace("1.0.0", "2.0.0")] = bundle.contents[name]


IMAGES = f"{PLACE}/bbbc-train.array_record-00000-of-00001"
FOREIGN = b'{"features": [{"pythonClassName": "evil.module.Feature"}]}'
TAMPERINGS = {
    "a path that climbs": (lambda b: b.add(f"{PLACE}/../../../evil"), "no name that zoo gives"),
    "an absolute path": (lambda b: b.add("/tmp/evil"), "no name that zoo gives"),
    "a Windows path": (lambda b: b.add(f"{PLACE}/..\\evil"), "no name that zoo gives"),
    "a hidden file": (lambda b: b.add(f"{PLACE}/.bashrc"), "no name that zoo gives"),
    "a file of another dataset": (lambda b: b.add("datasets/b/1.0.0/x"), "no place of a dataset"),
    "another folder of zoo": (lambda b: move(b, "crops/bbbc/1.0.0"), "no place of a dataset"),
    "no version": (lambda b: move(b, "datasets/bbbc/bbbc038"), "no place of a dataset"),
    "two versions": (add_version, "two versions"),
    "links": (lambda b: setattr(b, "mode", stat.S_IFLNK | 0o777), "a link, a device"),
    "devices": (lambda b: setattr(b, "mode", stat.S_IFCHR | 0o666), "a link, a device"),
    "compression": (lambda b: setattr(b, "compression", zipfile.ZIP_DEFLATED), "or compressed"),
    "another content": (
        lambda b: b.contents.update({IMAGES: b"imaged" * 1000}),
        "is damaged: its SHA-256 is",
    ),
    "another size": (lambda b: b.contents.update({IMAGES: b"images"}), "does not hold what"),
    "a file too many": (lambda b: b.contents.update({f"{PLACE}/x": b""}), "does not hold what"),
    "a file too few": (lambda b: b.contents.pop(IMAGES), "does not hold what"),
    "a file twice": (lambda b: b.more.append((IMAGES, b"images" * 1000)), "does not hold what"),
    "a size that no disk has": (
        lambda b: b.files[IMAGES].update(bytes=10**18),
        "does not hold what",
    ),
    "a feature of somebody's module": (
        lambda b: b.add(f"{PLACE}/features.json", FOREIGN),
        r"features of evil\.module\.Feature",
    ),
    "another format": (lambda b: b.manifest.update(format=2), "has the format 2"),
    "no list of assets": (lambda b: b.manifest.pop("assets"), "damaged, or no bundle"),
    "a manifest that is a list": (lambda b: setattr(b, "manifest", []), "damaged, or no bundle"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_tampered_bundle_is_refused_and_leaves_nothing(bundle, other, what):
    change, message = TAMPERINGS[what]
    tampered = Tampered(bundle)
    change(tampered)
    tampered.write()
    there = other()
    with pytest.raises(ZooError, match=message):
        import_bundle(bundle)
    assert kept(there) == {}
    assert not list(there.rglob("*incomplete*"))


def test_entries_that_share_their_bytes_are_refused(bundle, other):
    """A zip whose directory lists one stored file many times unpacks to more than it holds."""
    with zipfile.ZipFile(bundle, "a") as archive:
        first = archive.getinfo(IMAGES)
        manifest = json.loads(archive.read(MANIFEST))
        files = manifest["assets"][0]["files"]
        for number in range(100):
            again = zipfile.ZipInfo(f"{PLACE}/copy{number}")
            for field in ("header_offset", "CRC", "compress_size", "file_size"):
                setattr(again, field, getattr(first, field))
            archive.filelist.append(again)
            files[again.filename] = files[IMAGES]
        archive.filelist.remove(archive.NameToInfo.pop(MANIFEST))
        archive.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(manifest))
    there = other()
    with pytest.raises(ZooError, match="does not hold what its manifest says"):
        import_bundle(bundle)
    assert kept(there) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no zip archive"), (b"text", "no zip archive"), (None, "it has no manifest")],
)
def test_a_file_that_is_no_bundle_is_refused(tmp_path, other, content, message):
    other()
    path = tmp_path / "other.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("photo.png", b"")
    else:
        path.write_bytes(content)
    with pytest.raises(ZooError, match=message):
        import_bundle(path)


def test_a_truncated_bundle_is_refused(bundle, other):
    there = other()
    bundle.write_bytes(bundle.read_bytes()[:-400])
    with pytest.raises(ZooError, match="no zip archive, or is truncated"):
        import_bundle(bundle)
    assert kept(there) == {}


def test_weights_that_are_none_are_refused_and_the_dataset_with_them(bundle, other):
    tampered = Tampered(bundle)
    tampered.files = tampered.manifest["assets"][1]["files"]
    tampered.add("weights/inception_v3_mixed7.weights.h5")
    tampered.write()
    there = other()
    with pytest.raises(ZooError, match="no HDF5 weights file"):
        import_bundle(bundle)
    assert kept(there) == {}
