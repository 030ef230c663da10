"""Whether the account may have as many instances at a time as jobs and endpoint ask for.

Steps run one after the other, so that only the largest of them counts for a quota; a blue/green
update has two fleets for a while.
"""

from __future__ import annotations

from collections.abc import Iterator

from provision.change import Clients
from provision.preflight.findings import Finding, Subject
from settings import Settings
from settings.workload import TABULAR

FLEETS = 2  # of a blue/green update
CONCURRENCY = "L-B99A9384"  # Lambda's quota of concurrent executions
UNRESERVED = 100  # that Lambda keeps for functions which reserve nothing
TRAINING, PROCESSING, ENDPOINT = "training job usage", "processing job usage", "endpoint usage"


def needs(settings: Settings) -> dict[str, tuple[int, str]]:
    """Quota -> (instances, what for)."""
    found: dict[str, tuple[int, str]] = {}
    for kind, use, count, what in _needs(settings):
        name = f"{kind} for {use}"
        found[name] = max(found.get(name, (0, "")), (count, what))
    return found


def _needs(settings: Settings) -> Iterator[tuple[str, str, int, str]]:
    yield settings.prepare.instance_type, PROCESSING, 1, "Prepare"
    yield settings.evaluate.instance_type, PROCESSING, 1, "Evaluate"
    training = f"spot {TRAINING}" if settings.spot.enabled else TRAINING
    tuning, final = settings.tuning, settings.training
    if settings.workload.kind != TABULAR:  # which is not tuned
        trials = min(tuning.max_parallel_jobs, tuning.max_jobs)
        what = f"Tune, {trials} trials of {tuning.instance_count} at a time"
        yield tuning.instance_type, training, trials * tuning.instance_count, what
    yield final.instance_type, training, final.instance_count, "Train"
    if settings.endpoint.kind != "serverless":
        most = max(settings.endpoint.instance_count, settings.scaling.max_capacity)
        what = f"an update of the endpoint when it has scaled to {most}"
        yield settings.endpoint.instance_type, ENDPOINT, FLEETS * most, what


def check_instances(subject: Subject) -> Iterator[Finding]:
    """SageMaker's quotas for the instance types of the settings."""
    given = _values(subject.clients)
    for name, (count, what) in needs(subject.settings).items():
        if name not in given:
            problem = f"Service Quotas does not tell it; {what} asks for {count}"
            yield Finding("unchecked", f"quota {name}", problem, "look for it in the console")
        elif given[name][0] < count:
            value, code = given[name]
            yield Finding(
                "fault",
                f"quota {name}",
                f"it is {value:g}, and {what} asks for {count}",
                "aws service-quotas request-service-quota-increase --service-code sagemaker "
                f"--quota-code {code} --desired-value {count}, or take another instance type",
            )


def check_concurrency(subject: Subject) -> Iterator[Finding]:
    """Lambda's concurrency, which new accounts have little of."""
    found = subject.clients("service-quotas").get_service_quota(
        ServiceCode="lambda", QuotaCode=CONCURRENCY
    )
    value, reserved = found["Quota"]["Value"], subject.settings.function.reserved_concurrency
    if reserved + UNRESERVED > value:
        yield Finding(
            "fault",
            "quota concurrent executions of Lambda",
            f"it is {value:g}, and {reserved} reserved besides {UNRESERVED} for others need more",
            "lower function.reserved_concurrency, or aws service-quotas "
            f"request-service-quota-increase --service-code lambda --quota-code {CONCURRENCY} "
            f"--desired-value {reserved + UNRESERVED}",
        )


def _values(clients: Clients) -> dict[str, tuple[float, str]]:
    """Quota -> (value, code), as they apply to this account."""
    pages = clients("service-quotas").get_paginator("list_service_quotas")
    return {
        quota["QuotaName"]: (float(quota["Value"]), str(quota["QuotaCode"]))
        for page in pages.paginate(ServiceCode="sagemaker")
        for quota in page["Quotas"]
    }
