from __future__ import annotations

import re
import threading

import pytest

from local.errors import ApiError, validation_error
from local.tuning import TuningJobs
from tests.local.tuning.fake_training import METRIC, Outcome, continuous, definition, request


def square(hyperparameters: dict[str, str]) -> Outcome:
    loss = float(hyperparameters["x"]) ** 2
    return Outcome([loss + 1, loss])


def test_a_tuning_job_runs_all_its_trials_and_names_the_best(tuning):
    tuned = tuning(square)
    answer = tuned.run(request(jobs=5))
    assert answer["HyperParameterTuningJobStatus"] == "Completed"
    trials = tuned.trials("tune")
    assert answer["TrainingJobStatusCounters"]["Completed"] == len(trials) == 5
    assert answer["ObjectiveStatusCounters"] == {"Succeeded": 5, "Pending": 0, "Failed": 0}
    best = answer["BestTrainingJob"]
    final = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert final == {
        "Type": "Minimize",
        "MetricName": METRIC,
        "Value": min(float(t["TunedHyperParameters"]["x"]) ** 2 for t in trials),
    }
    assert best["ObjectiveStatus"] == "Succeeded"
    assert best["TrainingEndTime"] >= best["CreationTime"]
    assert answer["HyperParameterTuningEndTime"] >= answer["CreationTime"]
    assert "RuntimeInSeconds" in answer["ConsumedResources"]
    assert not [key for key in answer if key.startswith("_")]


def test_a_trial_is_the_definition_with_tuned_static_and_objective_hyperparameters(tuning):
    tuned = tuning(square)
    tuned.run(request(jobs=1) | {"Tags": [{"Key": "team", "Value": "dogs"}]})
    [job] = tuned.jobs.requests
    assert re.fullmatch(r"tune-001-[0-9a-f]{8}", job["TrainingJobName"])
    x = tuned.trials("tune")[0]["TunedHyperParameters"]["x"]
    assert job["HyperParameters"] == {
        "epochs": "3",
        "x": x,
        "_tuning_objective_metric": METRIC,
    }
    assert job["Tags"] == [{"Key": "team", "Value": "dogs"}]
    assert job["ResourceConfig"]["InstanceType"] == "ml.m5.xlarge"
    assert job["OutputDataConfig"] == {"S3OutputPath": "s3://bucket/models"}
    arn = tuned.describe("tune")["HyperParameterTuningJobArn"]
    assert tuned.jobs.tuning_job_arns == {arn}
    assert tuned.backend.tags.actions["ListTags"]({"ResourceArn": arn})["Tags"] == job["Tags"]


def test_the_same_seed_tries_the_same_values_and_a_seed_is_recorded_without_one(tuning):
    def values(name: str, **config):
        tuned.run(request(name, Strategy="Bayesian", jobs=6, **config))
        return [trial["TunedHyperParameters"]["x"] for trial in tuned.trials(name)]

    tuned = tuning(square)
    assert values("first") == values("second") != values("third", RandomSeed=8)
    unseeded = request("fourth")
    del unseeded["HyperParameterTuningJobConfig"]["RandomSeed"]
    recorded = tuned.run(unseeded)["HyperParameterTuningJobConfig"]["RandomSeed"]
    seeded = tuned.run(request("fifth", RandomSeed=recorded))
    assert (
        tuned.trials("fourth")[0]["TunedHyperParameters"]
        == tuned.trials("fifth")[0]["TunedHyperParameters"]
    )
    assert seeded["HyperParameterTuningJobStatus"] == "Completed"


def test_trials_run_beside_each_other_up_to_the_limit(tuning):
    meeting = threading.Barrier(3, timeout=20)  # broken unless three trials run at once

    def together(hyperparameters):
        meeting.wait()
        return square(hyperparameters)

    tuned = tuning(together)
    limits = {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 3}
    answer = tuned.run(request(ResourceLimits=limits))
    assert answer["TrainingJobStatusCounters"]["Completed"] == 6
    assert tuned.jobs.most_running == 3


def test_a_grid_counts_its_own_jobs(tuning):
    values = [
        {"Name": "x", "Values": ["1", "2", "3"]},
        {"Name": "kind", "Values": ['"a"', '"b"']},
    ]
    grid = request(
        jobs=None, Strategy="Grid", ParameterRanges={"CategoricalParameterRanges": values}
    )
    tuned = tuning(square)
    answer = tuned.run(grid)
    limits = answer["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert limits["MaxNumberOfTrainingJobs"] == 6
    tried = [
        (t["TunedHyperParameters"]["x"], t["TunedHyperParameters"]["kind"])
        for t in tuned.trials("tune")
    ]
    assert len(set(tried)) == 6
    assert ("2", '"b"') in tried


def test_a_failed_trial_does_not_fail_the_tuning_job(tuning):
    runs = iter(range(9))

    def second_fails(hyperparameters):
        if next(runs) == 1:
            return Outcome([0.1], failure="AlgorithmError: ValueError: no memory")
        return square(hyperparameters)

    tuned = tuning(second_fails)
    answer = tuned.run(request(jobs=3))
    assert answer["HyperParameterTuningJobStatus"] == "Completed"
    assert answer["TrainingJobStatusCounters"] == {
        "Completed": 2,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 1,
        "Stopped": 0,
    }
    assert answer["ObjectiveStatusCounters"]["Failed"] == 1
    failed = tuned.trials("tune", StatusEquals="Failed")
    assert [trial["FailureReason"] for trial in failed] == ["AlgorithmError: ValueError: no memory"]
    assert "FinalHyperParameterTuningJobObjectiveMetric" not in failed[0]


def test_when_all_trials_fail_the_first_ones_reason_is_given(tuning):
    tuned = tuning(lambda hyperparameters: Outcome(failure="InternalServerError: a host was lost"))
    answer = tuned.run(request(jobs=2))
    first = tuned.trials("tune")[0]["TrainingJobName"]
    assert answer["HyperParameterTuningJobStatus"] == "Failed"
    assert answer["FailureReason"] == (
        f"All training jobs failed; the first, {first}: InternalServerError: a host was lost"
    )
    assert answer["TrainingJobStatusCounters"]["RetryableError"] == 2
    assert "BestTrainingJob" not in answer


def test_a_trial_without_the_metric_names_the_metric_and_its_expression(tuning):
    tuned = tuning(lambda hyperparameters: Outcome())
    answer = tuned.run(request(jobs=9))
    assert answer["HyperParameterTuningJobStatus"] == "Failed"
    trials = tuned.trials("tune")
    assert len(trials) == 5  # AWS gives up after five as well
    for text in (trials[0]["FailureReason"], answer["FailureReason"]):
        assert f"'{METRIC}'" in text
        assert "'validation:loss=([0-9.]+)'" in text
    assert {trial["ObjectiveStatus"] for trial in trials} == {"Failed"}
    assert trials[0]["TrainingJobStatus"] == "Completed"


def test_an_objective_that_is_not_a_number_is_never_the_best(tuning):
    runs = iter([float("nan"), 0.5, float("-inf")])
    tuned = tuning(lambda hyperparameters: Outcome([next(runs)]))
    answer = tuned.run(request(jobs=3))
    best = answer["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]
    assert best["Value"] == 0.5
    assert "ended as nan" in tuned.trials("tune")[0]["FailureReason"]


def test_median_stopping_stops_a_trial_that_is_worse_than_its_predecessors(tuning):
    runs = iter(range(9))

    def third_is_bad(hyperparameters):
        bad = next(runs) == 2
        return Outcome([1.5, 1.2] if bad else [1.0, 0.5, 0.2], until_stopped=bad)

    tuned = tuning(third_is_bad)
    answer = tuned.run(request(jobs=4, TrainingJobEarlyStoppingType="Auto"))
    assert answer["HyperParameterTuningJobStatus"] == "Completed"
    third = tuned.trials("tune")[2]
    assert tuned.jobs.stopped == [third["TrainingJobName"]]
    assert third["TrainingJobStatus"] == "Stopped"
    assert third["ObjectiveStatus"] == "Succeeded"
    assert answer["TrainingJobStatusCounters"]["Stopped"] == 1


def test_without_early_stopping_a_bad_trial_runs_to_its_end(tuning):
    runs = iter(range(9))
    tuned = tuning(lambda hyperparameters: Outcome([1.0 + next(runs)] * 3))
    answer = tuned.run(request(jobs=4))
    assert answer["TrainingJobStatusCounters"]["Completed"] == 4
    assert tuned.jobs.stopped == []


def test_hyperband_stops_what_reaches_the_most_resources(tuning):
    tuned = tuning(lambda hyperparameters: Outcome([0.5, 0.4], until_stopped=True))
    hyperband = request(
        jobs=1,
        Strategy="Hyperband",
        StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 2}},
    )
    answer = tuned.run(hyperband)
    assert answer["TrainingJobStatusCounters"]["Stopped"] == 1
    final = answer["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]
    assert final["Value"] == 0.4


def test_hyperband_leaves_a_script_that_ends_there_itself(tuning):
    tuned = tuning(lambda hyperparameters: Outcome([0.5, 0.4, 0.3]))  # its static epochs are 3
    answer = tuned.run(request(jobs=1, Strategy="Hyperband"))
    assert answer["TrainingJobStatusCounters"]["Completed"] == 1
    assert tuned.jobs.stopped == []


def test_hyperband_gives_up_bad_trials_early(tuning):
    runs = iter(range(20))

    def getting_worse(hyperparameters):
        run = next(runs)
        return Outcome([1.0 + run], until_stopped=run > 0)

    tuned = tuning(getting_worse)
    answer = tuned.run(
        request(
            jobs=4,
            Strategy="Hyperband",
            StrategyConfig={"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 2}},
        )
    )
    assert answer["TrainingJobStatusCounters"]["Stopped"] == 3
    assert answer["TrainingJobStatusCounters"]["Completed"] == 1


def test_a_target_that_is_reached_ends_the_tuning_job(tuning):
    runs = iter([0.9, 0.4, 0.1, 0.1])
    tuned = tuning(lambda hyperparameters: Outcome([next(runs)]))
    answer = tuned.run(
        request(jobs=4, TuningJobCompletionCriteria={"TargetObjectiveMetricValue": 0.5})
    )
    assert answer["HyperParameterTuningJobStatus"] == "Completed"
    assert answer["TrainingJobStatusCounters"]["Completed"] == 2


def test_trials_that_no_longer_improve_end_the_tuning_job(tuning):
    runs = iter([0.9, 0.5, 0.6, 0.499, 0.7, 0.1])
    tuned = tuning(lambda hyperparameters: Outcome([next(runs)]))
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    answer = tuned.run(request(jobs=6, TuningJobCompletionCriteria=criteria))
    assert answer["TrainingJobStatusCounters"]["Completed"] == 5
    assert answer["TuningJobCompletionDetails"] == {"NumberOfTrainingJobsObjectiveNotImproving": 3}


def test_stopping_stops_the_running_trials_and_starts_no_more(tuning):
    tuned = tuning(lambda hyperparameters: Outcome([0.3], until_stopped=True))
    name = tuned.create(request(jobs=9))
    tuned.backend.store.wait(
        "HyperParameterTuningJob", name, lambda d: len(d["_trials"]) == 1, timeout=20
    )
    tuned.call("StopHyperParameterTuningJob", HyperParameterTuningJobName=name)
    answer = tuned.wait(name)
    assert answer["HyperParameterTuningJobStatus"] == "Stopped"
    assert answer["TrainingJobStatusCounters"]["Stopped"] == len(tuned.trials(name)) == 1
    with pytest.raises(ApiError, match="has ended already") as refusal:
        tuned.call("StopHyperParameterTuningJob", HyperParameterTuningJobName=name)
    assert refusal.value.code == "ValidationException"


def test_a_training_job_that_cannot_be_created_fails_the_tuning_job_with_its_reason(tuning):
    tuned = tuning(square)

    def refuse(request, arn, on_metric):
        raise validation_error("There is no object under s3://bucket/none.")

    refusing = TuningJobs(tuned.backend, refuse, tuned.jobs.call)
    refusing.actions["CreateHyperParameterTuningJob"](request())
    answer = tuned.wait("tune")
    assert answer["HyperParameterTuningJobStatus"] == "Failed"
    assert "There is no object under s3://bucket/none." in answer["FailureReason"]


def test_a_fault_of_the_tuner_itself_fails_the_job_instead_of_hanging(tuning, caplog):
    tuned = tuning(square)

    def broken(request, arn, on_metric):
        raise RuntimeError("disk full")

    service = TuningJobs(tuned.backend, broken, tuned.jobs.call)
    service.actions["CreateHyperParameterTuningJob"](request())
    answer = tuned.wait("tune")
    assert answer["FailureReason"].startswith("InternalServerError")
    assert "disk full" in answer["FailureReason"]


def test_several_definitions_take_turns_and_compete(tuning):
    def body(name: str, low: str, high: str):
        return definition(
            DefinitionName=name,
            TuningObjective={"Type": "Minimize", "MetricName": METRIC},
            HyperParameterRanges={"ContinuousParameterRanges": [continuous("x", low, high)]},
        )

    several = request(jobs=6)
    del several["TrainingJobDefinition"]
    for key in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        del several["HyperParameterTuningJobConfig"][key]
    several["TrainingJobDefinitions"] = [body("far", "5", "6"), body("near", "0", "1")]
    tuned = tuning(square)
    answer = tuned.run(several)
    names = [trial["TrainingJobDefinitionName"] for trial in tuned.trials("tune")]
    assert sorted(names) == ["far"] * 3 + ["near"] * 3
    assert answer["BestTrainingJob"]["TrainingJobDefinitionName"] == "near"
    for entry in answer["TrainingJobDefinitions"]:
        assert entry["StaticHyperParameters"]["_tuning_objective_metric"] == METRIC


def test_a_tuning_resource_config_becomes_the_training_jobs_own(tuning):
    flexible = request(jobs=1)
    body = flexible["TrainingJobDefinition"]
    del body["ResourceConfig"]
    configs = [
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 9},
        {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    ]
    body["HyperParameterTuningResourceConfig"] = {
        "AllocationStrategy": "Prioritized",
        "InstanceConfigs": configs,
    }
    tuned = tuning(square)
    tuned.run(flexible)
    assert tuned.jobs.requests[0]["ResourceConfig"] == configs[0]


def test_trials_are_listed_in_the_order_asked_for_page_by_page(tuning):
    runs = iter([0.3, None, 0.1, 0.2])

    def behave(hyperparameters):
        loss = next(runs)
        return Outcome(failure="AlgorithmError: x") if loss is None else Outcome([loss])

    tuned = tuning(behave)
    tuned.run(request(jobs=4))

    def losses(**order):
        return [
            trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
            for trial in tuned.trials("tune", SortBy="FinalObjectiveMetricValue", **order)
        ]

    assert losses() == [0.1, 0.2, 0.3]
    assert losses(SortOrder="Descending") == [0.3, 0.2, 0.1]
    names = [trial["TrainingJobName"] for trial in tuned.trials("tune")]
    assert names == sorted(names)
    page = tuned.call(
        "ListTrainingJobsForHyperParameterTuningJob",
        HyperParameterTuningJobName="tune",
        MaxResults=3,
    )
    rest = tuned.trials("tune", MaxResults=3, NextToken=page["NextToken"])
    assert [t["TrainingJobName"] for t in [*page["TrainingJobSummaries"], *rest]] == names


def test_tuning_jobs_are_listed_with_strategy_and_limits(tuning):
    tuned = tuning(square)
    for name in ("beta", "alpha"):
        tuned.run(request(name, jobs=1))
    answer = tuned.call("ListHyperParameterTuningJobs")
    summaries = answer["HyperParameterTuningJobSummaries"]
    assert [s["HyperParameterTuningJobName"] for s in summaries] == ["alpha", "beta"]
    assert summaries[0]["Strategy"] == "Random"
    assert summaries[0]["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 1
    found = tuned.call("ListHyperParameterTuningJobs", NameContains="bet", StatusEquals="Completed")
    assert len(found["HyperParameterTuningJobSummaries"]) == 1


def test_names_are_unique_and_unknown_ones_are_refused(tuning):
    tuned = tuning(square)
    tuned.run(request(jobs=1))
    with pytest.raises(ApiError, match="'tune' exists already") as taken:
        tuned.create(request(jobs=1))
    assert taken.value.code == "ResourceInUse"
    for action in (
        "DescribeHyperParameterTuningJob",
        "StopHyperParameterTuningJob",
        "DeleteHyperParameterTuningJob",
        "ListTrainingJobsForHyperParameterTuningJob",
    ):
        with pytest.raises(ApiError, match="'none' does not exist") as missing:
            tuned.call(action, HyperParameterTuningJobName="none")
        assert missing.value.code == "ResourceNotFound"


def test_only_an_ended_tuning_job_can_be_deleted(tuning):
    tuned = tuning(lambda hyperparameters: Outcome([0.3], until_stopped=True))
    name = tuned.create(request(jobs=1))
    with pytest.raises(ApiError, match="stop it before deleting"):
        tuned.call("DeleteHyperParameterTuningJob", HyperParameterTuningJobName=name)
    tuned.call("StopHyperParameterTuningJob", HyperParameterTuningJobName=name)
    tuned.wait(name)
    tuned.call("DeleteHyperParameterTuningJob", HyperParameterTuningJobName=name)
    with pytest.raises(ApiError, match="does not exist"):
        tuned.describe(name)


def test_recover_fails_what_an_earlier_server_left_running(tuning):
    tuned = tuning(lambda hyperparameters: Outcome([0.3], until_stopped=True))
    tuned.service.actions["CreateHyperParameterTuningJob"](request(jobs=1))
    tuned.backend.store.wait(
        "HyperParameterTuningJob", "tune", lambda d: len(d["_trials"]) == 1, timeout=20
    )
    document = tuned.backend.store.get("HyperParameterTuningJob", "tune")
    left = document | {"HyperParameterTuningJobName": "left"}  # no thread runs this one
    tuned.backend.store.create("HyperParameterTuningJob", "left", left)
    tuned.call("StopHyperParameterTuningJob", HyperParameterTuningJobName="tune")
    tuned.wait("tune")
    TuningJobs(tuned.backend, tuned.jobs.create, tuned.jobs.call).recover()
    answer = tuned.describe("left")
    assert answer["HyperParameterTuningJobStatus"] == "Failed"
    assert "the local server stopped" in answer["FailureReason"]
    assert answer["TrainingJobStatusCounters"]["InProgress"] == 0
    assert tuned.describe("tune")["HyperParameterTuningJobStatus"] == "Stopped"


def test_every_change_of_status_is_an_event(tuning, monkeypatch):
    tuned = tuning(square)
    sent = []
    monkeypatch.setattr(tuned.backend.events, "emit", lambda *event: sent.append(event))
    tuned.run(request(jobs=1))
    tuned.backend.store.wait(
        "HyperParameterTuningJob", "tune", lambda d: len(sent) == 2, timeout=20
    )
    assert {kind for kind, _, _ in sent} == {"SageMaker HyperParameter Tuning Job State Change"}
    details = [detail for _, detail, _ in sent]
    assert [d["HyperParameterTuningJobStatus"] for d in details] == ["InProgress", "Completed"]
    assert isinstance(details[1]["HyperParameterTuningEndTime"], int)
    assert details[1]["TrainingJobStatusCounters"]["Completed"] == 1
