"""Progress says each change once, from what any client may read."""

import pytest

from commands.progress import LogTail, Progress


class NoSuchGroup(Exception):
    pass


class Logs:
    """A log service with one stream that grows."""

    class exceptions:  # noqa: N801 - boto3's own name
        ResourceNotFoundException = NoSuchGroup

    def __init__(self, messages=None):
        self.messages = messages

    def describe_log_streams(self, logGroupName, logStreamNamePrefix):  # noqa: N803
        if self.messages is None:
            raise NoSuchGroup
        return {"logStreams": [{"logStreamName": f"{logStreamNamePrefix}algo-1"}]}

    def get_log_events(self, logGroupName, logStreamName, startFromHead, nextToken="0"):  # noqa: N803
        new = self.messages[int(nextToken) :]
        return {
            "events": [{"message": message} for message in new],
            "nextForwardToken": str(len(self.messages)),
        }


class SageMaker:
    """Plays a list of executions, one a look; the last one stays."""

    def __init__(self, *looks):
        self.looks = list(looks)

    def describe_pipeline_execution(self, PipelineExecutionArn):  # noqa: N803
        self.now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {"PipelineExecutionStatus": self.now["status"]}

    def list_pipeline_execution_steps(self, PipelineExecutionArn, SortOrder):  # noqa: N803
        return {"PipelineExecutionSteps": self.now["steps"]}

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **request):
        return {"TrainingJobSummaries": self.now["trials"]}


def step(name, status, kind="TrainingJob", **more):
    metadata = {kind: {"Arn": f"arn:aws:sagemaker:::x/{name.lower()}-job"}}
    return {"StepName": name, "StepStatus": status, "Metadata": metadata, **more}


def follow(sagemaker, logs=None):
    said: list[str] = []
    progress = Progress(sagemaker, logs or Logs(), "arn", said.append)
    final = progress.follow(interval=0, sleep=lambda seconds: None)
    return final, said


def test_each_change_of_a_step_is_said_once():
    executing = {"status": "Executing", "steps": [step("Train", "Executing")]}
    done = {"status": "Succeeded", "steps": [step("Train", "Succeeded")]}
    final, said = follow(SageMaker(executing, executing, executing, done))
    assert final["status"] == "Succeeded"
    assert said == ["Train      Executing", "Train      Succeeded"]


def test_a_failed_step_says_its_reason():
    failed = step("Train", "Failed", FailureReason="AlgorithmError: no photos")
    _, said = follow(SageMaker({"status": "Failed", "steps": [failed]}))
    assert said == ["Train      Failed AlgorithmError: no photos"]


def test_the_newest_epoch_is_said_and_nothing_twice():
    logs = Logs(["INFO start", "metrics epoch=1 train:loss=2.0", "metrics epoch=2 train:loss=1.5"])
    executing = {"status": "Executing", "steps": [step("Train", "Executing")]}
    done = {"status": "Succeeded", "steps": [step("Train", "Succeeded")]}
    _, said = follow(SageMaker(executing, executing, done), logs)
    assert [line for line in said if "epoch" in line] == ["Train      epoch 2  train:loss 1.5"]


def test_what_a_rule_found_is_passed_on():
    found = "WARNING rule overfit, epoch 2: The validation loss is high."
    ended = "INFO training ended in epoch 2 by the rule overfit; the model is that of epoch 1"
    logs = Logs(["INFO start", "metrics epoch=2 train:loss=1.5", found, ended])
    executing = {"status": "Executing", "steps": [step("Train", "Executing")]}
    done = {"status": "Succeeded", "steps": [step("Train", "Succeeded")]}
    _, said = follow(SageMaker(executing, executing, done), logs)
    assert said[:3] == [
        "Train      epoch 2  train:loss 1.5",
        f"Train      {found}",
        f"Train      {ended}",
    ]


def test_trials_are_numbered_with_what_they_tried_and_reached():
    trial = {
        "TrainingJobName": "tune-001",
        "TrainingJobStatus": "Completed",
        "TunedHyperParameters": {"learning_rate": "0.0123456", "batch_size": '"64"'},
        "FinalHyperParameterTuningJobObjectiveMetric": {
            "MetricName": "validation:loss",
            "Value": 0.25,
        },
    }
    tune = step("Tune", "Executing", "TuningJob")
    running = {"status": "Executing", "steps": [tune], "trials": [trial]}
    done = {"status": "Succeeded", "steps": [step("Tune", "Succeeded", "TuningJob")]}
    _, said = follow(SageMaker(running, running, {**done, "trials": [trial]}))
    line = "Tune       trial 1 Completed: batch_size=64 learning_rate=0.01235"
    assert said.count(f"{line} → validation:loss 0.2500") == 1


def test_a_retry_is_said_as_another_attempt():
    first = {"status": "Executing", "steps": [step("Train", "Executing", AttemptCount=1)]}
    second = {"status": "Executing", "steps": [step("Train", "Executing", AttemptCount=2)]}
    done = {"status": "Succeeded", "steps": [step("Train", "Succeeded", AttemptCount=2)]}
    _, said = follow(SageMaker(first, second, done))
    assert said[1] == "Train      Executing (attempt 2)"


@pytest.mark.parametrize("messages", [None, []])
def test_a_job_without_logs_yet_has_no_lines(messages):
    assert list(LogTail(Logs(messages), "group", "job").new_lines()) == []


def test_a_running_trial_shows_its_newest_epoch():
    trial = {
        "TrainingJobName": "tune-001",
        "TrainingJobStatus": "InProgress",
        "TunedHyperParameters": {"optimizer": '"adam"'},
    }
    tune = step("Tune", "Executing", "TuningJob")
    running = {"status": "Executing", "steps": [tune], "trials": [trial]}
    done = {"status": "Stopped", "steps": [step("Tune", "Stopped", "TuningJob")]}
    logs = Logs(["metrics epoch=3 validation:loss=0.5"])
    _, said = follow(SageMaker(running, running, {**done, "trials": [trial]}), logs)
    assert "Tune       trial 1 InProgress: optimizer=adam" in said
    assert "Tune       trial 1 epoch 3  validation:loss 0.5" in said
