"""Letting go of what outlives the foundation's stack: the bucket and the queue."""

from __future__ import annotations

from provision.change import STACK_TAG, Clients, as_tags, from_tags, or_none
from provision.queues import ABSENT


def release(clients: Clients, stack: str, bucket: str, queue: str) -> None:
    """Without the tag of a stack that is deleted, both are the environment's own again.

    Nothing happens where that was done already, or where another stack has them.
    """
    s3, sqs = clients("s3"), clients("sqs")
    found = or_none(
        lambda: s3.get_bucket_tagging(Bucket=bucket)["TagSet"], "NoSuchTagSet", "NoSuchBucket"
    )
    tags = from_tags(found or [])
    if tags.get(STACK_TAG) == stack:
        left = {key: value for key, value in tags.items() if key != STACK_TAG}
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": as_tags(left)})
    if url := or_none(lambda: sqs.get_queue_url(QueueName=queue)["QueueUrl"], *ABSENT):
        sqs.untag_queue(QueueUrl=url, TagKeys=[STACK_TAG])
