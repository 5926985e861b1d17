"""Facts of many images lie on disk in columns."""

import numpy as np
import pytest

from zoo.data import columns
from zoo.data.columns import ColumnWriter, read_columns
from zoo.data.imageset import Fields


@pytest.fixture(autouse=True)
def few_rows_at_once(monkeypatch):
    monkeypatch.setattr(columns, "ROWS_AT_ONCE", 2)


def written(folder, rows, drop=()):
    writer = ColumnWriter(folder / "columns")
    for row in rows:
        writer.add(row)
    for name in drop:
        writer.drop(name)
    writer.finish()
    return read_columns(folder / "columns")


def test_each_column_has_the_type_of_its_values(tmp_path):
    rows = [
        {"id": "a", "count": 1, "mean": 0.5, "low": [1, 2], "good": True},
        {"id": "längst", "count": np.int64(2**40), "mean": 2, "low": (3, np.nan), "good": False},
        {"id": "c", "count": 3, "mean": np.float32(1), "low": [5, 6], "good": True},
    ]
    found = written(tmp_path, rows)
    assert {name: column.dtype.str for name, column in found.items()} == {
        "id": "<U6",
        "count": "<i8",
        "mean": "<f8",
        "low": "<f8",
        "good": "<i8",
    }
    assert found["id"].tolist() == ["a", "längst", "c"]
    assert found["count"].tolist() == [1, 2**40, 3]
    np.testing.assert_array_equal(found["low"], [[1, 2], [3, np.nan], [5, 6]])


def test_what_a_row_lacks_is_empty_or_nan(tmp_path):
    found = written(tmp_path, [{"n": 1, "t": "x", "m": 2}, {"m": "y", "path/to": "z"}, {"n": 3}])
    assert found["t"].tolist() == ["x", "", ""]
    np.testing.assert_array_equal(found["n"], [1, np.nan, 3])
    assert found["m"].tolist() == ["2", "y", ""]
    assert found["path/to"].tolist() == ["", "z", ""]


def test_a_column_can_be_left_out(tmp_path):
    assert set(written(tmp_path, [{"a": 1, "b": 2}], drop=["b"])) == {"a"}


def test_columns_are_mapped_and_not_read(tmp_path):
    assert isinstance(written(tmp_path, [{"a": 1}])["a"], np.memmap)


def test_facts_of_sources_are_gathered_for_the_images_cut_from_them():
    sources, crops = np.array(["x", "y"]), np.arange(4) * 10
    fields = Fields({"source": (sources, np.array([0, 0, 1, 1])), "objects": (crops, np.arange(4))})
    taken = fields.take(np.array([3, 0]))
    assert fields["source"].tolist() == ["x", "x", "y", "y"]
    assert (taken["source"].tolist(), taken["objects"].tolist()) == (["y", "x"], [30, 0])
    assert sorted(taken) == ["objects", "source"]
