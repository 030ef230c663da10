"""What bucket and key policies say of the roles that are to use them, where they can be read.

An identity's own policies are simulated elsewhere. Here a fault is only what is plain: a denial of
a bucket, a key that lets neither the account nor the role. What may not be read is no fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from provision.change import or_none
from provision.preflight.allowing import Asked, denies, lets
from provision.preflight.findings import Finding, Subject
from settings import Settings
from statemachine.names import Names
from statemachine.statements import key, objects_of

READING = {"s3:GetObject": "/*", "s3:ListBucket": ""}
WRITING = {"s3:PutObject": "/*"}
REFUSED = ("403", "405", "AccessDenied", "AccessDeniedException", "MethodNotAllowed")
ABSENT = ("404", "NoSuchBucket", "NoSuchBucketPolicy")


def check_bucket_policies(subject: Subject) -> Iterator[Finding]:
    """The buckets of code and results, of the data, and of the weights."""
    settings = subject.settings
    for name in sorted({settings.bucket, *_elsewhere(subject)}):
        about, s3 = f"bucket {name}", subject.clients("s3")
        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=settings.aws.account_id)
            found = or_none(partial(s3.get_bucket_policy, Bucket=name), *ABSENT)
        except ClientError as error:
            yield from _unread(error, about, settings, name)
            continue
        if found:
            wanted = READING | (WRITING if name == settings.bucket else {})
            yield from _denied(settings, about, name, json.loads(found["Policy"]), wanted)


def check_key_policy(subject: Subject) -> Iterator[Finding]:
    """The key's policy lets the account decide, or the jobs' role use it."""
    settings, given = subject.settings, subject.settings.aws.kms_key
    if not given:
        return
    about, kms = f"key {given}", subject.clients("kms")
    try:
        known = kms.describe_key(KeyId=given)["KeyMetadata"]["Arn"]
        text = kms.get_key_policy(KeyId=known, PolicyName="default")["Policy"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NotFoundException":  # which the check of the key tells
            return
        problem = f"its policy may not be read ({code})"
        remedy = f"let its owner look whether {settings.jobs_role_arn} may use it"
        yield Finding("unchecked", about, problem, remedy)
        return
    for role in _roles(settings):
        missing = sorted(
            action
            for statement in key(settings)
            for action in statement["Action"]
            if lets(json.loads(text), Asked(role, action, known)) is False
        )
        if missing:
            problem = f"its policy lets neither the account nor {role} {', '.join(missing)}"
            yield Finding("fault", about, problem, "add the role, or the account, to its policy")


def _elsewhere(subject: Subject) -> Iterator[str]:
    """The buckets that data and weights may lie in."""
    for uri in (subject.data_uri, subject.settings.model.pretrained_uri):
        if uri.startswith("s3://"):
            yield uri.removeprefix("s3://").partition("/")[0]


def _unread(error: ClientError, about: str, settings: Settings, name: str) -> Iterator[Finding]:
    """The artifact bucket, and one that is not there, are told by other checks."""
    code = str(error.response["Error"]["Code"])
    if code in ABSENT or name == settings.bucket:
        return
    if code not in REFUSED:
        raise error
    problem = "it is another account's, or its policy may not be read"
    remedy = f"let its owner see that {settings.jobs_role_arn} may list and read it"
    yield Finding("unchecked", about, problem, remedy)


def _denied(
    settings: Settings, about: str, name: str, policy: dict[str, Any], wanted: dict[str, str]
) -> Iterator[Finding]:
    bucket = objects_of(settings, f"s3://{name}")
    forbidden = [
        action
        for action, place in wanted.items()
        if denies(policy, Asked(settings.jobs_role_arn, action, f"{bucket}{place}"))
    ]
    if forbidden:
        problem = f"its policy denies {settings.jobs_role_arn} {', '.join(sorted(forbidden))}"
        yield Finding("fault", about, problem, "take the role out of that statement of its policy")


def _roles(settings: Settings) -> list[str]:
    """Who works with the key and need not be made by `upsert`."""
    names = Names(settings)
    found = [settings.jobs_role_arn]
    if settings.roles.endpoint:
        found.append(names.role("endpoint"))
    return sorted({*found})
