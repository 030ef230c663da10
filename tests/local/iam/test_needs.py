"""What calls need, as AWS's Service Authorization Reference has it."""

import json
from pathlib import Path

import pytest

from local.iam.needs import Place, needs
from local.iam.tables import TABLES

PLACE = Place("111122223333", "eu-west-1")
CASES = json.loads((Path(__file__).parent / "needs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_a_call_needs_what_aws_asks_for(case):
    service, operation, request = case["call"]
    found = needs(TABLES, service, operation, request, PLACE)
    assert found is not None
    assert [[need.action, need.resource] for need in found] == case["needs"]
    for key, value in case.get("context", {}).items():
        assert value in [need.context.get(key) for need in found]


def test_an_operation_that_no_table_has_needs_nobody_knows_what():
    assert needs(TABLES, "sagemaker", "CreateCluster", {}, PLACE) is None
    assert needs(TABLES, "gamelift", "ListFleets", {}, PLACE) is None
