"""The table of systems: every row's command parses, its test is there, its document too."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from commands.arguments import build_parser
from definitions import ROOT

TABLE = ROOT / "docs" / "systems.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and "`" in line
]
NUMBERED = [row for row in ROWS if re.fullmatch(r"S\d+", row[0])]


def command_of(row: list[str]) -> str:
    return (row[2] if row in NUMBERED else row[1]).strip("`")


def heading_ids(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def test_every_system_has_its_row():
    assert [row[0] for row in NUMBERED] == [f"S{number}" for number in range(1, 24)]
    assert len(ROWS) > len(NUMBERED)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_its_command_is_one(row):
    words = shlex.split(command_of(row))
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE)
    else:
        assert build_parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_its_proof_is_there(row):
    path, _, name = row[-2].strip("`").partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name in found if name else any(each.startswith("test_") for each in found)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_its_document_is_there(row):
    (place,) = re.findall(r"\]\((.+)\)", row[-1])
    file, _, anchor = place.partition("#")
    document = TABLE.parent / file
    assert document.is_file()
    assert not anchor or anchor in heading_ids(document)
