"""The splits as the steps hand them on: read back as they were written, or refused."""

from __future__ import annotations

import json

import pytest
from table import Dataset, TableError, read_dataset, read_table, write_rows

HOUSES = Dataset(("rooms", "age"), "price", "any")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '"a text"', '{"columns": ["rooms"]}', '{"columns": 3, "target": "price"}'],
)
def test_a_description_that_prepare_did_not_write_is_refused(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=r"dataset\.json is not what Prepare writes"):
        read_dataset(tmp_path)


def test_a_folder_without_a_description_or_a_split_is_refused(tmp_path):
    with pytest.raises(TableError, match=r"dataset\.json is not what Prepare writes"):
        read_dataset(tmp_path)
    with pytest.raises(TableError, match=r"rows\.csv cannot be read"):
        read_table(tmp_path, HOUSES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not hold rows of rooms, age, price"),
        ("rooms,age,price\n", "does not hold rows of"),
        ("age,rooms,price\n1,2,3\n", "does not hold rows of"),
        ("rooms,age,price\n1,2\n", "does not hold rows of"),
        ("rooms,age,price\n1,2,3\n1,2\n", "cannot be read"),
        ("rooms,age,price\n1,2,many\n", "cannot be read"),
    ],
)
def test_a_split_of_other_rows_is_refused(tmp_path, text, words):
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=words):
        read_table(tmp_path, HOUSES)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"rooms,age,price\n\xff\xfe,2,3\n")
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path, HOUSES)


def test_what_was_written_is_read_back(tmp_path):
    rows = [(0.1, 1e-300, 3.0), (1 / 3, -2.5, 1e30)]
    write_rows(tmp_path / "train", ["rooms", "age", "price"], rows)
    table = read_table(tmp_path / "train", HOUSES)
    assert [tuple(map(float, row)) for row in table.features] == [row[:2] for row in rows]
    assert table.values.tolist() == [3.0, 1e30]
    described = {"columns": ["rooms", "age"], "target": "price", "digest": "any"}
    (tmp_path / "dataset.json").write_text(json.dumps(described), encoding="utf-8")
    assert read_dataset(tmp_path) == HOUSES
