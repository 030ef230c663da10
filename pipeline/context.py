"""What every step of one compilation shares: settings, code, parameters, places, policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.images import wanted_image
from settings import Settings
from settings.pipeline import Evaluate, Prepare

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"


def arguments(options: Mapping[str, Any]) -> list[Any]:
    """Options of a processing script, as its command line takes them."""
    return [part for name, value in options.items() for part in (f"--{name}", value)]


@dataclass(frozen=True)
class Context:
    """One compilation.

    `code` names the code package of each step by its S3 URI; `parameters` are the SDK's pipeline
    parameters by name; `session` is the offline session; `framework` is that of the jobs' image.
    """

    settings: Settings
    code: Mapping[str, str]
    parameters: Mapping[str, Any]
    session: Any
    framework: str = "pytorch"

    @property
    def tags(self) -> list[dict[str, str]]:
        """The environment's tags in SageMaker's form, in a stable order."""
        return [{"Key": key, "Value": value} for key, value in sorted(self.settings.tags.items())]

    @property
    def kms_key(self) -> str | None:
        """The key for volumes and outputs, or None for AWS's own."""
        return self.settings.aws.kms_key or None

    def execution_uri(self, *parts: str) -> Any:
        """A place in S3 that belongs to one execution alone."""
        from sagemaker.workflow.execution_variables import ExecutionVariables
        from sagemaker.workflow.functions import Join

        root = f"s3://{self.settings.bucket}/executions/{self.settings.pipeline.name}"
        return Join(on="/", values=[root, ExecutionVariables.PIPELINE_EXECUTION_ID, *parts])

    def image_uri(self, scope: str, instance_type: str) -> str:
        """AWS's image for `scope` (training or inference); raises UnknownImage."""
        image = wanted_image(self.settings, self.framework, scope)
        return image.uri(self.settings.aws.region, instance_type)

    def processor(self, step: str, section: Prepare | Evaluate, **options: Any) -> Any:
        """The SDK's processor that runs `steps/<step>.py` on one host, as `section` says.

        The parameter `<Step>InstanceType` chooses the machine.
        """
        from sagemaker.processing import Processor

        return Processor(
            role=self.settings.jobs_role_arn,
            image_uri=self.image_uri("training", section.instance_type),
            entrypoint=["python3", f"{INPUT}/code/{step}.py"],
            instance_count=1,
            instance_type=self.parameters[f"{step.capitalize()}InstanceType"],
            volume_size_in_gb=section.volume_gb,
            max_runtime_in_seconds=section.max_runtime_seconds,
            volume_kms_key=self.kms_key,
            output_kms_key=self.kms_key,
            network_config=self._network(),
            tags=self.tags,
            sagemaker_session=self.session,
            **options,
        )

    def _network(self) -> Any:
        """The network of processing jobs, or None outside a VPC."""
        from sagemaker.network import NetworkConfig

        aws = self.settings.aws
        if not aws.subnets:
            return None
        return NetworkConfig(
            security_group_ids=list(aws.security_groups),
            subnets=list(aws.subnets),
            encrypt_inter_container_traffic=True,
        )

    def caching(self) -> Any:
        """Reuse an equal step's result until the cache expires."""
        from sagemaker.workflow.steps import CacheConfig

        return CacheConfig(enable_caching=True, expire_after=self.settings.pipeline.cache_expiry)

    def step_retries(self) -> list[Any]:
        """Retries for faults of the pipeline service itself."""
        from sagemaker.workflow.retry import StepExceptionTypeEnum, StepRetryPolicy

        kinds = [StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING]
        return [StepRetryPolicy(exception_types=kinds, **self._patience())]

    def job_retries(self) -> list[Any]:
        """Retries for a job step: a lost host, no capacity, a limit, or the service itself."""
        from sagemaker.workflow.retry import (
            SageMakerJobExceptionTypeEnum,
            SageMakerJobStepRetryPolicy,
        )

        lost = [SageMakerJobExceptionTypeEnum.INTERNAL_ERROR]
        full = [
            SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
            SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT,
        ]
        return [
            *self.step_retries(),
            SageMakerJobStepRetryPolicy(failure_reason_types=lost, **self._patience()),
            SageMakerJobStepRetryPolicy(exception_types=full, **self._patience()),
        ]

    def _patience(self) -> dict[str, Any]:
        retry = self.settings.retry
        return {
            "interval_seconds": retry.interval_seconds,
            "backoff_rate": retry.backoff_rate,
            "max_attempts": retry.max_attempts,
        }
