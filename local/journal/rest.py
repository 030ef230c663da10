"""The services whose requests are named by method and path: S3's bucket settings, the Scheduler."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote

from local.journal.keys import Key, name_of
from local.journal.request import Request

# Settings of a bucket that local/objects.py does not keep itself.
BUCKET_SETTINGS = {
    *("notification", "policy", "lifecycle", "cors", "website", "logging", "accelerate"),
    *("ownershipControls", "replication", "acl", "requestPayment", "object-lock"),
    *("intelligent-tiering", "inventory", "metrics", "analytics"),
}


def bucket_setting(request: Request) -> tuple[str, Key] | None:
    """(put or remove, key) of a request that changes a bucket's settings, else None."""
    bucket, _, rest = request.path.strip("/").partition("/")
    if not bucket or rest or request.method not in ("PUT", "DELETE"):
        return None
    query = parse_qs(request.query, keep_blank_values=True)
    if request.method == "DELETE" and not query:
        return "remove", ("bucket", bucket)
    named = BUCKET_SETTINGS & query.keys()
    if not named:
        return None
    setting = named.pop()
    key = ("bucket", bucket, setting, *query.get("id", []))
    return ("put" if request.method == "PUT" else "remove"), key


def schedule(request: Request) -> tuple[str, Key] | None:
    """(make, put, more or remove, key) of a Scheduler request that changes something."""
    kind, _, name = unquote(request.path).strip("/").partition("/")
    if request.method == "GET" or not name:
        return None
    if kind == "tags":
        return "more", ("tags", name_of(name))
    if kind == "schedule-groups":
        return ("make" if request.method == "POST" else "remove"), ("group", name)
    query = parse_qs(request.query)
    group = query.get("groupName", [request.parameters.get("GroupName") or "default"])[0]
    key = ("group", group, "schedule", name)
    return {"POST": ("make", key), "PUT": ("put", (*key, "update"))}.get(
        request.method, ("remove", key)
    )
