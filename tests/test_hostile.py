"""Hostile files are read or refused in one line: what `benchmarks/hostile.py` found, kept found."""

import contextlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from hostile_mutations import Payload, headed, zipped
from zoo_cli.main import cli, main
from zoo_cli.output import printable

from zoo.catalog import read_mapping
from zoo.data.bundle import import_bundle
from zoo.data.lists import read_list
from zoo.data.table import read_table
from zoo.errors import UsageError, ZooError, expected_form
from zoo.evaluation.arrays import open_arrays
from zoo.evaluation.kept import open_kept
from zoo.evaluation.turing.study import Study
from zoo.labelling import read as read_labels
from zoo.metrics.torch_file import read_state
from zoo.plain import parse_json, parse_yaml
from zoo.runs import Run
from zoo.runs.weights import check_weights

NINES = ", ".join(["*b{}"] * 9)
BOMB = "b:\n - &b0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f" - &b{i} [{NINES.replace('{}', str(i - 1))}]\n" for i in range(1, 12)
)
DEEP = "[" * 50_000 + "]" * 50_000
STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ"


def saved(array):
    held = io.BytesIO()
    np.save(held, array, allow_pickle=True)
    return held.getvalue()


def refused(reader, *args):
    with pytest.raises(ZooError) as caught:
        reader(*args)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["a: 2001-99-99", "a: &a [*a]", BOMB, f"a: {DEEP}", "a: !!python/object/apply:os.getcwd []"],
    ids=["date", "itself", "bomb", "deep", "tag"],
)
def test_yaml_that_is_hostile_is_damaged_everywhere(text, tmp_path):
    assert refused(parse_yaml, text, "it").startswith("it is damaged: ")
    (path := tmp_path / "recipe.yaml").write_text(text)
    assert refused(read_mapping, path).startswith(f"{path} is damaged: ")
    assert refused(lambda: Run(tmp_path).recipe).startswith(f"{path} is damaged: ")


def test_references_that_do_not_multiply_are_taken():
    assert parse_yaml("a: &a [1, 2]\nb: *a\n", "it") == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize("text", [DEEP, "1" * 5000, "[NaN]", "[-Infinity]", "{"])
def test_json_that_is_hostile_is_damaged_everywhere(text, tmp_path):
    assert refused(parse_json, text, "it").startswith("it is damaged: ")
    for name in ("manifest.json", "key.json", "facts.json"):
        (tmp_path / name).write_text(text)
    refused(lambda: Run(tmp_path).manifest)
    refused(Study.read, tmp_path)
    refused(open_kept, tmp_path)


def test_facts_of_a_detector_that_are_no_shape_are_damaged(tmp_path):
    facts = {"detector": "logistic", "data": "made", "image_shape": [[], 32, 1], "intensity": {}}
    facts |= {"test_accuracy": 1, "n_test": 1}
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    assert "the shape of images" in refused(open_kept, tmp_path)


def test_a_run_whose_files_have_a_wrong_form_gives_one_line(tmp_path):
    run = tmp_path / "00000-dcgan-made"
    run.mkdir()
    (run / "recipe.yaml").write_text("generator: dcgan\ndata: made\nsettings: [1]\n")
    (run / "manifest.json").write_text('{"status": [], "versions": 3, "sessions": {"a": 1}}')
    (run / "evaluation.json").write_text('{"metrics": [{"name": ["<script>"], "value": {}}]}')
    for words in (["report"], ["runs", "show"]):
        done = CliRunner().invoke(cli, [*words, str(run)])
        assert isinstance(done.exception, (SystemExit, ZooError)), (words, done.exception)


def test_what_zoo_itself_raises_keeps_its_words():
    with pytest.raises(UsageError, match=r"^that is wrong$"), expected_form("it"):
        raise UsageError("that is wrong")
    words = "it holds what no run writes: KeyError: 'x'"
    with pytest.raises(ZooError, match=words), expected_form("it"):
        {}["x"]


WEIGHTS = {
    "pickled": {"facts.npy": saved(np.zeros(1)), "v0000.npy": saved(np.array([{}], object))},
    "claims": {"facts.npy": headed("{'descr': '<f8', 'fortran_order': False, 'shape': (9,), }")},
    "no end": {"facts.npy": headed("{'descr': ('<f8'")},
    "other name": {"../facts.npy": saved(np.zeros(1))},
}


@pytest.mark.parametrize("entries", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_are_no_plain_arrays_are_refused(entries, tmp_path):
    (path := tmp_path / "weights.npz").write_bytes(zipped(entries))
    refused(check_weights, path)


def test_weights_that_unpack_to_more_than_the_file_holds_are_refused(tmp_path):
    entries = {"facts.npy": saved(np.zeros(2**20))}
    (path := tmp_path / "weights.npz").write_bytes(zipped(entries, zipfile.ZIP_DEFLATED))
    assert "claims" in refused(check_weights, path)


def test_a_checkpoint_with_arrays_of_other_shapes_is_refused(tmp_path):
    from zoo.gan.checkpoint import load_snapshot, save_snapshot
    from zoo.loading import load

    gan = load("generator", "dcgan", image_shape=(32, 32, 1), width=4, latent_dim=4)
    path = tmp_path / "00000000.weights.npz"
    save_snapshot(gan, path)
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["v0000"] = np.zeros(3, np.float32)
    np.savez(path, **arrays)
    assert "not those that it states" in refused(load_snapshot, gan, path)
    arrays["facts"] = np.frombuffer(b"[1]", np.uint8)
    np.savez(path, **arrays)
    assert "is damaged" in refused(load_snapshot, gan, path)


def state(body):
    return zipped({"a/data.pkl": b"\x80\x02}X\x01\0\0\0a" + body + b"s.", "a/data/0": b"\0" * 4})


def test_a_tensor_that_repeats_a_number_without_end_is_refused(tmp_path):
    huge = pickle.dumps(2**40, 2)[2:-1]
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(%sK\0(%st(K\0t\x89}tR" % (STORAGE, huge)
    (path := tmp_path / "weights.pth").write_bytes(state(tensor))
    assert "reaches beyond its storage" in refused(read_state, path)


def test_a_state_dict_that_calls_something_or_asks_for_all_memory_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    called = pickle.dumps({"a": Payload(tmp_path / "called")}, 2)
    for content in (called, b"\x80\x02}r\xff\xff\xff\xff."):
        path.write_bytes(zipped({"a/data.pkl": content}))
        refused(read_state, path)
    assert not (tmp_path / "called").exists()


def test_a_state_dict_that_is_compressed_is_refused(tmp_path):
    content = zipped({"a/data.pkl": pickle.dumps({}, 2)}, zipfile.ZIP_DEFLATED)
    (path := tmp_path / "weights.pth").write_bytes(content)
    assert "compressed" in refused(read_state, path)


def test_arrays_that_unpack_without_end_or_not_at_all_are_refused(tmp_path):
    path = tmp_path / "arrays.npz"
    for content in (
        zipped({"images.npy": saved(np.zeros(2**26, np.uint8))}, zipfile.ZIP_DEFLATED),
        zipped({"images.npy": headed("{'descr': ('<u1'")}),
        zipped({"images.npy": b""}, zipfile.ZIP_LZMA)[:-40],
    ):
        path.write_bytes(content)
        with contextlib.ExitStack() as closing:
            refused(open_arrays, path, closing)


def test_a_bundle_with_a_manifest_without_end_is_refused(tmp_path):
    (path := tmp_path / "bundle.zip").write_bytes(zipped({"manifest.json": DEEP.encode()}))
    refused(import_bundle, path)


def test_a_table_whose_separator_is_none_is_refused(tmp_path):
    (path := tmp_path / "labels.csv").write_text('sep="\npath"label\na"b\n')
    for reader in (read_table, read_list):
        with contextlib.suppress(UsageError):
            reader(path)


def test_a_label_without_a_path_is_damaged(tmp_path):
    folder = tmp_path / "labels" / "real"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("decision,path\naccept\n")
    assert "names no image" in refused(read_labels, Run(tmp_path), "real", "a")


def test_a_payload_would_be_noticed(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "ran"))).close()
    assert (tmp_path / "ran").exists()


def test_no_file_commands_the_terminal(tmp_path, capsys):
    run = tmp_path / "00000-dcgan-made"
    run.mkdir()
    (run / "recipe.yaml").write_text("generator: dcgan\ndata: made\n")
    (run / "manifest.json").write_text('{"status": "\\u001b[31mred \\u202e", "kimg": 1}')
    strange = str(tmp_path / "\x1b[2J.yaml")
    for words in (["runs", "list", "--runs", str(tmp_path)], ["runs", "show", strange]):
        with pytest.raises(SystemExit):
            main(words)
    printed = "".join(capsys.readouterr())
    assert "\\x1b[31mred \\u202e" in printed
    assert "\\x1b[2J.yaml" in printed
    assert "\x1b" not in printed


def test_what_people_write_is_printed_as_it_is():
    text = "é – ±\N{NO-BREAK SPACE}漢字 \N{GREEK SMALL LETTER KAPPA}\n\tx"
    assert printable(text) == text
    assert printable("a\rb\udcff") == "a\\rb\\udcff"
