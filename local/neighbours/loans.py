"""An object of another account, lent to moto's S3 while that copies it into a bucket of ours.

moto keeps the buckets of several accounts and copies between them. So the object is there, in its
owner's account, for as long as the copy takes, and the copy is moto's own: metadata, checksums and
events are as within one account.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from moto.s3.models import s3_backends
from moto.s3.utils import metadata_from_headers

from local.neighbours.messages import Answer

_one_at_a_time = threading.Lock()  # two copies of one object must not end each other's loan


@contextmanager
def lent(account: str, region: str, bucket: str, key: str, answer: Answer) -> Iterator[None]:
    """The object that a neighbour's GetObject gave, for the block."""
    owner = s3_backends[account]["aws"]
    with _one_at_a_time:
        owner.create_bucket(bucket, region)
        try:
            held = owner.put_object(bucket, key, answer.body, disable_notification=True)
            held.set_metadata(metadata_from_headers(dict(answer.headers)))
            yield
        finally:
            owner.delete_object(bucket, key)
            owner.delete_bucket(bucket)
