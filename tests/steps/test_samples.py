"""Which test images are kept for smoke tests, and how they are written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import samples
from dataset import Channel, Record
from measuring import Latency
from reports import ChampionResult, Evaluation
from samples import choose, write_samples

CLASSES = ("a dog/of Ærø", "cat", "emu")


def evaluation(folder: Path, *answers: tuple[int, int, float]) -> Evaluation:
    """One record for each (true label, answered label, its probability)."""
    records, rows = [], []
    for order, (label, answered, probability) in enumerate(answers):
        path = folder / f"{order}.{('JPG', 'png')[order % 2]}"
        path.write_bytes(bytes([order]) * (10 + order))
        records.append(Record(path, label, f"digest{order}", order))
        row = [(1 - probability) / 2] * 3
        row[answered] = probability
        rows.append(row)
    channel = Channel(tuple(records), CLASSES, "abc123", len(records))
    best = ChampionResult("none", 0.0, "None.")
    return Evaluation(channel, np.array(rows), Latency((1.0,), 1.0), 77, best)


def test_the_surest_right_answers_are_chosen_in_equal_parts_of_the_classes(tmp_path: Path) -> None:
    found = evaluation(
        tmp_path,
        (0, 0, 0.70),
        (0, 0, 0.99),
        (0, 0, 0.98),  # the class has its part
        (1, 0, 0.97),  # wrong
        (1, 1, 0.60),
        (2, 2, 0.90),
    )
    assert choose(found, 3) == [1, 5, 4]
    assert choose(found, 4) == [1, 2, 5, 4]
    assert choose(found, 2) == [1, 5]


def test_of_equally_sure_answers_the_first_is_chosen(tmp_path: Path) -> None:
    found = evaluation(tmp_path, *[(1, 1, 0.8)] * 9)
    assert choose(found, 3) == [0]
    assert choose(found, 9) == [0, 1, 2]


def test_an_image_that_no_request_can_carry_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = evaluation(tmp_path, (0, 0, 0.8), (0, 0, 0.9))
    monkeypatch.setattr(samples, "MAX_BYTES", 10)
    assert choose(found, 1) == [0]


def test_the_images_are_copied_as_they_are_and_listed(tmp_path: Path) -> None:
    found = evaluation(tmp_path, (1, 1, 0.75), (0, 0, 0.875))
    written = write_samples(found, tmp_path / "samples", 8)
    document = json.loads((tmp_path / "samples" / "samples.json").read_text(encoding="utf-8"))
    first, second = (record.path.read_bytes() for record in found.channel.records)
    assert document == {
        "samples": [
            {
                "file": "000-a_dog_of_r_.png",
                "label": "a dog/of Ærø",
                "probability": 0.875,
                "sha256": hashlib.sha256(second).hexdigest(),
            },
            {
                "file": "001-cat.jpg",
                "label": "cat",
                "probability": 0.75,
                "sha256": hashlib.sha256(first).hexdigest(),
            },
        ],
        "model": {"bytes": 77, "data_digest": "abc123"},
    }
    for sample in written:
        data = (tmp_path / "samples" / sample.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == sample.sha256


def test_a_model_that_gets_nothing_right_leaves_an_empty_list(tmp_path: Path) -> None:
    write_samples(evaluation(tmp_path, (0, 1, 0.9)), tmp_path / "samples", 8)
    (only,) = (tmp_path / "samples").iterdir()
    assert json.loads(only.read_text())["samples"] == []
