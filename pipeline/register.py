"""The Register step: a model package with its metrics, waiting for approval.

The artifact holds its own `code/inference.py`, so that no repacking job is added.
"""

from __future__ import annotations

from typing import Any

from pipeline.context import Context
from pipeline.evaluate import ACCURACY, DATA_DIGEST, figure, report_uri, samples_uri

CONTENT_TYPES = ["image/jpeg", "image/png", "application/json"]
SERVING = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
}


def register_step(context: Context, train: Any, evaluate: Any) -> Any:
    """Register; the SDK appends its own suffix to the name, which `definition` takes off."""
    from sagemaker.workflow.model_step import ModelStep

    settings = context.settings
    package = _model(context, train).register(
        content_types=CONTENT_TYPES,
        response_types=["application/json"],
        inference_instances=list(settings.register.inference_instance_types),
        transform_instances=list(settings.register.transform_instance_types),
        model_package_group_name=settings.pipeline.model_package_group,
        approval_status=context.parameters["ModelApprovalStatus"],
        model_metrics=_metrics(evaluate),
        customer_metadata_properties=_provenance(evaluate),
        description=f"Image classifier of the pipeline {settings.pipeline.name}",
    )
    return ModelStep(name="Register", step_args=package, retry_policies=context.step_retries())


def _model(context: Context, train: Any) -> Any:
    from sagemaker.model import Model

    first = context.settings.register.inference_instance_types[0]
    return Model(
        image_uri=context.image_uri("inference", first),
        model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
        role=context.settings.role_arn,
        env=SERVING,
        sagemaker_session=context.session,
    )


def _metrics(evaluate: Any) -> Any:
    from sagemaker.model_metrics import MetricsSource, ModelMetrics

    source = MetricsSource(content_type="application/json", s3_uri=report_uri(evaluate))
    return ModelMetrics(model_statistics=source)


def _provenance(evaluate: Any) -> dict[str, Any]:
    from sagemaker.workflow.execution_variables import ExecutionVariables

    return {
        # Metadata are strings; the SDK wraps the number into a join of one part.
        "accuracy": figure(ACCURACY).to_string(),
        "data_digest": figure(DATA_DIGEST),
        # The execution names its definition, and with it every code package.
        "pipeline_execution_arn": ExecutionVariables.PIPELINE_EXECUTION_ARN,
        # What the smoke tests of a deployment ask about.
        "smoke-samples": samples_uri(evaluate),
    }
