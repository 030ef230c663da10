"""The import closure of a step's script."""

import pytest

from errors import BreedlineError
from provision.sources import closure, place_of


@pytest.fixture
def folder(tmp_path):
    scripts = {
        "prepare.py": "import json\nfrom dataset import read\n",
        "dataset.py": "import images\nimport torch.nn\n",
        "images.py": "def late():\n    from network import build\n",
        "network.py": "from . import nothing\nimport dataset\n",
        "unused.py": "import prepare\n",
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_closure_follows_imports_of_imports_wherever_they_stand(folder):
    expected = ("dataset.py", "images.py", "network.py", "prepare.py")
    assert closure(folder, ["prepare.py"]) == expected


def test_a_circle_of_imports_ends(folder):
    assert closure(folder, ["network.py"]) == ("dataset.py", "images.py", "network.py")


def test_packaging_runs_nothing(folder):
    (folder / "images.py").write_text("raise SystemExit('executed')\n")
    assert "images.py" in closure(folder, ["prepare.py"])


def test_a_missing_script_is_one_sentence(folder):
    with pytest.raises(BreedlineError, match=r"train\.py cannot be packaged \(No such file"):
        closure(folder, ["train.py"])


def test_a_script_that_does_not_parse_is_named_with_its_line(folder):
    (folder / "dataset.py").write_text("x = 1\ndef (:\n")
    with pytest.raises(BreedlineError, match=r"dataset\.py cannot be packaged: line 2"):
        closure(folder, ["prepare.py"])


def test_what_a_folder_lacks_is_taken_from_the_shared_one(tmp_path):
    own, shared = tmp_path / "own", tmp_path / "shared"
    own.mkdir()
    shared.mkdir()
    (own / "train.py").write_text("import data\nimport staging\n")
    (own / "data.py").write_text("")
    (shared / "data.py").write_text("import images\n")
    (shared / "images.py").write_text("")
    (shared / "staging.py").write_text("")
    found = closure(own, ["train.py"], shared)
    assert found == ("data.py", "staging.py", "train.py")
    assert place_of("data.py", own, shared) == own / "data.py"
    assert place_of("staging.py", own, shared) == shared / "staging.py"
