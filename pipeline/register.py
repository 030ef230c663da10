"""The Register step: a model package with its metrics, waiting for approval.

The artifact holds its own `code/inference.py`, so that no repacking job is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.context import Context
from pipeline.evaluate import ACCURACY, DATA_DIGEST, figure, report_uri, samples_uri

CONTENT_TYPES = ["image/jpeg", "image/png", "application/json"]
SERVING = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
}


@dataclass(frozen=True)
class Offer:
    """What a kind of model says of itself: which requests it takes, and its headline figure."""

    noun: str
    content_types: list[str]
    metric: str
    figure: str  # its path in the evaluation report


IMAGES = Offer("Image classifier", CONTENT_TYPES, "accuracy", ACCURACY)


def register_step(context: Context, train: Any, evaluate: Any, offer: Offer = IMAGES) -> Any:
    """Register; the SDK appends its own suffix to the name, which `definition` takes off."""
    from sagemaker.workflow.model_step import ModelStep

    settings = context.settings
    package = _model(context, train).register(
        content_types=offer.content_types,
        response_types=["application/json"],
        inference_instances=list(settings.register.inference_instance_types),
        transform_instances=list(settings.register.transform_instance_types),
        model_package_group_name=settings.pipeline.model_package_group,
        approval_status=context.parameters["ModelApprovalStatus"],
        model_metrics=_metrics(evaluate),
        customer_metadata_properties=_provenance(evaluate, offer),
        description=f"{offer.noun} of the pipeline {settings.pipeline.name}",
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


def _provenance(evaluate: Any, offer: Offer) -> dict[str, Any]:
    from sagemaker.workflow.execution_variables import ExecutionVariables

    return {
        # Metadata are strings; the SDK wraps the number into a join of one part.
        offer.metric: figure(offer.figure).to_string(),
        "data_digest": figure(DATA_DIGEST),
        # The execution names its definition, and with it every code package.
        "pipeline_execution_arn": ExecutionVariables.PIPELINE_EXECUTION_ARN,
        # What the smoke tests of a deployment ask about.
        "smoke-samples": samples_uri(evaluate),
    }
