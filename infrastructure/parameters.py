"""The template's parameters, and their values under one environment's settings."""

from __future__ import annotations

from typing import Any

from infrastructure.parts import equals, given, is_true
from infrastructure.roles import ROLES
from pipeline.policies import lies_elsewhere
from settings import Settings
from statemachine.names import Names
from statemachine.promotion import gives_away

FLAG = {"Type": "String", "AllowedValues": ["true", "false"]}
ROLE_NAME = r"[\w+=,.@-]{0,64}"


def parameters() -> dict[str, dict[str, Any]]:
    """What an organisation decides; empty means: not here."""
    return {
        "Environment": _text("The environment, a tag of everything", "[a-z0-9-]{1,20}"),
        "Owner": _text("Who answers for it, a tag of everything", ".{1,256}"),
        "EndpointName": _text("The endpoint, from which names derive", "[a-zA-Z0-9-]{1,32}"),
        "PipelineName": _text("The pipeline", "[a-zA-Z0-9-]{1,63}"),
        "ModelPackageGroup": _text("Where its models are registered", "[a-zA-Z0-9-]{1,63}"),
        "EndpointKind": {
            "Description": "How the endpoint answers",
            "Type": "String",
            "AllowedValues": ["real-time", "serverless", "asynchronous"],
            "Default": "real-time",
        },
        "FeatureGroup": _text("Where images are recorded", "[a-z0-9-]{0,64}", ""),
        **_storage(),
        **_roles(),
        **_network(),
        **_partners(),
        "MonthlyBudget": {
            "Description": "US dollars of the account in a month; 0 for no budget",
            "Type": "Number",
            "Default": 0,
            "MinValue": 0,
        },
    }


def parameter_values(settings: Settings) -> dict[str, str]:
    """Every parameter's value; what the stack is not to make has an empty one."""
    names, stack = Names(settings), settings.foundation
    return {
        "Environment": settings.environment,
        "Owner": settings.aws.owner,
        "EndpointName": settings.endpoint_name,
        "PipelineName": settings.pipeline.name,
        "ModelPackageGroup": settings.pipeline.model_package_group,
        "EndpointKind": settings.endpoint.kind,
        "FeatureGroup": settings.feature_group.lower(),
        "BucketName": settings.bucket,
        "CreateBucket": _flag(stack.bucket),
        "DataPrefix": settings.triggers.data_prefix,
        **_key(settings),
        **_place("Data", settings, settings.data_uri),
        **_place("Weights", settings, settings.model.pretrained_uri),
        "ReaderArn": stack.reader_arn,
        "ReaderPrefix": stack.reader_prefix,
        **{f"{name}Name": made_role(settings, actor) for actor, name in ROLES.items()},
        "JobsRoleArn": settings.jobs_role_arn,
        "EndpointRoleArn": names.role("endpoint"),
        "JobsHaveTheirOwnRole": _flag(settings.jobs_role_arn != settings.role_arn),
        "JobsWriteFeatures": _flag(_jobs_write_features(settings)),
        "WorksInNetwork": _flag(bool(settings.aws.subnets) or stack.network),
        "CreateNetwork": _flag(stack.network),
        "NetworkCidr": stack.network_cidr,
        "GiverAccount": settings.promotion.from_account,
        "GiverGroup": settings.promotion.from_group,
        "GiverBucket": settings.promotion.from_bucket,
        "GiverKeyArn": settings.promotion.from_key,
        "TakerAccount": settings.promotion.to_account if gives_away(settings) else "",
        "MonthlyBudget": str(stack.monthly_budget_usd),
    }


def stack_name(settings: Settings) -> str:
    """The stack of an environment."""
    return f"{settings.endpoint_name}-foundation"


def made_role(settings: Settings, actor: str) -> str:
    """The name of the role that the stack makes for an actor; empty where it makes none."""
    if not settings.foundation.roles:
        return ""
    if actor == "pipeline":
        return settings.aws.role_name
    named: str = getattr(settings.roles, actor)
    if named.startswith("arn:") or (actor == "jobs" and not named):
        return ""
    return named or Names(settings).made_role(actor)


def parameter_conditions() -> dict[str, Any]:
    """The conditions on which policies depend."""
    return {
        "KeyIsAlias": given("KmsKeyAlias"),
        "HasKey": {"Fn::Or": [given("KmsKeyAlias"), given("KmsKeyArn")]},
        "UsesNetwork": is_true("WorksInNetwork"),
        "IsAsynchronous": equals("EndpointKind", "asynchronous"),
        "DataLiesElsewhere": given("DataLocation"),
        "WeightsLieElsewhere": given("WeightsLocation"),
        "JobsHaveRole": is_true("JobsHaveTheirOwnRole"),
        "HasFeatures": given("FeatureGroup"),
        "JobsWriteFeatures": is_true("JobsWriteFeatures"),
        "TakesVersions": given("GiverAccount"),
        "TakesEncrypted": given("GiverKeyArn"),
        "TellsTaker": given("TakerAccount"),
    }


def _storage() -> dict[str, dict[str, Any]]:
    return {
        "BucketName": _text("The artifact bucket", "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        "CreateBucket": _yes_or_no("Whether the stack makes the bucket", "true"),
        "DataPrefix": _text("Where data sets lie in the bucket", ".{0,512}", "data"),
        "KmsKeyAlias": _text("The key by its alias", "(alias/.+)?", ""),
        "KmsKeyArn": _text("Or an existing key by its ARN", "(arn:.+)?", ""),
        "CreateKey": _yes_or_no("Whether the stack makes the key of the alias", "false"),
        "DataBucket": _text("The bucket of data that lie elsewhere", ".*", ""),
        "DataLocation": _text("These data, as bucket/prefix", ".*", ""),
        "WeightsBucket": _text("The bucket of pretrained weights", ".*", ""),
        "WeightsLocation": _text("These weights, as bucket/key", ".*", ""),
        "ReaderArn": _text("A principal elsewhere that may read the prefix", "(arn:.+)?", ""),
        "ReaderPrefix": _text("What it may read", ".*", "data"),
    }


def _roles() -> dict[str, dict[str, Any]]:
    made = {
        f"{name}Name": _text(f"A name for the role of: {actor.replace('_', ' ')}", ROLE_NAME, "")
        for actor, name in ROLES.items()
    }
    return {
        **made,
        "JobsRoleArn": _text("Under which role jobs work", "arn:.+"),
        "EndpointRoleArn": _text("Under which role models work", "arn:.+"),
        "JobsHaveTheirOwnRole": _yes_or_no("Whether that is not the pipeline's", "true"),
        "JobsWriteFeatures": _yes_or_no("Whether it writes the offline store", "false"),
    }


def _network() -> dict[str, dict[str, Any]]:
    block = r"\d+(\.\d+){3}/20"
    return {
        "WorksInNetwork": _yes_or_no("Whether jobs and models work in a VPC", "false"),
        "CreateNetwork": _yes_or_no("Whether the stack makes that VPC", "false"),
        "NetworkCidr": _text("Its addresses", block, "10.20.0.0/20"),
    }


def _partners() -> dict[str, dict[str, Any]]:
    """Who gives this environment its approved versions, and who takes ours: docs/promotion.md."""
    account = r"(\d{12})?"
    return {
        "GiverAccount": _text("Whose approved versions arrive here", account, ""),
        "GiverGroup": _text("Where they are registered", "[a-zA-Z0-9-]{0,63}", ""),
        "GiverBucket": _text("Where their artifacts lie", "[a-z0-9.-]{0,63}", ""),
        "GiverKeyArn": _text("With which key", "(arn:.+)?", ""),
        "TakerAccount": _text("Another account that is told of ours", account, ""),
    }


def _text(description: str, pattern: str, default: str | None = None) -> dict[str, Any]:
    found = {"Description": description, "Type": "String", "AllowedPattern": f"^{pattern}$"}
    return found if default is None else {**found, "Default": default}


def _yes_or_no(description: str, default: str) -> dict[str, Any]:
    return {"Description": description, **FLAG, "Default": default}


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _key(settings: Settings) -> dict[str, str]:
    key = settings.aws.kms_key
    alias = key.rpartition(":")[2]
    is_alias = alias.startswith("alias/")
    arn = key if key.startswith("arn:") else Names(settings).arn("kms", f"key/{key}")
    return {
        "KmsKeyAlias": alias if is_alias else "",
        "KmsKeyArn": "" if is_alias or not key else arn,
        "CreateKey": _flag(settings.foundation.key),
    }


def _jobs_write_features(settings: Settings) -> bool:
    ours = settings.features_role_arn == settings.jobs_role_arn
    return bool(settings.feature_group) and settings.features.offline and ours


def _place(name: str, settings: Settings, uri: str) -> dict[str, str]:
    place = uri.removeprefix("s3://").rstrip("/") if lies_elsewhere(settings, uri) else ""
    return {f"{name}Bucket": place.partition("/")[0], f"{name}Location": place}
