"""S3's events in the form that EventBridge documents; moto's lack what is marked below."""

from __future__ import annotations

import os
import time
from typing import Any

# moto's name of what happened -> (detail-type, reason, deletion-type).
KINDS: dict[str, tuple[str, str, str]] = {
    "s3:ObjectCreated:Put": ("Object Created", "PutObject", ""),
    "s3:ObjectCreated:Post": ("Object Created", "POST Object", ""),
    "s3:ObjectCreated:Copy": ("Object Created", "CopyObject", ""),
    "s3:ObjectCreated:CompleteMultipartUpload": ("Object Created", "CompleteMultipartUpload", ""),
    "s3:ObjectRemoved:Delete": ("Object Deleted", "DeleteObject", "Permanently Deleted"),
    "s3:ObjectRemoved:DeleteMarkerCreated": (
        *("Object Deleted", "DeleteObject"),
        "Delete Marker Created",
    ),
    "s3:LifecycleExpiration:Delete": (
        *("Object Deleted", "Lifecycle Expiration"),
        "Permanently Deleted",
    ),
    "s3:ObjectTagging:Put": ("Object Tags Added", "", ""),
    "s3:ObjectTagging:Delete": ("Object Tags Deleted", "", ""),
    "s3:ObjectAcl:Put": ("Object ACL Updated", "", ""),
}


def object_event(account: str, bucket: Any, key: Any, happened: str) -> tuple[str, dict[str, Any]]:
    """Detail type and detail of an event about `key` (moto's object)."""
    detail_type, reason, deletion = KINDS[happened]
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": _object(bucket, key, detail_type),
        "request-id": os.urandom(8).hex().upper(),
        "requester": account,
        "source-ip-address": "127.0.0.1",
    }
    if reason:
        detail["reason"] = reason
    if deletion:
        detail["deletion-type"] = deletion
    return detail_type, detail


def _object(bucket: Any, key: Any, detail_type: str) -> dict[str, Any]:
    described: dict[str, Any] = {"key": key.name}
    if detail_type == "Object Created":
        described["size"] = key.size
    if getattr(key, "etag", None):
        described["etag"] = key.etag.strip('"')
    if bucket.is_versioned:
        described["version-id"] = str(key.version_id)
    if detail_type in ("Object Created", "Object Deleted"):
        described["sequencer"] = f"{time.time_ns():018X}"  # grows with each event, as AWS's does
    return described
