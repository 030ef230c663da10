"""The Gate and its refusal."""

from typing import Any

from tests.pipeline.examples import with_examples

REPORT = {"Get": "Steps.Evaluate.PropertyFiles.EvaluationReport"}


def read(path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": REPORT, "Path": path}}


ACCURACY = read("multiclass_classification_metrics.accuracy.value")


def test_the_gate_wants_the_threshold_and_the_champion_beaten(steps):
    conditions = steps["Gate"]["Arguments"]["Conditions"]
    assert [item["Type"] for item in conditions] == ["GreaterThanOrEqualTo"] * 2
    assert [item["LeftValue"] for item in conditions] == [ACCURACY] * 2
    assert [item["RightValue"] for item in conditions] == [
        {"Get": "Parameters.AccuracyThreshold"},
        read("breedline.champion.accuracy_to_beat"),
    ]


def test_the_refusal_names_all_figures(steps):
    message = steps["Reject"]["Arguments"]["ErrorMessage"]
    values = message["Std:Join"]["Values"]
    assert ACCURACY in values
    assert {"Get": "Parameters.AccuracyThreshold"} in values
    assert read("breedline.champion.accuracy") in values
    text = with_examples(message, {"AccuracyThreshold": 0.95})
    assert "accuracy is 0.9; the threshold is 0.95, and the approved champion's" in text
