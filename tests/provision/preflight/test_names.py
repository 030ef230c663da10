"""Names that are taken, and documents that are too large or are none."""

from dataclasses import replace

from provision.preflight import names
from provision.preflight.names import check_definition, check_limits, check_names


def test_what_is_not_there_or_ours_is_no_finding(world, upsert):
    world.change(aws={"kms_key": ""})
    assert [*check_names(world.bare)] == []
    upsert(world.settings)
    assert [*check_names(world.bare)] == []


def test_what_another_environment_made_is_a_fault(world, upsert):
    world.change(aws={"kms_key": ""})
    upsert(world.settings)
    world.change(aws={"owner": "somebody-else"})
    found = {one.about: one.problem for one in check_names(world.bare)}
    assert [*found] == [
        "pipeline breedline",
        "model package group breedline",
        "function breedline-predict",
        "function breedline-smoke-test",
    ]
    assert {*found.values()} == {"it is somebody else's by its tags (owner breedline)"}


def test_documents_have_a_largest_size(world, monkeypatch):
    subject = world.subject
    assert [*check_limits(subject)] == []
    monkeypatch.setitem(names.LARGEST, "policy", 2_000)
    assert "policy of workflow" in {found.about for found in check_limits(subject)}


def test_settings_that_do_not_compile_are_a_fault(world):
    assert [*check_definition(world.bare)] == []
    refused = replace(world.bare, refusal="Unsupported pytorch version: 9.9.9.")
    assert [found.level for found in check_definition(refused)] == ["fault"]
