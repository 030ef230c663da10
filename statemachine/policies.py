"""What each actor may do: a role's trust and its policy, with no wider resource than there is need.

`role_documents(settings)` gives them for the actors of `names.ROLE_ACTORS`. Where a statement names
`*`, the API knows no narrower resource; the comment beside it says so.
"""

from __future__ import annotations

from typing import Any

from settings import Settings
from settings.workload import IMAGES
from statemachine.endpoint_config import asynchronous_uri, capture_uri, is_asynchronous
from statemachine.names import ALIAS, Names
from statemachine.promotion import forwarding
from statemachine.statements import (
    READ_KEY,
    Statement,
    allow,
    document,
    guards,
    image,
    key,
    network,
    objects,
    objects_of,
    trust,
)
from statemachine.workflow_policy import workflow_statements

PRINCIPALS = {
    "endpoint": "sagemaker.amazonaws.com",
    "predict": "lambda.amazonaws.com",
    "smoke_test": "lambda.amazonaws.com",
    "workflow": "states.amazonaws.com",
    "events": "events.amazonaws.com",
}


def role_documents(settings: Settings) -> dict[str, dict[str, Any]]:
    """Actor -> {"trust": who may assume the role, "policy": what it may do}."""
    statements = {
        "endpoint": _endpoint(settings),
        "predict": _predict(settings),
        "smoke_test": _smoke_test(settings),
        "workflow": workflow_statements(settings),
        "events": _events(settings),
    }
    return {
        actor: {"trust": trust(settings, service), "policy": document(statements[actor])}
        for actor, service in PRINCIPALS.items()
    }


def _endpoint(settings: Settings) -> list[Statement]:
    """The model's own role: its artifact, its image, its log, what it captures."""
    names = Names(settings)
    written = asynchronous_uri if is_asynchronous(settings) else capture_uri
    logs = names.arn("logs", f"log-group:/aws/sagemaker/Endpoints/{names.endpoint}:*")
    found = [
        allow("Artifacts", ["s3:GetObject"], [objects(settings, "executions/*")]),
        allow("Answers", ["s3:PutObject"], [objects_of(settings, f"{written(settings)}/*")]),
        allow(
            "Logs",
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            [logs],  # Logs checks a group, too, as one with a stream
        ),
        allow(
            "Metrics",
            ["cloudwatch:PutMetricData"],
            ["*"],  # knows no resource
            {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}},
        ),
        *image(settings, "pytorch-inference"),
        guards(settings),
    ]
    if is_asynchronous(settings):
        found.append(allow("Requests", ["s3:GetObject"], [objects(settings, "*")]))
    return [*found, *network(settings), *key(settings)]


def _predict(settings: Settings) -> list[Statement]:
    names = Names(settings)
    # Images that callers refer to by their place in the bucket; tables come with the request.
    images = allow("Images", ["s3:GetObject"], [objects(settings, "*")])
    return [
        allow("Ask", ["sagemaker:InvokeEndpoint"], [names.endpoint_arn]),
        *([images, *key(settings, READ_KEY)] if settings.workload.kind == IMAGES else []),
        _function_logs(settings, names.predict),
    ]


def _smoke_test(settings: Settings) -> list[Statement]:
    names = Names(settings)
    return [
        allow(
            "Ask",
            ["lambda:InvokeFunction"],
            [names.function_arn(f"{names.predict}:{ALIAS}")],
        ),
        allow("Samples", ["s3:GetObject"], [objects(settings, "executions/*")]),
        _function_logs(settings, names.smoke_test),
        *key(settings, READ_KEY),
    ]


def _events(settings: Settings) -> list[Statement]:
    machines = [Names(settings).state_machine_arn(kind) for kind in ("deploy", "retrain")]
    return [allow("Start", ["states:StartExecution"], machines), *forwarding(settings)]


def _function_logs(settings: Settings, function: str) -> Statement:
    group = Names(settings).arn("logs", f"log-group:/aws/lambda/{function}:*")
    return allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [group])
