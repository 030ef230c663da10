"""sample_data.draw: seeded pictures in class folders, whole or not at all."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

import sample_data
from errors import BreedlineError
from sample_creatures import PAINTERS


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.jpg"))
    }


def test_every_class_gets_its_folder_of_openable_pictures(tmp_path: Path) -> None:
    folder = sample_data.draw(tmp_path / "sample", images_per_class=2)
    assert Counter(path.parent.name for path in folder.rglob("*.jpg")) == dict.fromkeys(PAINTERS, 2)
    for path in folder.rglob("*.jpg"):
        with Image.open(path) as image:
            image.load()
            assert image.mode == "RGB" and min(image.size) >= 160


def test_the_same_seed_draws_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    drawn = [
        contents(sample_data.draw(tmp_path / str(n), seed, 2, ("cat", "fish")))
        for n, seed in enumerate((7, 7, 8))
    ]
    assert drawn[0] == drawn[1]
    assert set(drawn[0].values()).isdisjoint(drawn[2].values())


def test_no_picture_appears_twice(tmp_path: Path) -> None:
    drawn = contents(sample_data.draw(tmp_path / "sample", images_per_class=4))
    assert len(set(drawn.values())) == 4 * len(PAINTERS)


def test_more_images_keep_the_earlier_ones(tmp_path: Path) -> None:
    few = contents(sample_data.draw(tmp_path / "few", 7, 2, ("cat",)))
    many = contents(sample_data.draw(tmp_path / "many", 7, 3, ("cat",)))
    assert few.items() < many.items()


def test_a_complete_folder_is_kept_and_another_request_draws_again(tmp_path: Path) -> None:
    folder = sample_data.draw(tmp_path / "sample", 7, 1, ("cat",))
    (folder / "cat" / "cat_000.jpg").write_bytes(b"touched")
    sample_data.draw(folder, 7, 1, ("cat",))
    assert (folder / "cat" / "cat_000.jpg").read_bytes() == b"touched"
    sample_data.draw(folder, 7, 2, ("cat",))
    assert (folder / "cat" / "cat_000.jpg").read_bytes() != b"touched"


def test_an_interrupted_run_leaves_no_folder_and_the_next_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> Image.Image:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(sample_data, "picture", stop)
        sample_data.draw(tmp_path / "sample", images_per_class=1)
    assert not (tmp_path / "sample").exists()
    assert len(contents(sample_data.draw(tmp_path / "sample", 7, 1, ("cat",)))) == 1


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(BreedlineError, match="holds other files"):
        sample_data.draw(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "irreplaceable"


def test_an_unknown_creature_is_named(tmp_path: Path) -> None:
    with pytest.raises(BreedlineError, match="No creature 'yeti'; choose from bird"):
        sample_data.draw(tmp_path / "sample", classes=("yeti",))


def test_a_folder_with_other_files_is_refused_in_one_sentence(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert sample_data.main([str(tmp_path)]) == 1
    assert "holds other files" in capsys.readouterr().err
