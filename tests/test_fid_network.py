"""The published FID's network: its shape, its resize, and what each mistake in it would cost."""

import numpy as np
import pytest
from fid_variants import WRONG, averaging, variant
from PIL import Image

from zoo.errors import UsageError, ZooError

# Convolutions of each kind of block in the order in which Keras' InceptionV3 makes them.
SQUARES = ("1x1", "5x5_1", "5x5_2", "3x3dbl_1", "3x3dbl_2", "3x3dbl_3", "_pool")
STRIPS = (
    *("1x1", "7x7_1", "7x7_2", "7x7_3"),
    *(f"7x7dbl_{step}" for step in range(1, 6)),
    "_pool",
)
HALVES = ("3x3_1", "3x3_2", "7x7x3_1", "7x7x3_2", "7x7x3_3", "7x7x3_4")
FANS = (
    *("1x1", "3x3_1", "3x3_2a", "3x3_2b"),
    *("3x3dbl_1", "3x3dbl_2", "3x3dbl_3a", "3x3dbl_3b"),
    "_pool",
)
BLOCKS = {
    **dict.fromkeys(("5b", "5c", "5d"), SQUARES),
    "6a": ("3x3", "3x3dbl_1", "3x3dbl_2", "3x3dbl_3"),
    **dict.fromkeys(("6b", "6c", "6d", "6e"), STRIPS),
    "7a": HALVES,
    **dict.fromkeys(("7b", "7c"), FANS),
}
PARITY = 1e-4  # relative L2 within which the network must agree with torch-fidelity's
STEM = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")
NAMES = [
    *(f"Conv2d_{name}" for name in STEM),
    *(f"Mixed_{block}_branch{name}" for block, names in BLOCKS.items() for name in names),
]


@pytest.fixture(scope="module")
def network():
    from zoo.metrics.fid_network import build

    return build()


@pytest.fixture(scope="module")
def arrays(network) -> dict[str, np.ndarray]:
    """Random weights under which activations keep their size."""
    rng = np.random.default_rng(0)
    found = {"logits/kernel": rng.normal(0, 0.02, (2048, 1008))}
    for name in NAMES:
        shape = tuple(network.get_layer(name).kernel.shape)
        found[f"{name}/kernel"] = rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape)
        found[f"{name}/beta"] = rng.normal(0, 0.2, shape[3])
        found[f"{name}/mean"] = rng.normal(0, 0.2, shape[3])
        found[f"{name}/variance"] = rng.uniform(0.05, 1.5, shape[3])
        deviation = np.sqrt(found[f"{name}/variance"])
        found[f"{name}/gamma"] = rng.uniform(0.5, 1.5, shape[3]) * deviation
    return {name: array.astype(np.float32) for name, array in found.items()}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Two smooth colour images (2, 48, 64, 3), so that shifts and channels matter."""
    noise = np.random.default_rng(1).integers(0, 256, (2, 6, 8, 3), np.uint8)
    enlarged = [np.asarray(Image.fromarray(x).resize((64, 48), Image.BICUBIC)) for x in noise]
    return np.stack(enlarged)


@pytest.fixture(scope="module")
def features(arrays, images) -> np.ndarray:
    return variant(arrays, batch_size=2)(images)


def test_it_has_94_convolutions_and_the_published_number_of_weights(network) -> None:
    # Of the 21,785,568 of convolutions, gammas and betas, the gammas are folded away.
    assert network.count_params() == 21_785_568 - 17_216
    assert network.output_shape == (None, 2048)
    assert len(NAMES) == 94
    shapes = {n: tuple(network.get_layer(f"Mixed_{n}").output.shape[1:]) for n in BLOCKS}
    assert shapes["5d"] == (35, 35, 288)
    assert shapes["6e"] == (17, 17, 768)
    assert shapes["7c"] == (8, 8, 2048)


def test_with_an_average_at_its_end_it_is_keras_own_network(arrays, images) -> None:
    import keras

    without = {k: np.ones_like(v) if k.endswith("gamma") else v for k, v in arrays.items()}
    stock = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
    for kind, parts in (("conv2d", ["kernel"]), ("batch_norm", ["beta", "mean", "variance"])):
        layers = [layer for layer in stock.layers if layer.name.startswith(kind)]
        for layer, name in zip(sorted(layers, key=_creation), NAMES, strict=True):
            layer.set_weights([without[f"{name}/{part}"] for part in parts])
    mine = variant(without, pool=averaging, batch_size=2)
    shown = mine._scale(mine._resize.apply(images.astype(np.float32)))
    expected = np.asarray(stock(shown, training=False))
    assert _relative(mine(images), expected) < 1e-5


def _creation(layer) -> int:
    """`conv2d` was made first, then `conv2d_1`; `layers` sorts by depth."""
    number = layer.name.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if i < 3 else [pytest.mark.slow]) for i, n in enumerate(WRONG)],
)
def test_each_mistake_changes_the_features(name: str, arrays, images, features) -> None:
    assert _relative(WRONG[name](arrays, batch_size=2)(images), features) > PARITY


def test_weights_that_are_not_its_own_are_refused(network, arrays) -> None:
    from zoo.metrics.fid_network import set_weights

    missing = {k: v for k, v in arrays.items() if k != "Mixed_7c_branch_pool/beta"}
    with pytest.raises(ZooError, match="Mixed_7c_branch_pool/beta is missing"):
        set_weights(network, missing)
    with pytest.raises(ZooError, match="aux/kernel is not one of its arrays"):
        set_weights(network, {**arrays, "aux/kernel": np.ones(3, np.float32)})
    turned = {**arrays, "Conv2d_1a_3x3/kernel": arrays["Conv2d_1a_3x3/kernel"].T}
    with pytest.raises(ZooError, match=r"Conv2d_1a_3x3 has shape \(32, 3, 3, 3\)"):
        set_weights(network, turned)


def test_only_published_weights_with_the_legacy_resize_are_called_fid(
    arrays, images, features, monkeypatch, tmp_path
) -> None:
    from zoo.metrics import published_weights
    from zoo.metrics.published import PublishedInception

    path = tmp_path / "random.weights.h5"
    published_weights.write(arrays, path, source="1" * 64)
    found = PublishedInception(path, batch_size=2)
    assert found.suffix == "unpublished"
    assert np.array_equal(found(images), features)
    assert found.logits(images) == pytest.approx(features @ arrays["logits/kernel"], abs=1e-5)
    clean = PublishedInception(path, resize="clean", batch_size=2)
    assert clean.suffix == "unpublished_clean"
    assert clean.facts["resize"] != found.facts["resize"]
    assert {**clean.facts, "resize": ""} == {**found.facts, "resize": ""}
    assert _relative(clean(images), features) > PARITY
    monkeypatch.setitem(published_weights.SOURCES, "1" * 64, "made for this test")
    assert PublishedInception(path).suffix == ""
    assert PublishedInception(path, resize="clean").suffix == "clean"
    with pytest.raises(UsageError, match="has pool_3 only"):
        PublishedInception(path, "mixed8")
    with pytest.raises(UsageError, match="did you mean clean"):
        PublishedInception(path, resize="cleen")


def test_a_frozen_graph_is_converted_without_running_it(arrays, monkeypatch, tmp_path) -> None:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

    from zoo.metrics import published_weights

    graph = GraphDef()
    graph.node.add(name="DecodeJpeg", op="NoSuchOperation")
    for node, name in _graph_names().items():
        added = graph.node.add(name=node, op="Const")
        added.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(arrays[name]))
    path = tmp_path / "classify_image_graph_def.pb"
    path.write_bytes(graph.SerializeToString())
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(published_weights.SOURCES, published_weights.file_hash(path), "a graph")
    place = published_weights.convert(path)
    held = published_weights.read(place.path)
    assert place.path.is_relative_to(tmp_path / "home")
    assert held.published
    assert set(held.arrays) == set(arrays)
    assert all(np.array_equal(held.arrays[name], array) for name, array in arrays.items())
    path.write_text("not a graph")
    with pytest.raises(ZooError, match="no TensorFlow graph and no PyTorch state dict"):
        published_weights.convert(path, tmp_path / "out.weights.h5")


def _graph_names() -> dict[str, str]:
    """Constants of TensorFlow's graph to our names, written out from its towers."""
    towers = {
        SQUARES: ("", "/tower", "/tower", *["/tower_1"] * 3, "/tower_2"),
        STRIPS: ("", *["/tower"] * 3, *["/tower_1"] * 5, "/tower_2"),
        HALVES: ("/tower",) * 2 + ("/tower_1",) * 4,
        BLOCKS["6a"]: ("", "/tower", "/tower", "/tower"),
        FANS: (
            *("", "/tower", "/tower/mixed", "/tower/mixed"),
            *("/tower_1", "/tower_1", "/tower_1/mixed", "/tower_1/mixed", "/tower_2"),
        ),
    }
    scopes = [f"conv_{i}" if i else "conv" for i in range(5)]
    for number, names in enumerate(BLOCKS.values()):
        block = f"mixed_{number}" if number else "mixed"
        seen: dict[str, int] = {}
        for tower in towers[names]:
            step = seen.get(tower, 0)
            seen[tower] = step + 1
            scopes.append(f"{block}{tower}/conv_{step}" if step else f"{block}{tower}/conv")
    parts = {
        "conv2d_params": "kernel",
        "batchnorm/gamma": "gamma",
        "batchnorm/beta": "beta",
        "batchnorm/moving_mean": "mean",
        "batchnorm/moving_variance": "variance",
    }
    return {
        "softmax/weights": "logits/kernel",
        **{
            f"{scope}/{theirs}": f"{name}/{ours}"
            for scope, name in zip(scopes, NAMES, strict=True)
            for theirs, ours in parts.items()
        },
    }


@pytest.mark.parametrize("shape", [(32, 32), (299, 299), (64, 50), (512, 340)])
def test_the_legacy_resize_is_bit_exact_with_its_formula(shape) -> None:
    from zoo.metrics.resizing import SIDE, legacy

    images = np.random.default_rng(0).integers(0, 256, (2, *shape, 3)).astype(np.float32)
    (low_y, high_y, y), (low_x, high_x, x) = (_legacy_grid(n, SIDE) for n in shape)
    y, x = y[None, :, None, None], x[None, None, :, None]
    rows = images[:, low_y], images[:, high_y]
    top, bottom = (r[:, :, low_x] + (r[:, :, high_x] - r[:, :, low_x]) * x for r in rows)
    assert np.array_equal(np.asarray(legacy(images)), top + (bottom - top) * y)


def _legacy_grid(n: int, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    at = np.arange(side, dtype=np.float32) * np.float32(n / side)
    low = at.astype(np.int64)
    return low, np.minimum(low + 1, n - 1), at - low.astype(np.float32)


@pytest.mark.parametrize("shape", [(32, 32), (299, 299), (64, 50), (512, 340), (1000, 7)])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_clean_resize_is_pillows_in_floating_point(shape, compiled: bool) -> None:
    import tensorflow as tf

    from zoo.metrics.resizing import SIDE, clean

    images = np.random.default_rng(0).integers(0, 256, (1, *shape, 3), np.uint8)
    channels = [
        Image.fromarray(images[0, ..., c].astype(np.float32)).resize((SIDE, SIDE), Image.BICUBIC)
        for c in range(3)
    ]
    expected = np.stack([np.asarray(channel) for channel in channels], -1).clip(0, 255)
    resized = tf.function(clean, jit_compile=compiled)(images.astype(np.float32))
    assert np.abs(np.asarray(resized)[0] - expected).max() < 0.01


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
