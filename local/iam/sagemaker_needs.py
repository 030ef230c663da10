"""What SageMaker's operations need.

An update of an endpoint is checked against the endpoint and against its new configuration, and
reads the alarms that guard it. Whoever creates something with tags needs sagemaker:AddTags.
"""

from __future__ import annotations

from collections.abc import Iterator

from local.iam.needs import Need, Parameters, Place, Row, all_of, look, on, passing, where

SAGEMAKER = "sagemaker.amazonaws.com"
JOBS = {
    "TrainingJob": ("training-job", "RoleArn"),
    "ProcessingJob": ("processing-job", "RoleArn"),
    "TransformJob": ("transform-job", ""),
    "HyperParameterTuningJob": ("hyper-parameter-tuning-job", "TrainingJobDefinition.RoleArn"),
}
MODEL, CONFIG = "model/{ModelName}", "endpoint-config/{EndpointConfigName}"
ENDPOINT = "endpoint/{EndpointName}"
GROUP, PIPELINE = "model-package-group/{ModelPackageGroupName}", "pipeline/{PipelineName}"
PACKAGE = "model-package/{ModelPackageName}"
FEATURES = "feature-group/{FeatureGroupName}"
VERSIONS = "model-package/{ModelPackageGroupName}/*"  # a version has no number before it is made


def _made(action: str, *resources: str) -> Row:
    """Creating something, with its tags."""
    tagged = where("Tags", on("sagemaker:AddTags", *resources[:1]))
    return all_of(_with_tags(on(f"sagemaker:{action}", *resources)), _with_tags(tagged))


def _with_tags(row: Row) -> Row:
    def tagged(place: Place, parameters: Parameters) -> Iterator[Need]:
        tags = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags") or []}
        keys = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        for need in row(place, parameters):
            context = {**keys, "aws:TagKeys": list(tags)} if tags else {}
            yield Need(need.action, need.resource, {**need.context, **context})

    return tagged


def _jobs() -> Iterator[tuple[str, Row]]:
    for name, (resource, role) in JOBS.items():
        named = f"{resource}/{{{name}Name}}"
        made = _made(f"Create{name}", named)
        yield f"Create{name}", all_of(made, passing(role, SAGEMAKER)) if role else made
        for verb in ("Describe", "Stop", "Delete"):
            yield f"{verb}{name}", on(f"sagemaker:{verb}{name}", named)


def _package_of_model(place: Place, parameters: Parameters) -> Iterator[Need]:
    """A model made of a package needs that package too."""
    containers = [parameters.get("PrimaryContainer") or {}, *(parameters.get("Containers") or [])]
    for container in containers:
        if package := container.get("ModelPackageName"):
            yield Need("sagemaker:CreateModel", package)


def _model_data(place: Place, parameters: Parameters) -> Iterator[Need]:
    """Registering reads the model data for whoever registers: a package has no role."""
    for container in (look(parameters, "InferenceSpecification.Containers")) or []:
        url = container.get("ModelDataUrl") or ""
        if url.startswith("s3://"):
            resource = f"arn:{place.partition}:s3:::{url.removeprefix('s3://')}"
            yield Need("s3:GetObject", resource)


def _guards(place: Place, parameters: Parameters) -> Iterator[Need]:
    for alarm in look(parameters, "DeploymentConfig.AutoRollbackConfiguration.Alarms") or []:
        resource = place.arn("cloudwatch", f"alarm:{alarm['AlarmName']}")
        yield Need("cloudwatch:DescribeAlarms", resource)


def _groups_of_features(place: Place, parameters: Parameters) -> Iterator[Need]:
    for asked in parameters.get("Identifiers") or []:
        name = str(asked["FeatureGroupName"])
        resource = place.arn("sagemaker", f"feature-group/{name}")
        resource = name if name.startswith("arn:") else resource
        yield Need("sagemaker:BatchGetRecord", resource)


TABLE: dict[str, Row] = {
    **dict(_jobs()),
    "ListTrainingJobsForHyperParameterTuningJob": on(
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
        "hyper-parameter-tuning-job/{HyperParameterTuningJobName}",
    ),
    "CreateModel": all_of(
        _made("CreateModel", MODEL), _package_of_model, passing("ExecutionRoleArn", SAGEMAKER)
    ),
    "DescribeModel": on("sagemaker:DescribeModel", MODEL),
    "DeleteModel": on("sagemaker:DeleteModel", MODEL),
    "CreateEndpointConfig": all_of(
        _made("CreateEndpointConfig", CONFIG), passing("ExecutionRoleArn", SAGEMAKER)
    ),
    "DescribeEndpointConfig": on("sagemaker:DescribeEndpointConfig", CONFIG),
    "DeleteEndpointConfig": on("sagemaker:DeleteEndpointConfig", CONFIG),
    "CreateEndpoint": all_of(_made("CreateEndpoint", ENDPOINT, CONFIG), _guards),
    "UpdateEndpoint": all_of(on("sagemaker:UpdateEndpoint", ENDPOINT, CONFIG), _guards),
    "DescribeEndpoint": on("sagemaker:DescribeEndpoint", ENDPOINT),
    "DeleteEndpoint": on("sagemaker:DeleteEndpoint", ENDPOINT),
    "UpdateEndpointWeightsAndCapacities": on(
        "sagemaker:UpdateEndpointWeightsAndCapacities", ENDPOINT
    ),
    "InvokeEndpoint": on("sagemaker:InvokeEndpoint", ENDPOINT),
    "InvokeEndpointAsync": on("sagemaker:InvokeEndpointAsync", ENDPOINT),
    "InvokeEndpointWithResponseStream": on("sagemaker:InvokeEndpointWithResponseStream", ENDPOINT),
    "AddTags": _with_tags(on("sagemaker:AddTags", "{ResourceArn}")),
    "DeleteTags": on("sagemaker:DeleteTags", "{ResourceArn}"),
    "ListTags": on("sagemaker:ListTags", "{ResourceArn}"),
    "CreateModelPackageGroup": _made("CreateModelPackageGroup", GROUP),
    "DescribeModelPackageGroup": on("sagemaker:DescribeModelPackageGroup", GROUP),
    "CreateModelPackage": all_of(_made("CreateModelPackage", VERSIONS, GROUP), _model_data),
    "DescribeModelPackage": on("sagemaker:DescribeModelPackage", PACKAGE),
    "UpdateModelPackage": on("sagemaker:UpdateModelPackage", "{ModelPackageArn}"),
    "ListModelPackages": on("sagemaker:ListModelPackages", GROUP),
    "DeleteModelPackage": on("sagemaker:DeleteModelPackage", PACKAGE),
    **{
        name: on(f"sagemaker:{name}", GROUP)
        for name in (
            *("DeleteModelPackageGroup", "DeleteModelPackageGroupPolicy"),
            "GetModelPackageGroupPolicy",
            "PutModelPackageGroupPolicy",
        )
    },
    **{name: on(f"sagemaker:{name}") for name in ("ListEndpointConfigs", "ListModels")},
    "CreateFeatureGroup": all_of(
        _made("CreateFeatureGroup", FEATURES), passing("RoleArn", SAGEMAKER)
    ),
    "UpdateFeatureGroup": on("sagemaker:UpdateFeatureGroup", FEATURES),
    "DeleteFeatureGroup": on("sagemaker:DeleteFeatureGroup", FEATURES),
    "CreatePipeline": all_of(_made("CreatePipeline", PIPELINE), passing("RoleArn", SAGEMAKER)),
    "UpdatePipeline": all_of(
        on("sagemaker:UpdatePipeline", PIPELINE), passing("RoleArn", SAGEMAKER)
    ),
    "DescribePipeline": on("sagemaker:DescribePipeline", PIPELINE),
    "DeletePipeline": on("sagemaker:DeletePipeline", PIPELINE),
    "BatchGetRecord": _groups_of_features,
    **{
        name: on(f"sagemaker:{name}", FEATURES)
        for name in ("PutRecord", "GetRecord", "DeleteRecord", "DescribeFeatureGroup")
    },
    "StartPipelineExecution": on("sagemaker:StartPipelineExecution", PIPELINE),
    "DescribePipelineExecution": on(
        "sagemaker:DescribePipelineExecution", "{PipelineExecutionArn}"
    ),
    "ListPipelineExecutionSteps": on(
        "sagemaker:ListPipelineExecutionSteps", "{PipelineExecutionArn}"
    ),
    "RetryPipelineExecution": on("sagemaker:RetryPipelineExecution", "{PipelineExecutionArn}"),
    "ListPipelineParametersForExecution": on(
        "sagemaker:ListPipelineParametersForExecution", "{PipelineExecutionArn}"
    ),
    "ListPipelineExecutions": on("sagemaker:ListPipelineExecutions", PIPELINE),
    "StopPipelineExecution": on("sagemaker:StopPipelineExecution", "{PipelineExecutionArn}"),
}
