"""S3 on disk: moto's S3 with its object bodies in content-addressed files that outlive the server.

moto keeps bodies in memory and forgets them. Here each body is one read-only file named by its
SHA-256, so that jobs can be given a hard link instead of a copy, and an index of buckets and
objects is written within a second of a change. Old versions and bucket policies are not kept
across a restart; current objects, their metadata and their buckets are.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import moto.s3.models as moto_s3
import moto.s3.responses  # noqa: F401 - before the object class is replaced: it keeps the original

from local.iam.calls import Calls

INDEX_DELAY = 0.5  # seconds between a change and its index on disk


@dataclass(frozen=True)
class StoredObject:
    """One current S3 object and the read-only file that holds its body."""

    bucket: str
    key: str
    size: int
    etag: str
    path: Path

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` as (bucket, key); raises ValueError for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"'{uri}' is not an S3 URI; write it as s3://bucket/prefix.")
    return bucket, key


class Bodies:
    """Object bodies as read-only files named by the SHA-256 of their content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def write(self, body: bytes) -> str:
        """Store a body; returns its digest. Writing the same body twice costs nothing."""
        digest = hashlib.sha256(body).hexdigest()
        path = self.path(digest)
        if not path.exists() or path.stat().st_size != len(body):
            path.parent.mkdir(exist_ok=True)
            self._write_whole(path, body)
        return digest

    def _write_whole(self, path: Path, body: bytes) -> None:
        handle, part = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(part).chmod(0o444)
        Path(part).replace(path)

    def forget_all_but(self, digests: set[str]) -> None:
        """Remove the files that nothing names any more."""
        for path in self.folder.glob("*/*"):
            if path.name not in digests:
                path.unlink()


def stored_key(bodies: Bodies) -> type[Any]:
    """moto's object class, with its body in `bodies` instead of in memory."""

    class StoredKey(moto_s3.FakeKey):  # type: ignore[misc]
        digest: str
        _etag: str | None

        @property
        def value(self) -> bytes:
            return bodies.path(self.digest).read_bytes()

        @value.setter
        def value(self, body: bytes | str) -> None:
            body = body.encode() if isinstance(body, str) else bytes(body)
            self.digest = bodies.write(body)
            self.contentsize = len(body)
            if self._etag is None:
                self._etag = hashlib.md5(body, usedforsecurity=False).hexdigest()

    return StoredKey


class Objects:
    """S3 seen from inside the server: the same objects that boto3 sees, without HTTP.

    What is done in a role's name (`local.iam.caller.acting`) is noted as calls of that role, which
    may be refused: ApiError.
    """

    def __init__(self, folder: Path, account: str, region: str, calls: Calls | None = None) -> None:
        self._bodies = Bodies(folder / "bodies")
        self._index = folder / "index.json"
        self._account = account
        self._region = region
        self._calls = calls
        self._dirty = threading.Event()
        self._writing = threading.Lock()
        moto_s3.FakeKey = stored_key(self._bodies)
        self._restore()

    @property
    def _backend(self) -> Any:
        return moto_s3.s3_backends[self._account]["aws"]

    def list(self, bucket: str, prefix: str) -> list[StoredObject]:
        """Objects whose key starts with `prefix`, by key; empty when the bucket is not there."""
        self._note("ListObjectsV2", bucket, Prefix=prefix)
        found = self._backend.buckets.get(bucket)
        keys = sorted(k for k in list(found.keys) if k.startswith(prefix)) if found else []
        objects = (self.find(bucket, key) for key in keys)
        return [stored for stored in objects if stored]

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """The current object, or None when it is missing or deleted."""
        self._note("GetObject", bucket, Key=key)
        return self._find(bucket, key)

    def _find(self, bucket: str, key: str) -> StoredObject | None:
        found = self._backend.buckets.get(bucket)
        entry: Any = found.keys.get(key) if found else None
        if not hasattr(entry, "digest"):
            return None
        path = self._bodies.path(entry.digest)
        return StoredObject(bucket, key, entry.contentsize, entry.etag.strip('"'), path)

    def has_bucket(self, bucket: str) -> bool:
        """Whether there is such a bucket."""
        return bucket in self._backend.buckets

    def write(self, bucket: str, key: str, body: bytes | Path) -> None:
        """Put an object (with S3's notifications); creates the bucket when it is missing."""
        self._note("PutObject", bucket, Key=key)
        data = body.read_bytes() if isinstance(body, Path) else body
        if bucket not in self._backend.buckets:
            self._backend.create_bucket(bucket, self._region)
        self._backend.put_object(bucket, key, data)
        self.mark_changed()

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; a missing one is fine."""
        self._note("DeleteObject", bucket, Key=key)
        if self._find(bucket, key):
            self._backend.delete_object(bucket, key)
            self.mark_changed()

    def _note(self, operation: str, bucket: str, **parameters: str) -> None:
        if self._calls:
            self._calls.note_acting("s3", operation, {"Bucket": bucket, **parameters})

    def mark_changed(self) -> None:
        """Tell the keeper that the index on disk is out of date."""
        self._dirty.set()

    def keep(self, stop: threading.Event) -> None:
        """Write the index soon after each change until `stop` is set, then once more."""
        while not stop.is_set():
            if self._dirty.wait(timeout=INDEX_DELAY):
                stop.wait(INDEX_DELAY)
                self.save()
        self.save()

    def save(self) -> None:
        """Write the index, whole or not at all."""
        self._dirty.clear()
        with self._writing:
            text = json.dumps([self._describe(b) for b in list(self._backend.buckets.values())])
            part = self._index.with_suffix(".part")
            part.write_text(text)
            part.replace(self._index)

    def _describe(self, bucket: Any) -> dict[str, Any]:
        return {
            "name": bucket.name,
            "region": bucket.region_name,
            "versioning": bucket.versioning_status,
            "encryption": bucket.encryption,
            "public_access_block": getattr(bucket.public_access_block, "__dict__", None),
            "tags": self._backend.get_bucket_tagging(bucket.name).get("Tags", []),
            "objects": [
                {
                    "key": key,
                    "digest": entry.digest,
                    "size": entry.contentsize,
                    "etag": entry.etag.strip('"'),
                    "modified": entry.last_modified.replace(tzinfo=timezone.utc).timestamp(),
                    "metadata": dict(entry.metadata),
                }
                for key, entry in list(bucket.keys.items())
                if hasattr(entry, "digest")
            ],
        }

    def _restore(self) -> None:
        index = json.loads(self._index.read_text()) if self._index.exists() else []
        for saved in index:
            self._restore_bucket(saved)
        self._bodies.forget_all_but({o["digest"] for b in index for o in b["objects"]})

    def _restore_bucket(self, saved: dict[str, Any]) -> None:
        bucket = self._backend.create_bucket(saved["name"], saved["region"])
        bucket.versioning_status = saved["versioning"]
        bucket.encryption = saved["encryption"]
        if saved["public_access_block"]:
            bucket.public_access_block = moto_s3.PublicAccessBlock(**saved["public_access_block"])
        if saved["tags"]:
            tags = {tag["Key"]: tag["Value"] for tag in saved["tags"]}
            self._backend.put_bucket_tagging(saved["name"], tags)
        for entry in self._restored_keys(saved):
            bucket.keys.setlist(entry.name, [entry])

    def _restored_keys(self, saved: dict[str, Any]) -> Iterator[Any]:
        for item in saved["objects"]:
            if not self._bodies.path(item["digest"]).exists():
                continue  # the body was never finished: the put had not been answered either
            entry = moto_s3.FakeKey(
                name=item["key"],
                value=b"",
                account_id=self._account,
                region_name=saved["region"],
                bucket_name=saved["name"],
                etag=item["etag"],
            )
            entry.digest, entry.contentsize = item["digest"], item["size"]
            # moto counts in UTC and names no zone, and compares the times of versions.
            modified = datetime.fromtimestamp(item["modified"], tz=timezone.utc)
            entry.last_modified = modified.replace(tzinfo=None)
            entry.set_metadata(dict(item["metadata"]), replace=True)
            yield entry
