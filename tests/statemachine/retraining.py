"""A pipeline that a retraining starts, working until a test lets it go on."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.statemachine.world import LONGEST, Environment


class Retraining:
    """An environment with a pipeline that works until a test lets it go on."""

    def __init__(self, aws: Environment) -> None:
        self.aws, self.settings = aws, aws.settings
        self._sagemaker, self._sqs = aws.client("sagemaker"), aws.client("sqs")
        name = f"{aws.names.endpoint}-work"
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        step = {
            "Name": "Work",
            "Type": "Callback",
            "SqsQueueUrl": self._queue,
            "Arguments": {"data": {"Get": "Parameters.InputDataUri"}},
        }
        given = {"Name": "InputDataUri", "Type": "String", "DefaultValue": "s3://none"}
        definition = {"Version": "2020-12-01", "Parameters": [given], "Steps": [step]}
        self._sagemaker.create_pipeline(
            PipelineName=self.settings.pipeline.name,
            PipelineDefinition=json.dumps(definition),
            ClientRequestToken="t" * 32,
            RoleArn="arn:aws:iam::123456789012:role/any",
        )
        aws.machine("retrain")

    def uri(self, data_set: str = "dogs") -> str:
        return f"s3://{self.settings.bucket}/{self.settings.triggers.data_prefix}/{data_set}"

    def event(self, version: str = "v1", data_set: str = "dogs", **more: Any) -> dict[str, Any]:
        """What the rule of data events makes of one."""
        marker = f"{self.uri(data_set)}/{self.settings.triggers.marker}"
        return {"cause": "data", "data_uri": marker, "data_version": version, **more}

    def storm(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """Outputs of the executions that start at the same time."""
        with ThreadPoolExecutor(10) as pool:
            started = list(pool.map(lambda one: self.aws.deliver(one, "retrain"), requests))
        return [self.output(execution) for execution in started]

    def output(self, execution: str) -> dict[str, Any]:
        ended = self.aws.end(execution)
        assert ended["status"] == "SUCCEEDED", ended
        return dict(ended["output"])

    def run(self, request: dict[str, Any], change: Any = None) -> dict[str, Any]:
        return self.aws.run(request, "retrain", change)

    def executions(self) -> list[dict[str, Any]]:
        name = self.settings.pipeline.name
        listed = self._sagemaker.list_pipeline_executions(PipelineName=name)
        return list(listed["PipelineExecutionSummaries"])

    def data_of(self, execution: str) -> str:
        """The InputDataUri of an execution of the pipeline."""
        listed = self._sagemaker.list_pipeline_parameters_for_execution(
            PipelineExecutionArn=execution
        )
        (given,) = listed["PipelineParameters"]
        return str(given["Value"])

    def finish(self, execution: str, well: bool = True) -> None:
        """Let an execution of the pipeline end."""
        token = self._token(execution)
        if well:
            self._sagemaker.send_pipeline_execution_step_success(CallbackToken=token)
        else:
            self._sagemaker.send_pipeline_execution_step_failure(
                CallbackToken=token, FailureReason="no more disk"
            )
        ends = time.monotonic() + LONGEST
        while self._status(execution) == "Executing":
            assert time.monotonic() < ends
            time.sleep(0.02)

    def _status(self, execution: str) -> str:
        shown = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
        return str(shown["PipelineExecutionStatus"])

    def _token(self, execution: str) -> str:
        ends = time.monotonic() + LONGEST
        while time.monotonic() < ends:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue, VisibilityTimeout=0, MaxNumberOfMessages=10
            )
            for message in answer.get("Messages", ()):
                body = json.loads(message["Body"])
                if body["pipelineExecutionArn"] == execution:
                    receipt = message["ReceiptHandle"]
                    self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=receipt)
                    return str(body["token"])
        raise AssertionError(f"the step of {execution} did not begin")
