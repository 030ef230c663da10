"""Which images are most like one, of what Athena answers."""

from __future__ import annotations

import base64

import numpy
import pytest

from commands.neighbours import decode, meant_by, nearest_of
from errors import BreedlineError


def text(*values: float) -> str:
    vector = numpy.array(values) / numpy.linalg.norm(values)
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


def row(name: str, *values: float) -> list[str | None]:
    return [name, "pug", "train", f"s3://photos/{name}.jpg", text(*values)]


def test_the_nearest_come_first_and_no_more_than_asked_for() -> None:
    rows = [row("b", 1, 1), row("a", -1, 0), row("d", 1, 0.1), row("c", 1, 0.1)]
    found = nearest_of(text(1, 0), rows, 3)
    assert [each.record_id for each in found] == ["c", "d", "b"]
    assert [round(each.similarity, 2) for each in found] == [1.0, 1.0, 0.71]
    assert (found[0].label, found[0].uri) == ("pug", "s3://photos/c.jpg")
    assert nearest_of(text(1, 0), [], 3) == []


def test_rows_are_read_one_by_one() -> None:
    rows = (row(f"{number:04}", 1, number == 4_321) for number in range(5_000))
    (found,) = nearest_of(text(0, 1), rows, 1)
    assert found.record_id == "4321"


@pytest.mark.parametrize("damaged", ["", "no base64!", "AAA="])
def test_what_is_no_embedding_is_one_sentence(damaged: str) -> None:
    with pytest.raises(BreedlineError, match="is no embedding that Prepare wrote"):
        nearest_of(text(1, 0), [[*row("a", 1, 0)[:4], damaged]], 1)
    assert decode(text(3, 4)).tolist() == pytest.approx([0.6, 0.8], abs=1e-3)


def test_an_image_is_named_by_id_place_or_file(tmp_path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223"  # of b"abc", the first 32
    assert meant_by(str(tmp_path / "a.jpg")) == f"record_id LIKE '{digest}%'"
    assert meant_by("ba7816") == "record_id LIKE 'ba7816%'"
    assert meant_by("s3://photos/it's.jpg") == "uri = 's3://photos/it''s.jpg'"
    for wrong in ("pug.jpg", "ba7", "x' OR 1=1 --"):
        with pytest.raises(BreedlineError, match="is neither a file"):
            meant_by(wrong)
