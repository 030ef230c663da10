from __future__ import annotations

import pytest

from local.errors import ApiError
from tests.local.tuning.fake_training import Outcome, continuous, request

IDENTICAL, TRANSFER = "IdenticalDataAndAlgorithm", "TransferLearning"


def square(hyperparameters: dict[str, str]) -> Outcome:
    return Outcome([(float(hyperparameters["x"]) - 0.3) ** 2])


def warm(name: str, *parents: str, kind: str = IDENTICAL, **more):
    entries = [{"HyperParameterTuningJobName": parent} for parent in parents]
    config = {"ParentHyperParameterTuningJobs": entries, "WarmStartType": kind}
    return request(name, Strategy="Bayesian", **more) | {"WarmStartConfig": config}


def refusal(tuned, asked) -> str:
    with pytest.raises(ApiError) as refused:
        tuned.create(asked)
    assert refused.value.code == "ValidationException"
    return refused.value.message


def test_a_child_starts_from_what_its_parent_found(tuning):
    tuned = tuning(square)
    tuned.run(request("parent", jobs=20))
    tuned.run(warm("child", "parent", jobs=5))
    values = [float(trial["TunedHyperParameters"]["x"]) for trial in tuned.trials("child")]
    assert sum(abs(value - 0.3) < 0.3 for value in values) >= 4
    assert len(values) == 5


def test_the_overall_best_is_the_best_of_child_and_parents(tuning):
    runs = iter([0.5, 0.1, 0.9, 0.7, 0.05])
    tuned = tuning(lambda hyperparameters: Outcome([next(runs)]))
    parent = tuned.run(request("parent", jobs=2))
    child = tuned.run(warm("child", "parent", jobs=2))
    overall = child["OverallBestTrainingJob"]
    assert overall["TuningJobName"] == "parent"
    assert overall["TrainingJobName"] == parent["BestTrainingJob"]["TrainingJobName"]
    assert overall["TrainingJobName"] != child["BestTrainingJob"]["TrainingJobName"]
    grandchild = tuned.run(warm("grandchild", "child", jobs=1))
    assert grandchild["OverallBestTrainingJob"]["TuningJobName"] == "grandchild"
    assert "OverallBestTrainingJob" not in parent


def test_with_other_data_results_are_not_compared(tuning):
    tuned = tuning(square)
    tuned.run(request("parent", jobs=1))
    child = tuned.run(warm("child", "parent", kind=TRANSFER, jobs=1))
    assert "OverallBestTrainingJob" not in child


def test_a_hyperparameter_that_was_static_counts_where_it_fits_the_new_range(tuning):
    tuned = tuning(square)
    parent = request("parent", jobs=3)
    parent["TrainingJobDefinition"]["StaticHyperParameters"] = {"units": '"64"'}
    tuned.run(parent)
    ranges = {
        "ContinuousParameterRanges": [continuous("x", "-1", "1")],
        "IntegerParameterRanges": [{"Name": "units", "MinValue": "1", "MaxValue": "128"}],
    }
    child = warm("child", "parent", jobs=2, ParameterRanges=ranges)
    child["TrainingJobDefinition"]["StaticHyperParameters"] = {}
    assert tuned.run(child)["HyperParameterTuningJobStatus"] == "Completed"


def test_parents_that_cannot_serve_are_refused_by_name(tuning):
    tuned = tuning(square)
    assert "'ghost' does not exist" in refusal(tuned, warm("child", "ghost"))
    tuned.run(request("parent", jobs=1))
    other = warm("child", "parent")
    objective = other["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    objective["Type"] = "Maximize"
    assert "must be the same" in refusal(tuned, other)
    image = warm("child", "parent")
    image["TrainingJobDefinition"]["AlgorithmSpecification"]["TrainingImage"] = "other:2"
    assert "use the WarmStartType TransferLearning" in refusal(tuned, image)
    image["WarmStartConfig"]["WarmStartType"] = TRANSFER
    assert tuned.run(image)["HyperParameterTuningJobStatus"] == "Completed"


def test_the_number_of_hyperparameters_must_stay_the_same(tuning):
    tuned = tuning(square)
    tuned.run(request("parent", jobs=1))
    more = warm("child", "parent")
    more["TrainingJobDefinition"]["StaticHyperParameters"] = {"epochs": "3", "extra": "1"}
    assert "has 3 hyperparameters, static and tuned, but its parent 'parent' has 2" in refusal(
        tuned, more
    )


def test_a_running_parent_is_refused(tuning):
    tuned = tuning(lambda hyperparameters: Outcome([0.3], until_stopped=True))
    tuned.create(request("parent", jobs=1))
    assert "'parent' is InProgress" in refusal(tuned, warm("child", "parent"))
    tuned.call("StopHyperParameterTuningJob", HyperParameterTuningJobName="parent")
    assert tuned.wait("parent")["HyperParameterTuningJobStatus"] == "Stopped"
