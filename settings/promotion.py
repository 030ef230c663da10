"""The section that joins two environments: which one gives its approved models to which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic.dataclasses import dataclass

from settings.checks import text
from settings.types import CHECKED, NAME, Bucket, RoleArn

if TYPE_CHECKING:
    from settings import Settings

Account = Annotated[str, text(r"(\d{12})?", "twelve digits, as a string")]
Group = Annotated[str, text(rf"({NAME}*)?", "letters, digits and '-', at most 63", longest=63)]
Key = Annotated[str, text(r"(arn:[a-z-]+:kms:\S+:key/\S+)?", "the ARN of a KMS key")]


@dataclass(frozen=True, config=CHECKED)
class Promotion:
    """The partners of an environment; both may lie in its own account.

    Where `from_account` is set, versions that are approved in `from_group` arrive here and wait for
    approval. Where `to_account` is set, the role there may read our versions and artifacts.
    """

    from_account: Account = ""
    from_group: Group = ""
    from_bucket: Bucket = ""  # where the artifacts of that group lie
    from_key: Key = ""  # with which they are encrypted, where that is not AWS's own
    to_account: Account = ""
    to_role: RoleArn = ""  # of that environment's state machines


def check_promotion(settings: Settings) -> Iterator[tuple[bool, str, Any, str]]:
    """What is wrong between the section's values: (is it, key, value, what is allowed)."""
    given = settings.promotion
    source = (given.from_account, given.from_group, given.from_bucket)
    allowed = "from_account, from_group and from_bucket together"
    yield any(source) and not all(source), "promotion.from_account", given.from_account, allowed
    needless = bool(given.from_key) and not given.from_account
    yield needless, "promotion.from_key", given.from_key, "a key only beside from_account"
    itself = (settings.aws.account_id, settings.pipeline.model_package_group)
    allowed = "another environment's group: a group cannot be promoted into itself"
    own = (given.from_account, given.from_group) == itself
    yield own, "promotion.from_group", given.from_group, allowed
    allowed = "to_account and to_role together"
    half = bool(given.to_account) != bool(given.to_role)
    yield half, "promotion.to_role", given.to_role, allowed
    foreign = bool(given.to_role) and f"::{given.to_account}:" not in given.to_role
    allowed = f"a role of the account {given.to_account}"
    yield foreign and not half, "promotion.to_role", given.to_role, allowed
