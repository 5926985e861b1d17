"""`tfds:NAME`: what TFDS has prepared, read whatever its features are called."""

import io
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from zoo_datasets.tfds_images.images import TfdsImages

from zoo.data import load
from zoo.data.tfds import prepare_named
from zoo.data.tfds_folders import find_prepared
from zoo.errors import UsageError, ZooError
from zoo.testing import check_dataset

F = tfds.features
RGB = F.Image(shape=(None, None, 3))
CELL = F.ClassLabel(names=["healthy", "ill"])


def noise(number, shape=(12, 10, 3), dtype=np.uint8):
    return np.random.default_rng(number).integers(0, np.iinfo(dtype).max, shape, dtype)


def prepare(place, name, features, splits, *, file_format="array_record", **options):
    """Let TFDS prepare a made dataset: split name to list of examples."""

    class Made(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version(options.get("version", "1.0.0"))

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=F.FeaturesDict(features),
                supervised_keys=options.get("supervised"),
                homepage="https://cells.example",
                citation="Somebody, 2020.",
                license=options.get("license", "CC0-1.0"),
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in splits}

        def _generate_examples(self, split):
            yield from ((f"{split}{i}", example) for i, example in enumerate(splits[split]))

    Made.name = name
    config = options.get("config")
    builder = Made(
        data_dir=place,
        file_format=file_format,
        config=tfds.core.BuilderConfig(name=config) if config else None,
    )
    builder.download_and_prepare()
    return builder.data_path


def cells(count, start=0):
    return [
        {"image": noise(i), "label": i % 2, "patient_id": f"P{i // 3}", "age": i}
        for i in range(start, start + count)
    ]


CELLS = {"image": RGB, "label": CELL, "patient_id": F.Text(), "age": np.int64}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder of TFDS with the same dataset in both file formats."""
    place = tmp_path_factory.mktemp("tensorflow_datasets")
    splits = {"train": cells(60), "test": cells(12, start=60)}
    for file_format in ("array_record", "tfrecord"):
        name = f"cells_{file_format.replace('_', '')}"
        prepare(place, name, CELLS, splits, file_format=file_format)
    return place


@pytest.fixture(autouse=True)
def place(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    return tmp_path / "home" / "tfds"


@pytest.mark.parametrize("stored", ["arrayrecord", "tfrecord"])
def test_pixels_labels_splits_and_patients_are_those_that_tfds_stored(stored):
    examples = check_dataset(TfdsImages(f"cells_{stored}"))
    assert len(examples) == 72
    for example in examples:
        number = example["age"]
        assert np.array_equal(example["image"], noise(number))
        assert example["label"] == ("healthy", "ill")[number % 2]
        assert example["group"] == f"P{number // 3}"
        assert example["split"] == ("train" if number < 60 else "test")


def test_both_file_formats_give_the_same_ids():
    one, other = (
        {example["id"]: example["age"] for example in TfdsImages(f"cells_{stored}")}
        for stored in ("arrayrecord", "tfrecord")
    )
    assert one == other


def test_a_patient_is_in_one_part_and_the_licence_is_the_datasets():
    images = load("tfds:cells_arrayrecord", image_size=8)
    assert images.shape == (72, 8, 8, 3)
    assert images.class_names == ("healthy", "ill")
    for patient in set(images.groups):
        assert len(set(images.parts[images.groups == patient])) == 1
    facts = images.provenance
    assert facts["licence"] == "CC0-1.0"
    assert facts["homepage"] == "https://cells.example"
    assert facts["citation"] == "Somebody, 2020."
    assert facts["grouped_by"] == "`patient_id`"
    assert facts["official_splits"] == {"train": 60, "test": 12}


def test_array_record_is_read_without_tensorflow(tmp_path):
    code = (
        "import sys; from zoo_datasets.tfds_images.images import TfdsImages;"
        "assert len(list(TfdsImages('cells_arrayrecord'))) == 72;"
        "assert 'tensorflow' not in sys.modules, 'TensorFlow was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_what_is_not_prepared_names_the_command_and_uses_no_network():
    with pytest.raises(ZooError, match="`zoo data fetch tfds:malaria` downloads") as error:
        load("tfds:malaria")
    assert error.value.exit_status == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("malria", r"TFDS has no dataset 'malria'; did you mean tfds:malaria\?"),
        ("malaria/small", "tfds:malaria has no configs"),
        ("cifar10_1/v9", "no config of tfds:cifar10_1 'v9'; choose from v4, v6"),
        ("../etc", "is no name of TFDS"),
        ("", "needs a name"),
    ],
)
def test_a_name_that_tfds_does_not_have_is_a_wrong_use(name, message):
    with pytest.raises(UsageError, match=message):
        TfdsImages(name)


def test_the_newest_version_is_taken_unless_one_is_named(place):
    for version in ("1.9.0", "1.10.0"):
        prepare(place, "two", CELLS, {"train": cells(3)}, version=version)
    assert find_prepared("two").name == "1.10.0"
    assert find_prepared("two:1.9.0").name == "1.9.0"
    assert find_prepared("two:3.0.0") is None


def test_of_several_prepared_configs_one_must_be_named(place):
    for config in ("small", "large"):
        prepare(place, "sized", CELLS, {"train": cells(3)}, config=config)
    with pytest.raises(UsageError, match="2 configs; name one: tfds:sized/large, tfds:sized/small"):
        TfdsImages("sized")
    assert len(list(TfdsImages("sized/small"))) == 3


def test_without_a_group_each_image_is_its_own_and_this_is_said(place):
    examples = [{"image": noise(i)} for i in range(80)]
    prepare(place, "plain", {"image": RGB}, {"train": examples}, license=None)
    images = load("tfds:plain")
    assert len(set(images.groups)) == 80
    assert images.class_names == ()
    assert images.provenance["grouped_by"].startswith("image: no feature names a patient")
    assert images.provenance["licence"] == "not stated by TFDS"


def test_tiles_of_colorectal_histology_are_grouped_by_slide(place):
    names = [f"1{i}F_CRC-Prim-HE-{i % 2 + 1:02d}_021.tif_Row_1_Col_{i}.tif" for i in range(6)]
    examples = [{"image": noise(i), "label": 0, "filename": n} for i, n in enumerate(names)]
    features = {"image": RGB, "label": CELL, "filename": F.Text()}
    prepare(place, "colorectal_histology", features, {"train": examples})
    groups = {example["group"] for example in TfdsImages("colorectal_histology")}
    assert groups == {"CRC-Prim-HE-01", "CRC-Prim-HE-02"}


def test_sixteen_bit_arrays_are_read_as_they_are(place):
    features = {"scan": F.Tensor(shape=(9, 7, 2), dtype=np.uint16, encoding="zlib")}
    scan = noise(1, (9, 7, 2), np.uint16)
    prepare(place, "deep", features, {"train": [{"scan": scan}]})
    (example,) = check_dataset(TfdsImages("deep"))
    assert example["image"].dtype == np.uint16
    assert np.array_equal(example["image"], scan)


def test_hidden_labels_of_a_test_split_are_no_class(place):
    prepare(
        place, "hidden", {"image": RGB, "label": CELL}, {"test": [{"image": noise(0), "label": -1}]}
    )
    assert [example["label"] for example in TfdsImages("hidden")] == ["unlabelled"]


def test_a_feature_that_shadows_a_field_of_zoo_is_kept_under_another_name(place):
    features = {"id": F.Text(), "image": RGB, "kind": CELL}
    prepare(place, "shadow", features, {"train": [{"id": "x7", "image": noise(0), "kind": 1}]})
    (example,) = TfdsImages("shadow")
    assert example["id"] == "train/000000"
    assert example["tfds_id"] == "x7"
    assert example["label"] == example["kind"] == "ill"


def test_an_image_that_does_not_decode_is_set_aside(place):
    broken = {"image": io.BytesIO(b"no image"), "label": 0}
    features = {"image": RGB, "label": CELL}
    prepare(place, "broken", features, {"train": [broken, {"image": noise(1), "label": 1}]})
    reasons = [example.get("rejected") for example in check_dataset(TfdsImages("broken"))]
    assert sorted(reasons, key=str) == [None, "no image that can be read"]


def test_of_two_images_one_must_be_chosen(place):
    features = {"left": RGB, "right": RGB}
    prepare(place, "pair", features, {"train": [{"left": noise(0), "right": noise(1)}]})
    with pytest.raises(
        UsageError, match="2 images in each example, left, right; choose with --data-options image="
    ):
        TfdsImages("pair")
    with pytest.raises(UsageError, match="'lft'; choose from left, right; did you mean left"):
        TfdsImages("pair", image="lft")
    (example,) = TfdsImages("pair", image="right")
    assert np.array_equal(example["image"], noise(1))


def test_boxes_alone_are_refused_unless_whole_images_are_asked_for(place):
    features = {"image": RGB, "objects": F.Sequence({"bbox": F.BBoxFeature(), "label": CELL})}
    prepare(place, "boxed", features, {"train": [{"image": noise(0), "objects": []}]})
    with pytest.raises(
        UsageError, match="labels boxes inside its images, not images; --data-options image=image"
    ):
        TfdsImages("boxed")
    assert len(list(TfdsImages("boxed", image="image"))) == 1


@pytest.mark.parametrize(
    ("features", "example", "told"),
    [
        ({"text": F.Text()}, {"text": "words"}, "text is Text"),
        (
            {"film": F.Video(shape=(None, 8, 8, 3))},
            {"film": [noise(0, (8, 8, 3))]},
            "film is Video",
        ),
        (
            {"mask": F.LabeledImage(labels=2, shape=(4, 4, 1))},
            {"mask": np.zeros((4, 4, 1), np.uint8)},
            "mask is",
        ),
    ],
)
def test_what_holds_no_images_is_refused_in_one_line(place, features, example, told):
    prepare(place, "other", features, {"train": [example]})
    with pytest.raises(UsageError, match=f"tfds:other holds no images that are read: {told}"):
        TfdsImages("other")


def test_a_damaged_folder_is_one_line(place):
    folder = prepare(place, "cut", CELLS, {"train": cells(3)})
    (folder / "features.json").write_text("{")
    with pytest.raises(ZooError, match="cannot be read"):
        TfdsImages("cut")


@pytest.mark.parametrize("stored", ["array_record", "tfrecord"])
@pytest.mark.parametrize("part", [0, 0.4])
def test_a_shard_that_is_cut_off_is_one_line(place, stored, part):
    folder = prepare(place, "torn", CELLS, {"train": cells(9)}, file_format=stored)
    (shard,) = folder.glob(f"*{stored}*")
    content = shard.read_bytes()
    shard.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ZooError, match=r"torn/1\.0\.0, train: .*; prepare it again") as error:
        list(TfdsImages("torn"))
    assert "\n" not in str(error.value)


def test_changed_files_change_the_key(place):
    folder = prepare(place, "changing", CELLS, {"train": cells(3)})
    before = TfdsImages("changing").content_key
    (shard,) = folder.glob("*array_record*")
    shard.write_bytes(shard.read_bytes() + b"more")
    assert TfdsImages("changing").content_key != before


class ZooMadeForTests(tfds.core.GeneratorBasedBuilder):
    """Registered with TFDS, as its own datasets are."""

    VERSION = tfds.core.Version("1.0.0")
    urls = ()

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=F.FeaturesDict(CELLS))

    @property
    def url_infos(self):
        info = tfds.core.download.checksums.UrlInfo(size=5, checksum="ab", filename="cells.zip")
        return dict.fromkeys(self.urls, info)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(60)}

    def _generate_examples(self, count):
        yield from enumerate(cells(count))


def test_preparing_by_name_writes_into_the_home_and_is_done_once(place, capsys, monkeypatch):
    folder = prepare_named("zoo_made_for_tests")
    assert folder == place / "zoo_made_for_tests" / "1.0.0"
    assert len(load("tfds:zoo_made_for_tests")) == 60
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(ZooMadeForTests, "_generate_examples", None)
    assert prepare_named("zoo_made_for_tests") == folder


def test_a_host_that_cannot_be_reached_is_told_before_tfds_waits_for_it(monkeypatch, place):
    monkeypatch.setattr(ZooMadeForTests, "urls", ("http://127.0.0.1:9/cells.zip",))
    with pytest.raises(ZooError, match=r"http://127\.0\.0\.1:9/cells\.zip: .*refused"):
        prepare_named("zoo_made_for_tests")
    assert not list(place.rglob("dataset_info.json"))


def test_what_a_dataset_raises_is_one_line_and_leaves_nothing(monkeypatch, place):
    def fail(self, count):
        raise RuntimeError("two\nlines")
        yield

    monkeypatch.setattr(ZooMadeForTests, "_generate_examples", fail)
    with pytest.raises(ZooError, match=r"zoo_made_for_tests cannot be prepared: .*two lines"):
        prepare_named("zoo_made_for_tests")
    assert not [path for path in place.rglob("*") if path.is_file() and path.suffix != ".lock"]
