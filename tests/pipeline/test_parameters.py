"""Values for one execution are checked before it starts, all at once."""

import pytest

import settings
from errors import BreedlineError
from pipeline.parameters import start_parameters
from tests.pipeline.examples import changed, compiled


def problems_of(definition, **values: str) -> list[str]:
    with pytest.raises(BreedlineError) as raised:
        start_parameters(definition, values)
    return str(raised.value).splitlines()


def test_good_values_become_the_request_of_start_pipeline_execution(definition):
    given = {"Epochs": "3", "AccuracyThreshold": "0.95", "TrainingInputMode": "FastFile"}
    assert start_parameters(definition, given) == [
        {"Name": "AccuracyThreshold", "Value": "0.95"},
        {"Name": "Epochs", "Value": "3"},
        {"Name": "TrainingInputMode", "Value": "FastFile"},
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("AccuracyThreshold", "1e-1"), ("AccuracyThreshold", ".5"), ("InputDataUri", "s3://bucket")],
)
def test_a_value_is_passed_on_as_it_was_written(definition, name, value):
    assert start_parameters(definition, {name: value}) == [{"Name": name, "Value": value}]


def test_an_unknown_parameter_names_the_nearest(definition):
    (problem,) = problems_of(definition, Epoch="3")
    assert problem.startswith("The pipeline has no parameter Epoch (did you mean Epochs?)")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("Epochs", "many", "a whole number from 1 to 10000"),
        ("Epochs", "1.5", "a whole number"),
        ("TrainingInstanceCount", "0", "a whole number from 1 to 64"),
        ("AccuracyThreshold", "-0.1", "a number from 0"),
        ("AccuracyThreshold", "nan", "a number from 0"),
        ("AccuracyThreshold", "inf", "a number from 0"),
        ("Epochs", "1_000", "a whole number from 1 to 10000"),
        ("Epochs", " 3", "a whole number"),
        ("Epochs", "٣", "a whole number"),
        ("InputDataUri", "photos", "an S3 URI, as s3://bucket/path"),
        ("InputDataUri", "s3://UPPER/photos", "an S3 URI"),
        ("TrainingDataType", "AugmentedManifestFile", "ManifestFile or S3Prefix"),
        ("UseSpot", "yes", "true or false"),
        ("InputDataUri", "", "an S3 URI"),
    ],
)
def test_a_value_that_the_parameter_does_not_allow_is_refused(definition, name, value, allowed):
    (problem,) = problems_of(definition, **{name: value})
    assert problem.startswith(f"Parameter {name} is '{value}'; allowed: {allowed}")


def test_all_problems_are_told_at_once(definition):
    assert len(problems_of(definition, Epochs="0", Nonsense="1", UseSpot="maybe")) == 3


def test_more_trials_at_once_than_in_all_are_refused_with_the_default_in_mind(definition):
    (problem,) = problems_of(definition, TuningMaxParallelJobs="50")
    assert problem.endswith("allowed: at most TuningMaxJobs (4).")


def test_spot_is_refused_where_the_definition_has_no_waiting_time(definition):
    (problem,) = problems_of(definition, UseSpot="true")
    assert "set spot.enabled = true in environments.toml and upsert" in problem
    assert start_parameters(definition, {"UseSpot": "false"})


def test_on_demand_is_refused_where_the_definition_has_a_waiting_time():
    spot = compiled(changed(settings.load("local"), "spot", enabled=True))
    (problem,) = problems_of(spot, UseSpot="false")
    assert "set spot.enabled = false" in problem
    assert start_parameters(spot, {"UseSpot": "true"})
