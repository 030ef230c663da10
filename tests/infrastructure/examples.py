"""Settings of environments that differ in what the template's conditions ask."""

from __future__ import annotations

import dataclasses
from typing import Any

import settings
from settings import Settings


def changed(loaded: Settings, **sections: dict[str, Any]) -> Settings:
    """The settings with some keys of some sections changed."""
    return dataclasses.replace(
        loaded,
        **{
            name: dataclasses.replace(getattr(loaded, name), **keys)
            for name, keys in sections.items()
        },
    )


EXAMPLE = settings.load("aws-example")
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234"
READER = "arn:aws:iam::444455556666:role/reader"
GIVER = {"from_account": "111122223333", "from_group": "dev", "from_bucket": "breedline-dev"}
THEIR_KEY = "arn:aws:kms:eu-west-1:999988887777:key/5678"
TAKER = {"to_account": "444455556666", "to_role": READER}
OURSELVES = {"to_account": "111122223333", "to_role": "arn:aws:iam::111122223333:role/prod"}
ENVIRONMENTS = {
    "local": settings.load("local"),
    "example": EXAMPLE,
    "asynchronous": changed(EXAMPLE, endpoint={"kind": "asynchronous"}),
    "without-a-key": changed(EXAMPLE, aws={"kms_key": ""}, foundation={"key": False}),
    "existing-key": changed(EXAMPLE, aws={"kms_key": KEY}, foundation={"key": False}),
    "data-elsewhere": changed(EXAMPLE, pipeline={"data_uri": "s3://photos/dogs"}),
    "one-role-for-pipeline-and-jobs": changed(EXAMPLE, roles={"jobs": ""}),
    "everything": changed(
        EXAMPLE,
        foundation={"network": True, "reader_arn": READER},
        pipeline={"data_uri": "s3://photos/dogs"},
        aws={"subnets": (), "security_groups": ()},
        promotion={**GIVER, "from_account": "999988887777", "from_key": THEIR_KEY, **TAKER},
    ),
    "takes-in-one-account": changed(EXAMPLE, promotion=GIVER),
    "gives-in-one-account": changed(EXAMPLE, promotion=OURSELVES),
    "a-course-account": changed(
        EXAMPLE,
        aws={"role_name": "", "role_arn": "arn:aws:iam::111122223333:role/LabRole"},
        foundation={"roles": False, "bucket": False, "key": False},
    ),
}
