"""The journal's file stays small and whole."""

from local.journal.file import SPARE_LINES, Entries, Entry
from local.journal.request import Request


def entry(number, body=b"{}"):
    request = Request("sqs", "eu-west-1", "POST", "/", "", "application/json", {}, body)
    return Entry(request, number)


def seeds(path):
    return [found.seed for _, found in Entries(path).all()]


def test_entries_come_back_in_order(tmp_path):
    path = tmp_path / "journal.jsonl"
    entries = Entries(path)
    for number in range(3):
        entries.set(("queue", str(number)), entry(number))
    entries.set(("queue", "0"), entry(9))
    entries.remove(("queue", "1"))
    assert seeds(path) == [9, 2]


def test_removing_takes_what_lies_below_and_nothing_beside(tmp_path):
    entries = Entries(tmp_path / "journal.jsonl")
    for key in (("t", "a"), ("t", "a", "x"), ("t", "ab"), ("t", "b")):
        entries.set(key, entry(1))
    entries.remove(("t", "a"))
    assert [key for key, _ in entries.all()] == [("t", "ab"), ("t", "b")]


def test_bytes_come_back_as_they_were(tmp_path):
    path = tmp_path / "journal.jsonl"
    Entries(path).set(("a",), entry(1, b"\xff\x00"))
    [(_, found)] = Entries(path).all()
    assert found.request.body == b"\xff\x00"


def test_a_line_that_was_cut_costs_only_itself(tmp_path):
    path = tmp_path / "journal.jsonl"
    entries = Entries(path)
    entries.set(("a",), entry(1))
    entries.set(("b",), entry(2))
    path.write_bytes(path.read_bytes()[:-9])
    assert seeds(path) == [1]
    again = Entries(path)
    again.set(("c",), entry(3))
    assert seeds(path) == [1, 3]


def test_a_broken_line_in_the_middle_costs_only_itself(tmp_path):
    path = tmp_path / "journal.jsonl"
    entries = Entries(path)
    for number in range(3):
        entries.set((str(number),), entry(number))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], '{"set": 3}', lines[2], ""]))
    assert seeds(path) == [0, 2]


def test_the_file_does_not_grow_with_changes_of_the_same(tmp_path):
    path = tmp_path / "journal.jsonl"
    entries = Entries(path)
    for number in range(3 * SPARE_LINES):
        entries.set(("lock",), entry(number))
    assert len(path.read_text().splitlines()) <= SPARE_LINES + 3
    assert seeds(path) == [3 * SPARE_LINES - 1]
