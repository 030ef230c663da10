from __future__ import annotations

import pytest

from local.errors import ApiError
from local.tuning.request import read_plan
from local.tuning.search import Resources
from tests.local.tuning.fake_training import continuous, definition, request


def faults(asked) -> str:
    with pytest.raises(ApiError) as refusal:
        read_plan(asked, 0)
    assert refusal.value.code == "ValidationException"
    return refusal.value.message


def test_a_sound_request_becomes_a_plan():
    asked = request(
        jobs=5,
        TrainingJobEarlyStoppingType="Auto",
        TuningJobCompletionCriteria={
            "TargetObjectiveMetricValue": 0.25,
            "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 4},
            "ConvergenceDetected": {"CompleteOnConvergence": "Disabled"},
        },
    )
    plan = read_plan(asked, random_seed=99)
    assert (plan.jobs, plan.parallel, plan.seconds) == (5, 1, None)
    assert plan.median_stopping
    assert (plan.target, plan.patience, plan.seed) == (0.25, 4, 7)
    assert plan.definitions[0].regex == "validation:loss=([0-9.]+)"


def test_a_request_without_a_seed_takes_the_one_offered():
    asked = request()
    del asked["HyperParameterTuningJobConfig"]["RandomSeed"]
    assert read_plan(asked, random_seed=99).seed == 99


def test_all_faults_are_told_at_once():
    asked = request(
        jobs=None,
        ParameterRanges={
            "ContinuousParameterRanges": [
                continuous("rate", "0", "1", "Logarithmic"),
                continuous("epochs", "1", "9"),
            ]
        },
    )
    asked["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] = "f1"
    asked["Autotune"] = {"Mode": "Enabled"}
    text = faults(asked)
    for part in (
        "Autotune",
        "'rate' starts at 0.0",
        "'epochs' is static and has a range",
        "'f1' has no regular expression",
        "MaxNumberOfTrainingJobs is missing",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"ParameterRanges": {}}, "nothing to tune"),
        ({"Strategy": "Grid"}, "x must list its values in CategoricalParameterRanges"),
        (
            {"StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 3}}},
            "belongs to the strategy Hyperband",
        ),
        ({"Strategy": "Hyperband", "TrainingJobEarlyStoppingType": "Auto"}, "to Off"),
        (
            {
                "Strategy": "Hyperband",
                "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 5, "MaxResource": 3}},
            },
            "MinResource is 5 and MaxResource 3",
        ),
        (
            {
                "TuningJobCompletionCriteria": {
                    "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}
                }
            },
            "use BestObjectiveNotImproving",
        ),
        (
            {
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": 1,
                    "MaxParallelTrainingJobs": 1,
                    "MaxRuntimeInSeconds": 60,
                }
            },
            "MaxRuntimeInSeconds is 60; at least 120",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_way_out(config, sentence):
    assert sentence in faults(request(**config))


def test_a_grid_of_another_size_than_asked_for_is_refused():
    values = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["1", "2", "3"]}]}
    text = faults(request(jobs=2, Strategy="Grid", ParameterRanges=values))
    assert "MaxNumberOfTrainingJobs is 2, but this grid has 3 combinations" in text
    assert read_plan(request(jobs=3, Strategy="Grid", ParameterRanges=values), 0).jobs == 3


@pytest.mark.parametrize("epochs", ["27", '"27"'])
def test_hyperband_reads_its_resources_from_the_static_epochs(epochs):
    asked = request(Strategy="Hyperband")
    asked["TrainingJobDefinition"]["StaticHyperParameters"] = {"n_epochs": epochs}
    assert read_plan(asked, 0).resources == Resources(1, 27)
    asked["TrainingJobDefinition"]["StaticHyperParameters"] = {}
    assert "MaxResource missing" in faults(asked)


def test_one_kind_of_definition_and_one_resource_config_are_needed():
    neither = request()
    del neither["TrainingJobDefinition"]
    assert "either TrainingJobDefinition or TrainingJobDefinitions" in faults(neither)
    both = request() | {"TrainingJobDefinitions": [definition(DefinitionName="a")]}
    assert "not both" in faults(both)
    without = request()
    del without["TrainingJobDefinition"]["ResourceConfig"]
    assert "either ResourceConfig or HyperParameterTuningResourceConfig" in faults(without)


def test_several_definitions_need_names_and_one_objective_type():
    def body(kind: str):
        return definition(
            DefinitionName="same",
            TuningObjective={"Type": kind, "MetricName": "validation:loss"},
            HyperParameterRanges={"ContinuousParameterRanges": [continuous("x", "0", "1")]},
        )

    asked = request()
    del asked["TrainingJobDefinition"]
    asked["TrainingJobDefinitions"] = [body("Minimize"), body("Maximize")]
    text = faults(asked)
    assert "DefinitionName of its own" in text
    assert "same TuningObjective Type" in text
