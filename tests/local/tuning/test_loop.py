from __future__ import annotations

import dataclasses

from local.tuning import TuningJobs
from tests.local.tuning.fake_training import FakeTrainingJobs, Outcome, Tuning, request

KIND = "HyperParameterTuningJob"


def test_the_runtime_limit_stops_what_runs_and_keeps_what_was_found(backend):
    clock = [1000.0]
    clocked = dataclasses.replace(backend, now=lambda: clock[0])
    jobs = FakeTrainingJobs(clocked, lambda hyperparameters: Outcome([0.4], until_stopped=True))
    tuned = Tuning(clocked, jobs, TuningJobs(clocked, jobs.create, jobs.call))
    limits = {
        "MaxNumberOfTrainingJobs": 9,
        "MaxParallelTrainingJobs": 2,
        "MaxRuntimeInSeconds": 600,
    }
    name = tuned.create(request(ResourceLimits=limits))
    clocked.store.wait(KIND, name, lambda d: len(d["_trials"]) == 2, timeout=8)
    clock[0] += 600
    answer = tuned.wait(name)
    assert answer["HyperParameterTuningJobStatus"] == "Completed"
    assert answer["TrainingJobStatusCounters"]["Stopped"] == 2
    assert answer["ConsumedResources"] == {"RuntimeInSeconds": 600}
    assert answer["BestTrainingJob"]["TrainingJobStatus"] == "Stopped"


def test_a_training_job_whose_document_is_gone_counts_as_failed(backend):
    def create(asked, arn, on_metric):
        name = asked["TrainingJobName"]
        document = {
            "TrainingJobName": name,
            "TrainingJobArn": backend.arn(f"training-job/{name}"),
            "TrainingJobStatus": "InProgress",
            "CreationTime": 0.0,
        }
        backend.store.create("TrainingJob", name, document)
        return {"TrainingJobArn": document["TrainingJobArn"]}

    jobs = FakeTrainingJobs(backend, lambda hyperparameters: Outcome())
    tuned = Tuning(backend, jobs, TuningJobs(backend, create, jobs.call))
    name = tuned.create(request(jobs=1))
    document = backend.store.wait(KIND, name, lambda d: bool(d["_trials"]), timeout=8)
    backend.store.delete("TrainingJob", document["_trials"][0]["TrainingJobName"])
    answer = tuned.wait(name)
    assert answer["HyperParameterTuningJobStatus"] == "Failed"
    assert "InternalServerError: the job was deleted." in answer["FailureReason"]
