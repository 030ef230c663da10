"""The interpreter's behaviour as JSON cases: everything in cases/*.json, one test a case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.pipelines import conditions, parameters, retry, schedule
from local.pipelines.cache import CacheFault, cache_key, parse_duration
from local.pipelines.definition import STEP_TYPES
from local.pipelines.loading import DefinitionFault, load
from local.pipelines.parameters import ParameterFault
from local.pipelines.schedule import Progress
from local.pipelines.steps import RUNNERS
from local.pipelines.values import Scope, ValueFault, resolve

CASES = Path(__file__).parent / "cases"
PROPERTIES = {
    "Train": {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"}},
    "Prepare": {
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "splits", "S3Output": {"S3Uri": "s3://b/splits"}}]
        }
    },
    "Tune": {
        "BestTrainingJob": {"TunedHyperParameters": {"learning_rate": "0.01"}},
        "TrainingJobSummaries": [{"TrainingJobName": "first"}, {"TrainingJobName": "second"}],
    },
}
REPORT = {"metrics": {"accuracy": {"value": 0.91}, "per class": [{}, {"name": "beagle"}]}}
DECLARED: list[dict[str, Any]] = [
    {"Name": "Data", "Type": "String", "DefaultValue": "s3://b/data"},
    {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3},
    {"Name": "Rate", "Type": "Float", "DefaultValue": 0.1},
    {"Name": "Spot", "Type": "Boolean", "DefaultValue": False},
    {"Name": "Mode", "Type": "String", "DefaultValue": "File", "EnumValues": ["File", "FastFile"]},
]
PIPELINE = {
    "Version": "2020-12-01",
    "Steps": [
        {"Name": "After", "Type": "Training", "DependsOn": ["Register"]},
        {
            "Name": "Gate",
            "Type": "Condition",
            "DependsOn": ["Train", "Notify"],
            "Arguments": {
                "Conditions": [],
                "IfSteps": [{"Name": "Register", "Type": "RegisterModel"}],
                "ElseSteps": [
                    {
                        "Name": "Inner",
                        "Type": "Condition",
                        "Arguments": {
                            "Conditions": [],
                            "IfSteps": [{"Name": "Right", "Type": "Model"}],
                            "ElseSteps": [{"Name": "Wrong", "Type": "Model"}],
                        },
                    },
                    {
                        "Name": "Reject",
                        "Type": "Fail",
                        "DependsOn": ["Right"],
                        "Arguments": {"ErrorMessage": "x"},
                    },
                ],
            },
        },
        {"Name": "Prepare", "Type": "Processing"},
        {"Name": "Train", "Type": "Training", "Arguments": {"X": {"Get": "Steps.Prepare.RoleArn"}}},
        {"Name": "Notify", "Type": "Lambda", "FunctionArn": "arn"},
    ],
}


def cases(name):
    found = json.loads((CASES / f"{name}.json").read_text())
    return pytest.mark.parametrize("case", found, ids=[c.get("name", c.get("text")) for c in found])


def properties(step):
    if step not in PROPERTIES:
        raise ValueFault(f"The step {step} has not run.")
    return PROPERTIES[step]


SCOPE = Scope(
    parameters={p["Name"]: p["DefaultValue"] for p in DECLARED},
    execution={"PipelineName": "P"},
    properties=properties,
    property_file=lambda step, name: REPORT,
    json_object=lambda uri: {"s3://b/r.json": {"n": 7}}[uri],
)


@cases("values")
def test_value(case):
    if "error" in case:
        with pytest.raises(ValueFault) as raised:
            resolve(case["value"], SCOPE)
        assert case["error"] in str(raised.value)
    else:
        assert resolve(case["value"], SCOPE) == case["result"]


@cases("conditions")
def test_condition(case):
    assert conditions.problems(case["condition"]) == []
    if "error" in case:
        with pytest.raises(ValueFault) as raised:
            conditions.evaluate(case["condition"], SCOPE)
        assert case["error"] in str(raised.value)
    else:
        assert conditions.evaluate(case["condition"], SCOPE) is case["result"]


@cases("parameters")
def test_parameter(case):
    if "error" in case:
        with pytest.raises(ParameterFault) as raised:
            _bind(case)
        assert str(raised.value) == case["error"]
    else:
        values = _bind(case)
        assert values == case["result"]
        assert [type(v) for v in values.values()] == [type(v) for v in case["result"].values()]


def _bind(case):
    declared = [parameters.declare(each) for each in case.get("declared", DECLARED)]
    return parameters.bind(declared, case["given"])


@cases("definitions")
def test_definition(case):
    with pytest.raises(DefinitionFault) as raised:
        load(json.dumps({"Version": "2020-12-01"} | case["definition"]))
    for words in case["error"]:
        assert words in str(raised.value)


@cases("schedules")
def test_schedule(case):
    definition = load(json.dumps(PIPELINE))
    progress = {name: Progress(**each) for name, each in case["progress"].items()}

    assert [step.name for step in schedule.ready(definition, progress)] == case["ready"]
    assert sorted(schedule.skipped(definition, progress)) == sorted(case["skipped"])


@cases("caching")
def test_cache_key(case):
    first = cache_key("A", case["type"], case["first"])
    assert (first == cache_key("A", case["type"], case["second"])) is case["same"]
    assert first != cache_key("B", case["type"], case["first"])


@cases("durations")
def test_duration(case):
    if "error" in case:
        with pytest.raises(CacheFault, match=case["error"]):
            parse_duration(case["text"])
    else:
        assert parse_duration(case["text"]) == case["seconds"]


@cases("retries")
def test_retry(case):
    if "error" in case:
        with pytest.raises(retry.RetryFault) as raised:
            retry.read_policies([case["policy"]])
        assert case["error"] in str(raised.value)
        return
    (policy,) = retry.read_policies([case["policy"]])
    delays, elapsed = [], 0.0
    for retries in range(len(case["delays"])):
        wait = policy.delay(retries, elapsed)
        delays.append(wait)
        elapsed += wait or 0.0
    assert delays == case["delays"]


def test_text_that_is_not_json_is_refused():
    with pytest.raises(DefinitionFault, match="is not JSON"):
        load("{")


def test_every_step_type_that_loads_can_run():
    assert RUNNERS.keys() == STEP_TYPES.keys()
