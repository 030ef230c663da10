"""Data sets by the names of their objects."""

import pytest

from provision.preflight.data import check_data

PAIR = ("1.jpg", "2.jpg")
CLASSES = [f"{name}/{file}" for name in ("cat", "dog") for file in PAIR]


def problems(world, *names):
    world.put_data(world.data_uri, *names)
    return [found.problem for found in check_data(world.bare)]


@pytest.mark.parametrize(
    "names",
    [
        CLASSES,
        [*CLASSES, "_READY", ".hidden/1.jpg"],
        [f"{split}/{name}" for split in ("train", "valid", "test") for name in CLASSES],
        ["index.manifest", "images/1.jpg"],
    ],
)
def test_what_prepare_takes_is_no_finding(world, names):
    assert problems(world, *names) == []


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ([], "it holds no files"),
        (["1.jpg"], "it has no class folders"),
        (["train/1.jpg"], "it has no class folders"),
        ([*CLASSES, "test/cat/1.jpg"], "it mixes split folders (test) with others (cat)"),
        (["test/cat/1.jpg", "test/cat/2.jpg"], "it has test but no train folder"),
        ([*CLASSES, "emu/1.jpg"], "classes have fewer than 2 files: emu 1"),
    ],
)
def test_what_prepare_refuses_is_a_fault(world, names, problem):
    assert problems(world, *names) == [problem]


def test_a_bucket_that_is_not_there_is_a_fault(world):
    assert [found.problem for found in check_data(world.bare)] == ["its bucket does not exist"]
