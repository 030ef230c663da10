"""Prepare on small tables: what is left out and why, and on which side a row stands."""

import csv
import json

import pytest
from collecting import collect
from table import TableError, read_dataset, read_table

SPLITS = ("train", "validation", "test")
UNSOUND = {
    "1,2": "not as many cells as columns",
    "1,2,3,4": "not as many cells as columns",
    "1,two,3": "a cell that is no number",
    "1,,3": "a cell that is no number",
    "1,nan,3": "a cell that is no finite number",
    "1,inf,3": "a cell that is no finite number",
    "1,1e39,3": "a cell that is no finite number",
    "5,6.0,7": "a duplicate",
}


def write(folder, *lines, name="rows.csv"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def sides(programs):
    """Rows by split, as texts without the target."""
    found = {}
    for name in SPLITS:
        with (programs.work / "splits" / name / "rows.csv").open(newline="") as stream:
            found[name] = [tuple(row[:-1]) for row in list(csv.reader(stream))[1:]]
    return found


@pytest.mark.parametrize("line", UNSOUND)
def test_an_unsound_row_is_left_out_with_its_reason(tmp_path, line):
    found = collect(write(tmp_path / "data", "a,b,price", "5,6,7", line, "", "8,9,10"), "price")
    assert list(found.rows) == [(5.0, 6.0, 7.0), (8.0, 9.0, 10.0)]
    assert dict(found.reasons) == {UNSOUND[line]: 1}
    assert found.examples == [f"rows.csv, row 3: {UNSOUND[line]}"]


def test_several_files_are_one_table_whatever_the_order_of_their_columns(tmp_path):
    data = write(tmp_path / "data", "a,price,b", "1,2,3", name="1.csv")
    write(data, "\ufeffprice,b,a", "20,30,10", name="2.csv")
    found = collect(data, "price")
    assert found.columns == ("a", "b")
    assert list(found.rows) == [(1.0, 3.0, 2.0), (10.0, 30.0, 20.0)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a,b", "1,2"], "has no column 'price' in its first line, which holds a, b"),
        ([""], "has no column 'price'"),
        (["price", "1"], "needs two columns or more"),
        (["a,a,price", "1,2,3"], "each named once"),
        (["a,,price", "1,2,3"], "each named once"),
    ],
)
def test_a_header_that_says_too_little_is_told(tmp_path, lines, words):
    with pytest.raises(TableError, match=words):
        collect(write(tmp_path / "data", *lines), "price")


def test_files_that_do_not_fit_together_are_told_and_so_is_a_folder_without_any(tmp_path):
    data = write(tmp_path / "data", "a,price", "1,2", name="1.csv")
    write(data, "b,price", "1,2", name="2.csv")
    with pytest.raises(TableError, match=r"2\.csv has other columns than the files before"):
        collect(data, "price")
    with pytest.raises(TableError, match=r"holds no \.csv file"):
        collect(tmp_path / "none", "price")


def test_a_file_that_is_no_text_is_named_and_a_byte_order_mark_is_not_a_name(tmp_path):
    data = write(tmp_path / "data", "a,price", "1,2")
    (data / "z.csv").write_bytes(b"a,price\n\xff,2\n")
    with pytest.raises(TableError, match=r"z\.csv cannot be read as CSV in UTF-8"):
        collect(data, "price")
    (data / "z.csv").write_text("\ufeffprice,a\n3,4\n", encoding="utf-8")
    assert list(collect(data, "price").rows) == [(1.0, 2.0), (4.0, 3.0)]


def test_equal_features_stand_on_one_side_and_rows_stay_when_others_are_added(programs):
    rows = [f"{number % 40},{number % 7},{number}" for number in range(200)]
    data = write(programs.work / "data", "a,b,price", *rows)
    assert "0 rows left out" in programs.prepare(data)
    first = sides(programs)
    on = {name: set(found) for name, found in first.items()}
    assert all(on.values())
    assert (
        not on["train"] & on["validation"]
        | on["train"] & on["test"]
        | on["validation"] & on["test"]
    )
    write(data, "a,b,price", *[f"{100 + n},1,1" for n in range(50)], name="more.csv")
    programs.prepare(data)
    later = sides(programs)
    assert all(on[name] <= set(later[name]) for name in SPLITS)
    programs.prepare(data, seed=8)
    assert sides(programs) != later


def test_the_splits_are_read_back_to_the_last_bit(programs):
    rows = [f"{number / 7!r},{number**0.5!r}" for number in range(120)]
    programs.prepare(write(programs.work / "data", "a,price", *rows))
    dataset = read_dataset(programs.work / "splits" / "dataset")
    tables = [read_table(programs.work / "splits" / name, dataset) for name in SPLITS]
    found = {
        (row[0], value) for t in tables for row, value in zip(t.features, t.values, strict=True)
    }
    assert found == {(number / 7, number**0.5) for number in range(120)}
    report = json.loads((programs.work / "statistics" / "report.json").read_text())
    assert report["left_out"] == {}
    assert report["train"]["a"]["min"] == tables[0].features.min()


def test_too_many_unsound_rows_fail_the_step_and_leave_nothing(programs):
    rows = [f"{number},{number}" for number in range(90)]
    data = write(programs.work / "data", "a,price", *rows, *["x,1"] * 11)
    said = programs.prepare(data, code=1)
    assert said.startswith("prepare: 10.9% of the rows are unsound, more than the 10.0%")
    assert "rows.csv, row 92: a cell that is no number" in said
    assert not (programs.work / "splits" / "train").exists()
    programs.prepare(data, max_rejected_fraction=0.2)


def test_too_few_rows_for_every_side_are_told(programs):
    said = programs.prepare(write(programs.work / "data", "a,price", "1,2"), code=1)
    assert "1 rows leave none for" in said


def test_a_split_that_prepare_did_not_write_is_told(made, tmp_path):
    dataset = read_dataset(made.work / "splits" / "dataset")
    for text, words in (("a,price\n1,2\n", "does not hold rows of"), ("", "does not hold")):
        (tmp_path / "rows.csv").write_text(text)
        with pytest.raises(TableError, match=words):
            read_table(tmp_path, dataset)
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / "none", dataset)
    with pytest.raises(TableError, match="is not what Prepare writes"):
        read_dataset(tmp_path)
