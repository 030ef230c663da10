"""Checks that need more than one setting.

Each check is a small generator of problems; `cross_problems` runs them all on settings whose single
values are already sound. Boundary: pure, and typed loosely so that `settings.py` can import it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from settings_reader import Problem

if TYPE_CHECKING:
    from settings import Range, Settings


def cross_problems(settings: Settings) -> list[Problem]:
    """All problems between settings, in the order of the file's sections."""
    checks = (
        _environment,
        _role,
        _network,
        _fractions,
        _model,
        _ranges,
        _batches,
        _strategy,
        _budget,
        _spot,
    )
    return [problem for check in checks for problem in check(settings)]


def _environment(settings: Settings) -> Iterator[Problem]:
    if not re.fullmatch(r"[a-z0-9](-?[a-z0-9]){0,19}", settings.environment):
        allowed = "a table name of at most 20 of a-z, 0-9 and '-'"
        yield Problem(settings.environment, settings.environment, allowed)
    if len(settings.bucket) > 63:
        allowed = "a derived bucket name of at most 63 characters: set aws.bucket"
        yield Problem(f"{settings.environment}.aws.bucket", settings.bucket, allowed)


def _role(settings: Settings) -> Iterator[Problem]:
    aws = settings.aws
    if bool(aws.role_name) == bool(aws.role_arn):
        value = aws.role_arn or ""
        yield Problem(f"{settings.environment}.aws.role_arn", value, "either role_name or role_arn")


def _network(settings: Settings) -> Iterator[Problem]:
    aws = settings.aws
    if bool(aws.subnets) != bool(aws.security_groups):
        name, value = (
            ("security_groups", aws.security_groups) if aws.subnets else ("subnets", aws.subnets)
        )
        yield Problem(
            f"{settings.environment}.aws.{name}",
            list(value),
            "subnets and security_groups together",
        )


def _fractions(settings: Settings) -> Iterator[Problem]:
    prepare = settings.prepare
    for name in ("validation_fraction", "test_fraction"):
        if getattr(prepare, name) <= 0:
            yield Problem(
                f"{settings.environment}.prepare.{name}", getattr(prepare, name), "more than 0"
            )
    total = prepare.validation_fraction + prepare.test_fraction
    if total >= 1:
        yield Problem(
            f"{settings.environment}.prepare.test_fraction",
            prepare.test_fraction,
            f"less than 1 together with validation_fraction ({prepare.validation_fraction:g})",
        )


def _model(settings: Settings) -> Iterator[Problem]:
    size = settings.model.image_size
    if 0 < size < 32:
        allowed = "at least 32 pixels, or 0 for the backbone's own size"
        yield Problem(f"{settings.environment}.model.image_size", size, allowed)


def _ranges(settings: Settings) -> Iterator[Problem]:
    for name, span in settings.tuning.ranges.items():
        key = f"{settings.environment}.tuning.ranges.{name}"
        yield from _categorical(key, span) if span.type == "categorical" else _interval(key, span)


def _categorical(key: str, span: Range) -> Iterator[Problem]:
    if not span.values:
        yield Problem(f"{key}.values", [], "at least one value for a categorical range")
    if len(set(span.values)) != len(span.values):
        yield Problem(f"{key}.values", list(span.values), "each value once")
    for value in span.values:
        if not re.fullmatch(r"\d+(\.\d+)?(e-?\d+)?", value):
            yield Problem(f"{key}.values", value, "numbers, written as strings")


def _interval(key: str, span: Range) -> Iterator[Problem]:
    if span.values:
        yield Problem(f"{key}.values", list(span.values), f"no values for a {span.type} range")
    if span.min >= span.max:
        yield Problem(f"{key}.min", span.min, f"less than max ({span.max:g})")
    if span.scaling == "Logarithmic" and span.min <= 0:
        yield Problem(f"{key}.min", span.min, "more than 0 for Logarithmic scaling")
    if span.scaling == "ReverseLogarithmic" and not (span.min >= 0 and span.max < 1):
        yield Problem(
            f"{key}.max", span.max, "a range within [0, 1) for ReverseLogarithmic scaling"
        )
    if span.type == "integer" and not (span.min.is_integer() and span.max.is_integer()):
        yield Problem(f"{key}.min", span.min, "whole limits for an integer range")
    if key.endswith((".batch_size", ".hidden_units")) and span.type == "continuous":
        yield Problem(f"{key}.type", span.type, "integer or categorical")


def _batches(settings: Settings) -> Iterator[Problem]:
    # The batch size is global: every host needs at least one image of each batch.
    hosts = max(settings.training.instance_count, settings.tuning.instance_count)
    span = settings.tuning.ranges.get("batch_size")
    tuned = [] if span is None else [float(value) for value in span.values] or [span.min]
    for key, smallest in (
        ("model.batch_size", float(settings.model.batch_size)),
        ("tuning.ranges.batch_size", min(tuned, default=float(hosts))),
    ):
        if smallest < hosts:
            allowed = f"at least {hosts}, one image for each host"
            yield Problem(f"{settings.environment}.{key}", int(smallest), allowed)


def _strategy(settings: Settings) -> Iterator[Problem]:
    tuning, key = settings.tuning, f"{settings.environment}.tuning"
    if tuning.strategy == "Grid":
        for name, span in tuning.ranges.items():
            if span.type != "categorical":
                yield Problem(f"{key}.ranges.{name}.type", span.type, "categorical with Grid")
    if tuning.strategy == "Hyperband" and tuning.early_stopping != "Off":
        allowed = "Off with Hyperband, which stops trials itself"
        yield Problem(f"{key}.early_stopping", tuning.early_stopping, allowed)


def _budget(settings: Settings) -> Iterator[Problem]:
    tuning = settings.tuning
    if tuning.max_parallel_jobs > tuning.max_jobs:
        yield Problem(
            f"{settings.environment}.tuning.max_parallel_jobs",
            tuning.max_parallel_jobs,
            f"at most max_jobs ({tuning.max_jobs})",
        )


def _spot(settings: Settings) -> Iterator[Problem]:
    if not settings.spot.enabled:
        return
    for name in ("tuning", "training"):
        runtime = getattr(settings, name).max_runtime_seconds
        if settings.spot.max_wait_seconds < runtime:
            yield Problem(
                f"{settings.environment}.spot.max_wait_seconds",
                settings.spot.max_wait_seconds,
                f"at least {name}.max_runtime_seconds ({runtime})",
            )
