"""The section that describes the feature store: what is kept of each image, and where."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from settings.checks import text, within
from settings.types import CHECKED, OptionalRole

Flag = Annotated[bool, Field(strict=True, description="true or false")]
GroupName = Annotated[
    str,
    text(r"([a-zA-Z0-9]([_-]*[a-zA-Z0-9])*)?", "letters, digits, '-' and '_', at most 64", 64),
]


@dataclass(frozen=True, config=CHECKED)
class Features:
    """A feature group with one record for each image, filled by Prepare."""

    enabled: Flag = False
    group: GroupName = ""  # empty: the pipeline's name and "-images"
    online: Flag = True  # answers for single images; paid for by the request
    offline: Flag = True  # keeps all records in the bucket; training sets are selected from it
    embedding: Flag = True  # in each record, by the model's backbone where it has weights
    ttl_days: Annotated[int, within(0, 3_650)] = 0  # of online records; 0: for ever
    role: OptionalRole = ""  # writes the offline store; empty: the jobs' role
