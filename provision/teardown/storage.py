"""The table of locks, the measured capacity, and, where asked for, the bucket with its content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.bucket import RESOURCE as BUCKET
from provision.change import Change, Clients, from_tags, or_none
from provision.tables import RESOURCE as TABLE
from provision.teardown.ownership import UPSERT, Others, claim, kept, unless_gone
from provision.teardown.serving import ENDPOINT
from provision.waiting import until_gone
from settings import Settings
from statemachine.names import Names

PARAMETER = "parameter"
SWEEPS = 3  # over a bucket that somebody still writes to


def find_table(clients: Clients, settings: Settings) -> Iterator[Change]:
    dynamodb, name = clients("dynamodb"), Names(settings).table
    found = unless_gone(lambda: dynamodb.describe_table(TableName=name)["Table"])
    if found is None:
        return
    listed = unless_gone(lambda: dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"]))
    if listed:
        yield claim(settings, TABLE, name, from_tags(listed["Tags"]))


def find_parameter(clients: Clients, settings: Settings, others: Others) -> Iterator[Change]:
    """What `capacity --save` kept, without tags; its name says environment and endpoint.

    It stays where the endpoint is among `others`.
    """
    ssm, name = clients("ssm"), Names(settings).parameter
    if unless_gone(lambda: ssm.get_parameter(Name=name)) is None:
        return
    listed = unless_gone(
        lambda: ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)
    )
    if (ENDPOINT, settings.endpoint_name) in others:
        yield kept(PARAMETER, name, f"not ours: the endpoint {settings.endpoint_name} is not")
        return
    tags = from_tags((listed or {}).get("TagList", []))
    yield claim(settings, PARAMETER, name, tags, "made by capacity --save", untagged=True)


def find_bucket(clients: Clients, settings: Settings, *, data: bool) -> Iterator[Change]:
    """Kept with all that it holds unless `data` is asked for."""
    s3, name = clients("s3"), settings.bucket
    try:
        tags = unless_gone(lambda: s3.get_bucket_tagging(Bucket=name)["TagSet"])
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchTagSet":
            tags = []
        elif code in ("403", "AccessDenied"):
            yield kept(BUCKET, name, "closed to these credentials, or another account's")
            return
        else:
            raise
    if tags is None:
        return
    change = claim(settings, BUCKET, name, from_tags(tags), f"{UPSERT}; with all that it holds")
    if change.kind == "delete" and not data:
        change = kept(BUCKET, name, "data and code packages; --data deletes them")
    yield change


def delete_table(clients: Clients, change: Change) -> None:
    """Return when it is gone."""
    dynamodb, name = clients("dynamodb"), change.name

    def status() -> str | None:
        found = unless_gone(lambda: dynamodb.describe_table(TableName=name)["Table"])
        return None if found is None else str(found["TableStatus"])

    if status() != "DELETING":
        dynamodb.delete_table(TableName=name)
    until_gone(clients, lambda: status() is None, f"The table {name}")


def delete_parameter(clients: Clients, change: Change) -> None:
    clients("ssm").delete_parameter(Name=change.name)


def delete_bucket(clients: Clients, change: Change) -> None:
    """Empty it, old versions and unfinished uploads too, and delete it."""
    s3, name = clients("s3"), change.name
    for _ in range(SWEEPS):
        _empty(s3, name)
        if or_none(lambda: s3.delete_bucket(Bucket=name), "BucketNotEmpty"):
            return
    raise BreedlineError(f"Somebody writes to the bucket '{name}'; end that and try again.")


def _empty(s3: Any, name: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        if not objects:
            continue
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
        for error in answer.get("Errors", []):  # S3 answers 200 all the same
            raise BreedlineError(
                f"S3 keeps s3://{name}/{error['Key']} ({error['Code']}): {error['Message']}"
            )
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
