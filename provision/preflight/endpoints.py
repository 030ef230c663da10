"""Whether the policies of VPC endpoints let through what jobs send by them.

Of what a job calls, this much surely leaves by its own network interface: S3 and SageMaker's APIs.
What SageMaker itself does for it (images, logs) may take SageMaker's network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from provision.preflight.allowing import Asked, lets
from provision.preflight.findings import Finding, Subject
from provision.preflight.network import sound_vpc
from provision.preflight.simulation import described
from provision.preflight.vpc import STORAGE, Found
from settings import Settings, partition_of
from statemachine.statements import Statement, allow

# SageMaker writes the offline store from its own network.
ELSEWHERE = ("RecordFiles", "RecordBucket")
RECORDS = ("sagemaker:BatchGetRecord", "sagemaker:PutRecord")
FEATURES, API = "sagemaker.featurestore-runtime", "sagemaker.api"
LAYERS = "prod-{region}-starport-layer-bucket"  # where ECR keeps the layers of images


def check_endpoints(subject: Subject) -> Iterator[Finding]:
    """The endpoint of each service that a job calls lets its role do what it does there."""
    vpc = sound_vpc(subject)
    if vpc is None:
        return
    settings, needed = subject.settings, _needed(subject)
    for service, statements in needed.items():
        endpoint = vpc.endpoints.get(service)
        if endpoint is None or (service == STORAGE and not vpc.is_closed):
            continue
        yield from _forbidden(settings, service, endpoint, statements)
    if vpc.is_closed and STORAGE in vpc.endpoints:
        yield from _without_layers(settings, vpc.endpoints[STORAGE])


def _needed(subject: Subject) -> dict[str, list[Statement]]:
    """By service, what the policy of the jobs' role allows."""
    role = subject.roles.get("jobs") or subject.roles["pipeline"]
    found: dict[str, list[Statement]] = {STORAGE: [], API: [], FEATURES: []}
    here = (one for one in role["policy"]["Statement"] if one["Sid"] not in ELSEWHERE)
    for statement in here:
        for action in statement["Action"]:
            service = _service(action)
            if service in found and "Condition" not in statement:
                found[service].append({**statement, "Action": [action]})
    return found


def _service(action: str) -> str:
    if action in RECORDS:
        return FEATURES
    # Jobs are started, watched and registered by the pipeline; they only ask for the champion.
    asked = action.startswith(("sagemaker:Describe", "sagemaker:List"))
    return STORAGE if action.startswith("s3:") else API if asked else ""


def _forbidden(
    settings: Settings, service: str, endpoint: Found, statements: list[Statement]
) -> Iterator[Finding]:
    lacking = [
        {**statement, "Resource": [resource]}
        for statement in statements
        for resource in statement["Resource"]
        if _lets(settings, endpoint, statement["Action"][0], resource) is False
    ]
    if lacking:
        places = sorted({one["Resource"][0] for one in lacking})
        yield Finding(
            "fault",
            f"VPC endpoint {endpoint['VpcEndpointId']}",
            f"its policy does not let jobs {described(lacking)} on {places[0]}{_more(places)}",
            f"allow it there for {settings.jobs_role_arn} ({service})",
            {"Version": "2012-10-17", "Statement": [_let_in(settings, one) for one in lacking]},
        )


def _without_layers(settings: Settings, endpoint: Found) -> Iterator[Finding]:
    """Images in the account's own network are pulled by ECR's endpoints and this bucket."""
    bucket = LAYERS.format(region=settings.aws.region)
    partition = partition_of(settings.aws.region)
    place = f"arn:{partition}:s3:::{bucket}/*"
    if _lets(settings, endpoint, "s3:GetObject", place) is False:
        yield Finding(
            "warning",
            f"VPC endpoint {endpoint['VpcEndpointId']}",
            f"its policy keeps the layers of images from the network ({bucket})",
            f"allow s3:GetObject on {place} there for everyone",
        )


def _lets(settings: Settings, endpoint: Found, action: str, resource: str) -> bool | None:
    """A resource with a star is asked about by one that it means."""
    text = endpoint.get("PolicyDocument")
    if not text:
        return None
    document = text if isinstance(text, Mapping) else json.loads(text)
    example = resource.replace("*", "example")
    return lets(document, Asked(settings.jobs_role_arn, action, example))


def _let_in(settings: Settings, statement: Statement) -> Statement:
    made = allow(statement["Sid"], statement["Action"], statement["Resource"])
    return {**made, "Principal": {"AWS": settings.jobs_role_arn}}


def _more(places: list[str]) -> str:
    return f" and {len(places) - 1} more" if len(places) > 1 else ""
