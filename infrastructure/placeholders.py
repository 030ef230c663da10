"""Settings whose values stand for the template's parameters, and documents compiled from them.

The policies of all actors are compiled from settings elsewhere. Here they are compiled once for
each answer to the template's conditions, from settings that hold a placeholder wherever the
template has a parameter. What comes out alike stays as it is, the rest becomes an `Fn::If`: so the
template says what the settings would, and no policy is written twice.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from settings import Sections, Settings

Answers = Mapping[str, bool]
NOTHING = {"Ref": "AWS::NoValue"}
ACCOUNT, REGION = "900000000009", "zz-placeholder-9"
GIVER, TAKER = "900000000008", "900000000007"
SPAN = {"type": "continuous", "min": 0.0, "max": 1.0}
OURS = "s3://zzbucket/zzdataprefix"
# The conditions on which policies depend; the partners' are of promotion alone.
PARTNERS = ("TakesVersions", "TakesEncrypted", "TellsTaker")
CONDITIONS = (
    *("HasKey", "KeyIsAlias", "UsesNetwork", "IsAsynchronous", "DataLiesElsewhere"),
    *("WeightsLieElsewhere", "JobsHaveRole", "HasFeatures", "JobsWriteFeatures"),
)
ONLY_WITH = {
    "KeyIsAlias": "HasKey",
    "JobsWriteFeatures": "HasFeatures",
    "TakesEncrypted": "TakesVersions",
}
NONE = dict.fromkeys((*CONDITIONS, *PARTNERS), False)
# What placeholders become; the longest first, because some begin alike.
WRITTEN = {
    f"arn:aws:iam::{ACCOUNT}:role/zzjobsrole": "${JobsRoleArn}",
    f"arn:aws:iam::{ACCOUNT}:role/zzendpointrole": "${EndpointRoleArn}",
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key/zzkey": "${KmsKeyArn}",
    f"arn:aws:kms:{REGION}:{GIVER}:key/zztheirs": "${GiverKeyArn}",
    "alias/zzkey": "${KmsKeyAlias}",
    "zzdatabucket/zzplace": "${DataLocation}",
    "zzweightsbucket/zzplace": "${WeightsLocation}",
    "zzdatabucket": "${DataBucket}",
    "zzweightsbucket": "${WeightsBucket}",
    "zzgiverbucket": "${GiverBucket}",
    "zzgivergroup": "${GiverGroup}",
    "zzdataprefix": "${DataPrefix}",
    "zzbucket": "${BucketName}",
    "zzenvironment": "${Environment}",
    "zzendpoint": "${EndpointName}",
    "zzpipeline": "${PipelineName}",
    "zzgroup": "${ModelPackageGroup}",
    "zzfeatures": "${FeatureGroup}",
    ACCOUNT: "${AWS::AccountId}",
    GIVER: "${GiverAccount}",
    TAKER: "${TakerAccount}",
    REGION: "${AWS::Region}",
    "arn:aws:": "arn:${AWS::Partition}:",
}


Variant = tuple[Answers, Any]


def compiled(
    compile_it: Callable[[Settings], Any],
    base: Settings | None = None,
    conditions: Sequence[str] = CONDITIONS,
) -> list[Variant]:
    """What `compile_it` gives under each answer to the conditions, with the parameters in it.

    The answer to all other conditions is no.
    """
    every = (
        {**NONE, **dict(zip(conditions, bits, strict=True))}
        for bits in itertools.product((True, False), repeat=len(conditions))
    )
    answers = [a for a in every if all(a[of] or not a[name] for name, of in ONLY_WITH.items())]
    return [(given, written(compile_it(stand_in(given, base)))) for given in answers]


def plain(compile_it: Callable[[Settings], Any]) -> Any:
    """What `compile_it` gives, where it depends on no condition."""
    return written(compile_it(stand_in(NONE)))


def stand_in(answers: Answers, base: Settings | None = None) -> Settings:
    """Settings of placeholders under the given answers; what has none is as in `base`."""
    role, key = f"arn:aws:iam::{ACCOUNT}:role/zz", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/zzkey"

    def when(condition: str, value: Any, otherwise: Any) -> Any:
        return value if answers[condition] else otherwise

    tables: dict[str, Any] = {
        "aws": {
            "region": REGION,
            "account_id": ACCOUNT,
            # A policy names it only where the jobs work under it.
            "role_arn": when("JobsHaveRole", f"{role}pipelinerole", f"{role}jobsrole"),
            "bucket": "zzbucket",
            "kms_key": when("HasKey", when("KeyIsAlias", "alias/zzkey", key), ""),
            "subnets": when("UsesNetwork", ["subnet-0"], []),
            "security_groups": when("UsesNetwork", ["sg-0"], []),
        },
        "pipeline": {
            "name": "zzpipeline",
            "model_package_group": "zzgroup",
            "data_uri": when("DataLiesElsewhere", "s3://zzdatabucket/zzplace", OURS),
        },
        "model": {
            "pretrained_uri": when("WeightsLieElsewhere", "s3://zzweightsbucket/zzplace", "")
        },
        "features": {
            "enabled": answers["HasFeatures"],
            "group": "zzfeatures",
            "role": when("JobsWriteFeatures", "", f"{role}featuresrole"),
        },
        "roles": {
            "endpoint": f"{role}endpointrole",
            "jobs": when("JobsHaveRole", f"{role}jobsrole", ""),
        },
        "endpoint": {
            "name": "zzendpoint",
            "kind": when("IsAsynchronous", "asynchronous", "real-time"),
        },
        "triggers": {"data_prefix": "zzdataprefix"},
        "promotion": _partners(answers),
    }
    if base is not None:
        own = {name: replace(getattr(base, name), **keys) for name, keys in tables.items()}
        return replace(base, **own, environment="zzenvironment")
    defaults: dict[str, Any] = {field.name: {} for field in fields(Sections)}
    defaults["tuning"] = {"ranges": {"learning_rate": SPAN}}
    return Settings(**vars(Sections(**defaults | tables)), environment="zzenvironment")


def _partners(answers: Answers) -> dict[str, str]:
    taking = {
        "from_account": GIVER,
        "from_group": "zzgivergroup",
        "from_bucket": "zzgiverbucket",
        "from_key": f"arn:aws:kms:{REGION}:{GIVER}:key/zztheirs" * answers["TakesEncrypted"],
    }
    giving = {"to_account": TAKER, "to_role": f"arn:aws:iam::{TAKER}:role/zztaker"}
    return {
        **{key: value * answers["TakesVersions"] for key, value in taking.items()},
        **{key: value * answers["TellsTaker"] for key, value in giving.items()},
    }


def written(value: Any) -> Any:
    """The value with parameters for placeholders, as `Ref` and `Fn::Sub`."""
    if isinstance(value, Mapping):
        return {str(written_text(key)): written(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [written(inner) for inner in value]
    if not isinstance(value, str):
        return value
    text = written_text(value)
    if "${" not in text.replace("${!", ""):
        return value
    whole = text.startswith("${") and text.endswith("}") and text.count("${") == 1
    return {"Ref": text[2:-1]} if whole else {"Fn::Sub": text}


@functools.cache
def written_text(text: str) -> str:
    """A text with parameters for placeholders; IAM's own variables are kept from substitution."""
    text = text.replace("${", "${!")
    for placeholder, parameter in WRITTEN.items():
        text = text.replace(placeholder, parameter)
    return text


def merged_statements(variants: Sequence[Variant]) -> list[Any]:
    """The statements of policies by name, in the order of the longest policy."""
    by_name = [(answers, {found["Sid"]: found for found in value}) for answers, value in variants]
    longest_first = sorted((found for _, found in by_name), key=len, reverse=True)
    return [
        merged([(answers, found.get(sid, NOTHING)) for answers, found in by_name])
        for sid in dict.fromkeys(itertools.chain.from_iterable(longest_first))
    ]


def merged(variants: Sequence[Variant]) -> Any:
    """One value for all variants: as it is where they are equal, else nested `Fn::If`s."""
    first = variants[0][1]
    if all(value == first for _, value in variants):
        return first
    condition = _deciding(variants)
    sides = [[v for v in variants if v[0][condition] is answer] for answer in (True, False)]
    return {"Fn::If": [condition, *(merged(side) for side in sides)]}


def _deciding(variants: Sequence[Variant]) -> str:
    """The condition after which the fewest different values are left on its sides."""

    def left(condition: str) -> int:
        sides: dict[bool, set[str]] = {}
        for answers, value in variants:
            sides.setdefault(answers[condition], set()).add(repr(value))
        return sum(map(len, sides.values()))

    return min((c for c in NONE if len({a[c] for a, _ in variants}) > 1), key=left)
