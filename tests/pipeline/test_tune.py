"""The Tune step."""

import dataclasses
from typing import Any

from settings.pipeline import Range
from tests.pipeline.examples import changed, compiled, steps_of


def tune_of(loaded) -> dict[str, Any]:
    arguments: dict[str, Any] = steps_of(compiled(loaded))["Tune"]["Arguments"]
    return arguments


def config_of(loaded) -> dict[str, Any]:
    config: dict[str, Any] = tune_of(loaded)["HyperParameterTuningJobConfig"]
    return config


def test_tuning_minimises_the_validation_loss(steps):
    config = steps["Tune"]["Arguments"]["HyperParameterTuningJobConfig"]
    objective = {"Type": "Minimize", "MetricName": "validation:loss"}
    assert config["HyperParameterTuningJobObjective"] == objective
    assert config["TrainingJobEarlyStoppingType"] == "Auto"


def test_the_budget_is_a_pair_of_parameters(steps):
    config = steps["Tune"]["Arguments"]["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": {"Get": "Parameters.TuningMaxJobs"},
        "MaxParallelTrainingJobs": {"Get": "Parameters.TuningMaxParallelJobs"},
    }


def test_each_kind_of_range_is_written_as_sagemaker_wants_it(local):
    spans = {
        "learning_rate": Range("continuous", 0.001, 0.1, "Logarithmic"),
        "hidden_units": Range("integer", 16, 256, "Linear"),
        "batch_size": Range("categorical", values=("16", "32")),
    }
    ranges = config_of(changed(local, "tuning", ranges=spans))["ParameterRanges"]
    assert ranges["ContinuousParameterRanges"][0]["MinValue"] == "0.001"
    assert ranges["IntegerParameterRanges"][0]["MaxValue"] == "256"
    # Script mode decodes hyperparameters as JSON: a category is a quoted string.
    assert ranges["CategoricalParameterRanges"][0]["Values"] == ['"16"', '"32"']


def test_a_grid_has_no_budget(local):
    span = Range("categorical", values=("16", "32"))
    grid = changed(local, "tuning", strategy="Grid", ranges={"batch_size": span})
    assert set(config_of(grid)["ResourceLimits"]) == {"MaxParallelTrainingJobs"}
    names = [item["Name"] for item in compiled(grid)["Parameters"]]
    assert "TuningMaxJobs" not in names


def test_hyperband_spends_epochs(local):
    loaded = changed(local, "tuning", strategy="Hyperband", early_stopping="Off")
    loaded = dataclasses.replace(loaded, model=dataclasses.replace(loaded.model, epochs=27))
    assert config_of(loaded)["StrategyConfig"] == {
        "HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 27}
    }


def test_warm_start_parents_are_parameters(local):
    warm = changed(local, "tuning", warm_start_parents=("older", "old"))
    assert tune_of(warm)["WarmStartConfig"] == {
        "WarmStartType": "IdenticalDataAndAlgorithm",
        "ParentHyperParameterTuningJobs": [
            {"HyperParameterTuningJobName": {"Get": "Parameters.WarmStartParent1"}},
            {"HyperParameterTuningJobName": {"Get": "Parameters.WarmStartParent2"}},
        ],
    }
    defaults = {item["Name"]: item["DefaultValue"] for item in compiled(warm)["Parameters"]}
    assert (defaults["WarmStartParent1"], defaults["WarmStartParent2"]) == ("older", "old")


def test_without_parents_there_is_no_warm_start(steps):
    assert "WarmStartConfig" not in steps["Tune"]["Arguments"]
