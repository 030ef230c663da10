"""Two environments of which one promotes to the other, and what a test asks them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.stage import Stage


@dataclass
class Pair:
    """Two environments, and a command line that knows both and asks the account of `prod`."""

    dev: Stage
    prod: Stage
    command_line: CommandLine
    file: str

    def promote(self, *arguments: str) -> Any:
        options = (f"--settings={self.file}", "--env", "dev", "--to", "prod")
        return self.command_line.json("promote", *arguments, *options)

    def versions(self) -> list[dict[str, Any]]:
        """What the registry of `prod` holds, oldest first."""
        found = self.prod.client("sagemaker").list_model_packages(
            ModelPackageGroupName=self.prod.session.settings.pipeline.model_package_group,
            SortOrder="Ascending",
        )
        return list(found["ModelPackageSummaryList"])

    def promotions(self) -> list[dict[str, Any]]:
        """The executions that ended well, each with its output; no other may have ended."""
        states = self.prod.client("stepfunctions")
        machine = self.prod.names.state_machine_arn("promote")
        listed = states.list_executions(stateMachineArn=machine)["executions"]
        ended = [each for each in listed if each["status"] != "RUNNING"]
        found = [states.describe_execution(executionArn=each["executionArn"]) for each in ended]
        assert [each["cause"] for each in found if each["status"] != "SUCCEEDED"] == []
        return [json.loads(each["output"]) for each in found]

    def promoted(self, version: dict[str, Any]) -> dict[str, Any]:
        """A version's own words on where it is from, once its bytes were held against them."""
        described = self.prod.client("sagemaker").describe_model_package(
            ModelPackageName=version["ModelPackageArn"]
        )
        told: dict[str, Any] = described["CustomerMetadataProperties"]
        (container,) = described["InferenceSpecification"]["Containers"]
        bucket = self.prod.session.settings.bucket
        copied = self.prod.client("s3").get_object(
            Bucket=bucket,
            Key=container["ModelDataUrl"].removeprefix(f"s3://{bucket}/"),
            ChecksumMode="ENABLED",
        )
        assert copied["ChecksumSHA256"] == told["sha256"]
        return told
