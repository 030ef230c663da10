"""The state machine that takes an approved version of another environment into this one.

It reads the version there, copies artifact, evaluation report and smoke samples into our bucket,
and registers a version here that waits for approval. What it was made of stands in its metadata.
The artifact's SHA-256, which S3 computes while it copies, is how a version that is here already is
known: events arrive twice.

Written in JSONata, because the path of a copy is cut out of a URI, which paths cannot do.
"""

from __future__ import annotations

from typing import Any

from settings import Settings, partition_of
from statemachine.promotion import PLACE, source_arn
from statemachine.retries import PATIENT, TRANSIENT

CALL_SECONDS = 60
COPY_SECONDS = 900  # S3 copies an object of up to 5 GB in one call
MACHINE_SECONDS = 3_600
KEY_OF = "function($uri) { $substringAfter($substringAfter($uri, 's3://'), '/') }"


def compile_promote(settings: Settings) -> dict[str, Any]:
    """The document of Amazon States Language."""
    states = {
        **_reading(settings),
        **_copying(settings),
        **_looking(settings),
        **_registering(settings),
    }
    return {
        "Comment": f"Promotes approved versions of {settings.promotion.from_group}",
        "QueryLanguage": "JSONata",
        "StartAt": "DescribeSource",
        "TimeoutSeconds": MACHINE_SECONDS,
        "States": states,
    }


def _reading(settings: Settings) -> dict[str, Any]:
    """The version must be of the giver's group, approved, and lie in the giver's bucket."""
    result = "$states.result"
    model, report = (
        f"{result}.InferenceSpecification.Containers[0].ModelDataUrl",
        f"{result}.ModelMetrics.ModelQuality.Statistics.S3Uri",
    )
    assign = {
        "arn": _given(f"{result}.ModelPackageArn"),
        "approval": _given(f"{result}.ModelApprovalStatus"),
        "model": _given(model, "''"),
        "report": _given(report, "''"),
        "samples": _given(f"{result}.CustomerMetadataProperties.`smoke-samples`", "''"),
        "metadata": _given(f"{result}.CustomerMetadataProperties", "{}"),
        "specification": _given(f"{result}.InferenceSpecification"),
        "place": "{% '" + PLACE + "-' & $hash(" + result + ".ModelPackageArn, 'MD5') %}",
        "listed": [],
    }
    group = source_arn(settings, "")
    ours = f"$arn = '{group}' & $substringAfter($arn, '{group}')"
    bucket = f"s3://{settings.promotion.from_bucket}/"
    there = f"$model = '{bucket}' & $substringAfter($model, '{bucket}')"
    cause = (
        "$arn & ' is ' & $approval & ' and its artifact is ' & $model & '; an Approved version "
        f"of {settings.promotion.from_group} in {bucket} is promoted'"
    )
    return {
        "DescribeSource": _task(
            settings,
            "sagemaker:describeModelPackage",
            {"ModelPackageName": "{% $states.input.model_package_arn %}"},
            Assign=assign,
            Output={},
            Next="MayBePromoted",
        ),
        "MayBePromoted": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": f"{{% $approval = 'Approved' and {ours} and {there} %}}",
                    "Next": "HasSamples",
                }
            ],
            "Default": "NotPromoted",
        },
        "NotPromoted": {"Type": "Fail", "Error": "NotPromoted", "Cause": f"{{% {cause} %}}"},
    }


def _copying(settings: Settings) -> dict[str, Any]:
    """Each object to a place of its own; the artifact is the first."""
    source = settings.promotion.from_bucket
    one = "{'from': $key($uri), 'to': $place & '/' & $split($uri, '/')[-1]}"
    single = f"function($uri) {{ $uri = '' ? [] : [{one}] }}"
    sample = (
        "function($sample) { {'from': $sample, "
        "'to': $place & '/samples/' & $substringAfter($sample, $key($samples) & '/')} }"
    )
    # Lists are appended, never mapped over by a path: a path over one string runs over its letters.
    items = (
        f"($key := {KEY_OF}; $single := {single}; "
        f"[$append($append($single($model), $single($report)), $map($listed, {sample}))])"
    )
    encoded = (
        "$join($map($split($states.input.from, '/'), "
        "function($part) { $encodeUrlComponent($part) }), '/')"
    )
    copied = {
        "Type": "Map",
        "Items": f"{{% {items} %}}",
        "MaxConcurrency": 4,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "CopyOne",
            "States": {
                "CopyOne": _task(
                    settings,
                    "s3:copyObject",
                    {
                        "Bucket": settings.bucket,
                        "Key": "{% $states.input.to %}",
                        "CopySource": f"{{% '{source}/' & {encoded} %}}",
                        "ChecksumAlgorithm": "SHA256",
                    },
                    seconds=COPY_SECONDS,
                    Output={
                        "to": "{% $states.input.to %}",
                        "sha256": "{% $states.result.CopyObjectResult.ChecksumSHA256 %}",
                    },
                    End=True,
                )
            },
        },
        "Assign": {"sha256": "{% $states.result[0].sha256 %}"},
        "Output": {"next": None},
        "Next": "ListVersions",
    }
    return {
        "HasSamples": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $samples != '' %}", "Next": "ListSamples"}],
            "Default": "Copy",
        },
        "ListSamples": _task(
            settings,
            "s3:listObjectsV2",
            {"Bucket": source, "Prefix": f"{{% ({KEY_OF})($samples) & '/' %}}"},
            Assign={"listed": "{% [$states.result.Contents.Key] %}"},
            Output={},
            Next="Copy",
        ),
        "Copy": copied,
    }


def _looking(settings: Settings) -> dict[str, Any]:
    """Through the versions that are here, for one of the same bytes."""
    group = settings.pipeline.model_package_group
    known = "$states.result.ModelPackageSummaryList[$contains(ModelPackageDescription, $sha256)]"
    request = f"{{'ModelPackageGroupName': '{group}', 'MaxResults': 100}}"
    further = "$states.input.next ? {'NextToken': $states.input.next} : {}"
    return {
        "ListVersions": _task(
            settings,
            "sagemaker:listModelPackages",
            f"{{% $merge([{request}, {further}]) %}}",
            Output={
                "known": f"{{% $exists({known}) ? {known}[0].ModelPackageArn : null %}}",
                "next": _given("$states.result.NextToken", "null"),
            },
            Next="IsItHere",
        ),
        "IsItHere": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.known != null %}", "Next": "AlreadyPromoted"},
                {"Condition": "{% $states.input.next != null %}", "Next": "ListVersions"},
            ],
            "Default": "Register",
        },
        "AlreadyPromoted": _end("AlreadyPromoted", "$states.input.known"),
    }


def _registering(settings: Settings) -> dict[str, Any]:
    """Two deliveries at the same time send the same token and so make one version."""
    ours = f"'s3://{settings.bucket}/' & $place & '/'"
    name = "function($uri) { $split($uri, '/')[-1] }"
    container = (
        "$merge([$sift($specification.Containers[0], function($v, $k) { $k != 'ModelDataETag' }), "
        f"{{'ModelDataUrl': {ours} & ({name})($model)}}])"
    )
    account = settings.promotion.from_account
    provenance = (
        f"{{'source_model_package': $arn, 'source_account': '{account}', 'sha256': $sha256}}"
    )
    samples = f"$samples = '' ? {{}} : {{'smoke-samples': {ours} & 'samples'}}"
    metrics = (
        "{'ModelMetrics': {'ModelQuality': {'Statistics': {'ContentType': 'application/json', "
        f"'S3Uri': {ours} & ({name})($report)}}}}}}}}"
    )
    request = (
        f"{{'ModelPackageGroupName': '{settings.pipeline.model_package_group}', "
        "'ModelPackageDescription': 'Promoted from ' & $arn & ', SHA-256 ' & $sha256, "
        "'ModelApprovalStatus': 'PendingManualApproval', "
        "'ClientToken': $hash($sha256, 'MD5'), "
        f"'InferenceSpecification': $merge([$specification, {{'Containers': [{container}]}}]), "
        f"'CustomerMetadataProperties': $merge([$metadata, {provenance}, {samples}])}}"
    )
    return {
        "Register": _task(
            settings,
            "sagemaker:createModelPackage",
            f"{{% $merge([{request}, $report = '' ? {{}} : {metrics}]) %}}",
            Output={"made": "{% $states.result.ModelPackageArn %}"},
            Next="Promoted",
        ),
        "Promoted": _end("Promoted", "$states.input.made"),
    }


def _end(outcome: str, package: str) -> dict[str, Any]:
    output = {"outcome": outcome, "model_package_arn": f"{{% {package} %}}"}
    facts = {"source": "{% $arn %}", "sha256": "{% $sha256 %}"}
    return {"Type": "Pass", "Output": {**output, **facts}, "End": True}


def _given(path: str, otherwise: str = "") -> str:
    """The value at a path, or another where an answer may lack it."""
    return f"{{% $exists({path}) ? {path} : {otherwise} %}}" if otherwise else f"{{% {path} %}}"


def _task(
    settings: Settings, action: str, arguments: Any, *, seconds: int = CALL_SECONDS, **more: Any
) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"arn:{partition_of(settings.aws.region)}:states:::aws-sdk:{action}",
        "Arguments": arguments,
        "TimeoutSeconds": seconds,
        "Retry": [
            {
                "ErrorEquals": [*TRANSIENT[action.partition(":")[0]], "States.Timeout"],
                "IntervalSeconds": 1,
                "MaxAttempts": PATIENT,
                "BackoffRate": 2.0,
                "MaxDelaySeconds": 15,
                "JitterStrategy": "FULL",
            }
        ],
        **more,
    }
