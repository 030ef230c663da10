"""Values that are sound one by one and wrong together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from settings.checks import Problem
from settings.pipeline import RANGES
from settings.promotion import check_promotion
from settings.workload import FOREIGN, IMAGES

if TYPE_CHECKING:
    from settings import Settings
    from settings.pipeline import Range

Check = tuple[bool, str, Any, str]  # is it wrong, key, value, what is allowed
METRIC_PERIOD = 60  # seconds; SageMakerVariantInvocationsPerInstance is counted per minute


def contradictions(settings: Settings) -> list[Problem]:
    """All problems between sound values, in the order of the file's sections."""
    checks = (
        *(_kind, _account, _splits, _features, _ranges, _search, _batches, _waiting),
        *(_fleet, _periods, _concurrency, _foundation, check_promotion),
    )
    return [
        Problem(key, value, allowed)
        for check in checks
        for wrong, key, value, allowed in check(settings)
        if wrong
    ]


def _kind(settings: Settings) -> Iterator[Check]:
    kind = settings.workload.kind
    for name in FOREIGN[kind]:
        section, _, key = name.partition(".")
        given = getattr(settings, section)
        value, unset = (getattr(each, key) if key else each for each in (given, type(given)()))
        allowed = f"no such {'key' if key else 'section'} where workload.kind is {kind}"
        yield value != unset, name, value if key else ..., allowed
    ranges = settings.tuning.ranges
    yield kind == IMAGES and not ranges, "tuning.ranges", dict(ranges), RANGES


def _account(settings: Settings) -> Iterator[Check]:
    name, aws = settings.environment, settings.aws
    allowed = "a table name of at most 20 of a-z, 0-9 and '-'"
    yield not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){0,19}", name), "environment", name, allowed
    allowed = "a derived bucket name of at most 63 characters: set aws.bucket"
    yield len(settings.bucket) > 63, "aws.bucket", settings.bucket, allowed
    allowed = "either role_name or role_arn"
    yield bool(aws.role_name) == bool(aws.role_arn), "aws.role_arn", aws.role_arn, allowed
    allowed = "subnets and security_groups together"
    for key, given, other in (
        ("subnets", aws.subnets, aws.security_groups),
        ("security_groups", aws.security_groups, aws.subnets),
    ):
        yield bool(other) and not given, f"aws.{key}", [], allowed


def _splits(settings: Settings) -> Iterator[Check]:
    validation, test = settings.prepare.validation_fraction, settings.prepare.test_fraction
    yield validation <= 0, "prepare.validation_fraction", validation, "more than 0"
    yield test <= 0, "prepare.test_fraction", test, "more than 0"
    allowed = f"less than 1 together with validation_fraction ({validation:g})"
    yield validation + test >= 1, "prepare.test_fraction", test, allowed
    size = settings.model.image_size
    allowed = "at least 32 pixels, or 0 for the backbone's own size"
    yield 0 < size < 32, "model.image_size", size, allowed


def _features(settings: Settings) -> Iterator[Check]:
    features, group = settings.features, settings.feature_group
    nowhere = features.enabled and not (features.online or features.offline)
    yield nowhere, "features.online", False, "true for online, offline or both"
    endless = features.ttl_days > 0 and not features.online
    yield endless, "features.ttl_days", features.ttl_days, "0 without the online store"
    allowed = "at most 64 characters, also where it is derived"
    yield len(group) > 64, "features.group", group, allowed


def _ranges(settings: Settings) -> Iterator[Check]:
    for name, span in settings.tuning.ranges.items():
        check = _categorical if span.type == "categorical" else _interval
        for wrong, key, value, allowed in check(span):
            yield wrong, f"tuning.ranges.{name}.{key}", value, allowed
        whole = name in ("batch_size", "hidden_units")
        key = f"tuning.ranges.{name}.type"
        yield whole and span.type == "continuous", key, span.type, "integer or categorical"


def _categorical(span: Range) -> Iterator[Check]:
    values = list(span.values)
    yield not values, "values", values, "at least one value for a categorical range"
    yield len(set(values)) < len(values), "values", values, "each value once"


def _interval(span: Range) -> Iterator[Check]:
    low, high = span.min, span.max
    yield bool(span.values), "values", list(span.values), f"no values for a {span.type} range"
    yield low >= high, "min", low, f"less than max ({high:g})"
    logarithmic, reverse = span.scaling == "Logarithmic", span.scaling == "ReverseLogarithmic"
    yield logarithmic and low <= 0, "min", low, "more than 0 for Logarithmic scaling"
    allowed = "a range within [0, 1) for ReverseLogarithmic scaling"
    yield reverse and (low < 0 or high >= 1), "max", high, allowed
    whole = low.is_integer() and high.is_integer()
    yield span.type == "integer" and not whole, "min", low, "whole limits for an integer range"


def _search(settings: Settings) -> Iterator[Check]:
    tuning = settings.tuning
    for name, span in tuning.ranges.items():
        wrong = tuning.strategy == "Grid" and span.type != "categorical"
        yield wrong, f"tuning.ranges.{name}.type", span.type, "categorical with Grid"
    wrong = tuning.strategy == "Hyperband" and tuning.early_stopping != "Off"
    allowed = "Off with Hyperband, which stops trials itself"
    yield wrong, "tuning.early_stopping", tuning.early_stopping, allowed
    jobs, allowed = tuning.max_parallel_jobs, f"at most max_jobs ({tuning.max_jobs})"
    yield jobs > tuning.max_jobs, "tuning.max_parallel_jobs", jobs, allowed


def _batches(settings: Settings) -> Iterator[Check]:
    # The batch size is global: every host needs at least one image of each batch.
    hosts = max(settings.training.instance_count, settings.tuning.instance_count)
    allowed = f"at least {hosts}, one image for each host"
    yield settings.model.batch_size < hosts, "model.batch_size", settings.model.batch_size, allowed
    if span := settings.tuning.ranges.get("batch_size"):
        sizes = [float(value) for value in span.values] or [span.min]
        smallest = int(min(*sizes, hosts))
        yield smallest < hosts, "tuning.ranges.batch_size", smallest, allowed


def _waiting(settings: Settings) -> Iterator[Check]:
    spot = settings.spot
    for job in ("tuning", "training"):
        runtime = getattr(settings, job).max_runtime_seconds
        wrong = spot.enabled and spot.max_wait_seconds < runtime
        allowed = f"at least {job}.max_runtime_seconds ({runtime})"
        yield wrong, "spot.max_wait_seconds", spot.max_wait_seconds, allowed


def _fleet(settings: Settings) -> Iterator[Check]:
    scaling, endpoint, name = settings.scaling, settings.endpoint, settings.endpoint_name
    yield len(name) > 32, "endpoint.name", name, "at most 32 characters, also where it is derived"
    low, high = scaling.min_capacity, scaling.max_capacity
    yield low > high, "scaling.min_capacity", low, f"at most max_capacity ({high})"
    empty = low < 1 and endpoint.kind != "asynchronous"
    yield empty, "scaling.min_capacity", low, "at least 1 unless endpoint.kind is asynchronous"
    count = endpoint.instance_count
    within = low <= count <= high or endpoint.kind == "serverless"
    allowed = f"within scaling's {low} to {high}"
    yield not within, "endpoint.instance_count", count, allowed
    for name, planned in scaling.scheduled.items():
        key, least, most = f"scaling.scheduled.{name}", planned.min_capacity, planned.max_capacity
        yield not planned.schedule, f"{key}.schedule", "", "a rate(…) or cron(…)"
        yield least > most, f"{key}.min_capacity", least, f"at most max_capacity ({most})"


def _periods(settings: Settings) -> Iterator[Check]:
    for key in ("period_seconds", "drift_period_seconds"):
        value = getattr(settings.alarms, key)
        wrong = value not in (10, 30) and value % 60 != 0
        yield wrong, f"alarms.{key}", value, "10, 30 or a multiple of 60"


def _concurrency(settings: Settings) -> Iterator[Check]:
    reserved, warm = (
        settings.function.reserved_concurrency,
        settings.function.provisioned_concurrency,
    )
    allowed = f"at most reserved_concurrency ({reserved})"
    yield warm > reserved, "function.provisioned_concurrency", warm, allowed


def _foundation(settings: Settings) -> Iterator[Check]:
    aws, stack = settings.aws, settings.foundation
    alias = aws.kms_key.startswith("alias/")
    yield stack.key and not alias, "aws.kms_key", aws.kms_key, "alias/… with foundation.key"
    budget, allowed = stack.monthly_budget_usd, "0 without alarms.emails, which hear of it"
    wrong = budget > 0 and not settings.alarms.emails
    yield wrong, "foundation.monthly_budget_usd", budget, allowed
    address = stack.network_cidr.partition("/")[0].split(".")
    wrong = any(int(part) > 255 for part in address) or int(address[2]) % 16 != 0
    yield wrong, "foundation.network_cidr", stack.network_cidr, "the first address of a /20"


def warnings(settings: Settings) -> list[str]:
    """Sentences on values that are allowed and unwise."""
    scaling, found = settings.scaling, [*_unembedded(settings)]
    for key in ("scale_out_cooldown_seconds", "scale_in_cooldown_seconds"):
        value = getattr(scaling, key)
        if value < METRIC_PERIOD and settings.endpoint.kind != "serverless":
            found.append(
                f"scaling.{key} = {value} is shorter than the {METRIC_PERIOD} s period of its "
                "metric: it scales again before it has seen what the last step did."
            )
    return found


def _unembedded(settings: Settings) -> Iterator[str]:
    wanted = settings.features.enabled and settings.features.embedding
    if wanted and not settings.embeds:
        yield (
            f"features.embedding = true, and {settings.model.backbone} has no pretrained weights: "
            "records get no embedding until model.pretrained_uri names some."
        )
