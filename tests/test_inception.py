"""InceptionV3's weights are found, checked and refused in one line; its features are stable."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from zoo.errors import NotComputed, UsageError, ZooError
from zoo.metrics import weights
from zoo.metrics.weights import deepest_layer, find_layer, find_weights, import_file

DATA = Path(os.environ.get("ZOO_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
MIXED8 = DATA.parent / "weights" / "inception_v3_imagenet_to_mixed8.weights.h5"
needs_weights = pytest.mark.skipif(not MIXED8.is_file(), reason=f"no weights at {MIXED8}")


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "zoo"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


def keras3_file(path: Path, convolutions: int) -> Path:
    """A file laid out as Keras 3 does, without the weights themselves."""
    with h5py.File(path, "w") as file:
        for i in range(convolutions):
            file.create_group(f"layers/conv2d_{i}" if i else "layers/conv2d")
        file.create_group("layers/batch_normalization")
    return path


def keras2_file(path: Path, convolutions: int, *others: str) -> Path:
    """A file laid out as Keras 2 does, without the weights themselves."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [
            name.encode() for name in [*(f"conv2d_{i}" for i in range(convolutions)), *others]
        ]
    return path


def test_without_any_file_the_reason_names_the_command_and_the_option() -> None:
    with pytest.raises(NotComputed, match="`zoo weights fetch inception-v3`") as reason:
        find_weights(None, "avg_pool")
    assert "--inception-weights PATH" in str(reason.value)


def test_an_unknown_layer_is_refused_with_the_choices_and_the_closest() -> None:
    assert find_layer(None) == "avg_pool"
    with pytest.raises(UsageError, match=r"'mixed_8'.*avg_pool.*did you mean mixed8"):
        find_layer("mixed_8")


@pytest.mark.parametrize(
    ("convolutions", "layer"), [(94, "avg_pool"), (76, "mixed8"), (70, "mixed7")]
)
def test_how_far_a_file_reaches_is_read_from_it(
    convolutions: int, layer: str, tmp_path: Path
) -> None:
    assert deepest_layer(keras3_file(tmp_path / "new.weights.h5", convolutions)) == layer
    assert deepest_layer(keras2_file(tmp_path / "old.h5", convolutions)) == layer


def test_a_file_that_ends_before_the_layer_is_refused_with_the_layer_that_fits(
    tmp_path: Path,
) -> None:
    path = keras3_file(tmp_path / "short.weights.h5", 76)
    with pytest.raises(UsageError, match="add --inception-layer mixed8"):
        find_weights(path, "avg_pool")
    assert find_weights(path, "mixed7") == path


def test_missing_damaged_and_foreign_files_are_refused_in_one_line(tmp_path: Path) -> None:
    whole = keras3_file(tmp_path / "whole.h5", 94)
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(whole.read_bytes()[:5000])
    text = tmp_path / "text.h5"
    text.write_text("not weights")
    other = keras3_file(tmp_path / "other.h5", 53)
    top = keras2_file(tmp_path / "top.h5", 94, "predictions")
    for path, message in (
        (tmp_path / "none.h5", "no such file"),
        (truncated, "damaged or no HDF5"),
        (text, "damaged or no HDF5"),
        (other, "no InceptionV3 weights: 53 convolutions"),
        (top, "includes the classifier"),
    ):
        with pytest.raises(ZooError, match=message) as refusal:
            find_weights(path, "avg_pool")
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_weights_are_kept_only_if_they_are_the_published_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from zoo.metrics import fetching

    def download(url: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"weights")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(fetching, "download", download)
    with pytest.raises(ZooError, match=r"has the MD5 .*, not bcbd6486.*`zoo weights import"):
        fetching.fetch_inception()
    assert list((tmp_path / "models").iterdir()) == []
    monkeypatch.setattr(fetching, "OFFICIAL_MD5", hashlib.md5(b"weights").hexdigest())
    path = fetching.fetch_inception()
    assert path.read_bytes() == b"weights"
    monkeypatch.setattr(fetching, "download", None)
    assert fetching.fetch_inception() == path


def test_an_imported_file_is_found_by_layer(tmp_path: Path) -> None:
    place = import_file(keras3_file(tmp_path / "mine.weights.h5", 76))
    assert place.path.is_relative_to(tmp_path / "zoo")
    assert find_weights(None, "mixed8") == find_weights(None, "mixed7") == place.path
    with pytest.raises(NotComputed, match="--inception-layer mixed8 uses the imported file"):
        find_weights(None, "avg_pool")


def test_only_the_published_file_is_copied_to_keras_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = keras2_file(tmp_path / "notop.h5", 94)
    with pytest.raises(ZooError, match="not the file that Keras publishes"):
        import_file(path)
    monkeypatch.setattr(weights, "OFFICIAL_MD5", weights.file_hash(path, "md5"))
    place = import_file(path)
    assert place.path == tmp_path / "keras" / "models" / weights.OFFICIAL_NAME
    assert find_weights(None, "avg_pool") == place.path


def test_weights_commands_list_and_import(tmp_path: Path) -> None:
    from zoo_cli.commands.weights import command

    path = keras3_file(tmp_path / "mine.weights.h5", 76)
    imported = CliRunner().invoke(command, ["import", "inception-v3", str(path)])
    assert imported.exit_code == 0, imported.output
    rows = json.loads(CliRunner().invoke(command, ["list", "--json"]).stdout)
    assert {row["name"] for row in rows} == {"inception-v3", "inception-2015"}
    assert [row["layer"] for row in rows if row["present"]] == ["mixed8"]
    assert "inception-v3    mixed8    present  " in CliRunner().invoke(command, ["list"]).stdout


def test_an_unknown_network_is_refused_with_the_choices() -> None:
    from zoo_cli.commands.weights import command

    refused = CliRunner().invoke(command, ["fetch", "inception"])
    assert isinstance(refused.exception, UsageError)
    assert "inception-v3" in str(refused.exception)


def test_an_unreachable_server_is_one_line_with_the_alternative(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zoo.metrics import fetching

    monkeypatch.setattr(fetching, "OFFICIAL_URL", "http://127.0.0.1:9/weights.h5")
    with pytest.raises(ZooError, match="`zoo weights import inception-v3 FILE`") as refusal:
        fetching.fetch_inception()
    assert "\n" not in str(refusal.value)


@needs_weights
def test_the_card_names_weights_layer_and_resize(network) -> None:
    assert network.facts["weights_sha256"].startswith("b64dfd1a")
    assert network.facts["layer"] == network.suffix == "mixed8"
    assert "bicubic, antialiased" in network.facts["resize"]
    assert network.dimension == 1280


@needs_weights
def test_features_are_independent_of_order_batch_size_and_of_grey_as_rgb(network) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 40, 32, 1), np.uint8)
    features = network(images)
    order = np.array([4, 0, 2, 1, 3])
    assert features.shape == (5, 1280)
    assert features.dtype == np.float32
    network.batch_size = 3
    assert network(images[order]) == pytest.approx(features[order], abs=1e-6)
    assert network(np.repeat(images, 3, 3)) == pytest.approx(features, abs=1e-6)


@pytest.mark.slow
@needs_weights
def test_a_global_mixed_policy_does_not_reach_the_network(network) -> None:
    import keras

    from zoo.metrics.inception import InceptionExtractor

    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = InceptionExtractor(MIXED8, "mixed8", batch_size=1)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert mixed(image) == pytest.approx(network(image), abs=1e-6)


@needs_weights
@pytest.mark.parametrize("shape", [(2, 32, 32, 2), (2, 32, 32)])
def test_images_that_the_network_does_not_take_are_refused(network, shape) -> None:
    with pytest.raises(ZooError, match="InceptionV3 takes uint8 images"):
        network(np.zeros(shape, np.uint8))


@pytest.mark.slow
@needs_weights
def test_weights_of_the_right_size_but_wrong_shapes_are_refused_in_one_line(tmp_path: Path) -> None:
    from zoo.metrics.inception import InceptionExtractor

    path = tmp_path / "altered.weights.h5"
    shutil.copyfile(MIXED8, path)
    path.chmod(0o644)
    with h5py.File(path, "r+") as file:
        del file["layers/conv2d_9/vars/0"]
        file["layers/conv2d_9/vars/0"] = np.zeros((1, 1, 2, 2), np.float32)
    with pytest.raises(ZooError, match="does not fit InceptionV3 up to mixed8") as refusal:
        InceptionExtractor(path, "mixed8")
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
def test_a_keras_2_file_gives_the_features_of_the_network_it_was_saved_from(tmp_path: Path) -> None:
    import keras
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    from zoo.metrics.inception import InceptionExtractor

    keras.utils.set_random_seed(0)
    original = keras.applications.InceptionV3(
        include_top=False, weights=None, input_shape=(299, 299, 3), pooling="avg"
    )
    path = tmp_path / "notop.h5"
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, original)
    image = np.random.default_rng(0).integers(0, 256, (1, 299, 299, 3), np.uint8)
    expected = original(image / np.float32(127.5) - 1, training=False)
    extractor = InceptionExtractor(path, batch_size=1)
    assert extractor.suffix == "keras"
    assert extractor(image) == pytest.approx(np.asarray(expected), abs=1e-5)


@pytest.fixture(scope="module")
def network():
    from zoo.metrics.inception import InceptionExtractor

    return InceptionExtractor(MIXED8, "mixed8", batch_size=4)
