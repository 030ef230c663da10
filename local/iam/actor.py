"""In whose name a job or a model works, and what SageMaker does with that role to start it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.iam.caller import SAGEMAKER, Caller, caller
from local.iam.calls import Calls

IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com[.a-z]*/"
    r"(?P<repository>[^:@]+)"
)
PULLING = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")


@dataclass(frozen=True)
class Actor:
    """A role and the session that works in its name.

    `volume_key` and `output_key` are the KMS keys of its disk and of what it writes, as the request
    names them; empty where AWS's own serve.
    """

    role: str
    session: str
    image: str = ""
    volume_key: str = ""
    output_key: str = ""

    @property
    def caller(self) -> Caller | None:
        return caller(self.role, self.session, SAGEMAKER)


def note_start(calls: Calls, actor: Actor, log_group: str, namespace: str) -> None:
    """What no process of ours does: pull the image, use the keys, tell of the machine's load.

    Raises ApiError when the role may not.
    """
    who = actor.caller
    if image := IMAGE.match(actor.image):
        calls.note(who, "ecr", "GetAuthorizationToken", {})
        named = {
            "registryId": image["account"],
            "region": image["region"],
            "repositoryName": image["repository"],
        }
        for operation in PULLING:
            calls.note(who, "ecr", operation, named)
    if actor.volume_key:
        calls.note(who, "kms", "CreateGrant", {"KeyId": actor.volume_key})
    if actor.output_key:
        calls.note(who, "kms", "GenerateDataKey", {"KeyId": actor.output_key})
    calls.note(who, "logs", "DescribeLogStreams", {"logGroupName": log_group})
    calls.note(who, "cloudwatch", "PutMetricData", {"Namespace": namespace})
