"""Service Quotas: how many instances and concurrent functions an account may have at a time.

moto knows the quotas of VPCs alone. AWS's defaults are of new accounts, and almost all zero; this
account has had some raised, as one in use has. RequestServiceQuotaIncrease is granted at once.

DEFAULTS and RAISED: read with Service Quotas' own API in us-east-1 on 2026-07-31, as a course that
is given on AWS published it; of types that are not among them none are raised. Jobs and endpoints
of this server do not ask for a quota.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

SERVICE = "sagemaker"
USES = (
    "training job usage",
    "spot training job usage",
    "processing job usage",
    "endpoint usage",
    "transform job usage",
)
CPU = ("ml.m5.large", "ml.m5.xlarge", "ml.c5.large", "ml.c5.xlarge", "ml.c6i.large")
BURSTABLE = ("ml.t3.medium", "ml.t3.large", "ml.t3.xlarge")
GPU = ("ml.g4dn.xlarge", "ml.g5.xlarge")
DEFAULTS = {
    "ml.m5.large for spot training job usage": 4,
    "ml.t3.medium for processing job usage": 4,
    "ml.t3.large for processing job usage": 4,
    "ml.t3.xlarge for processing job usage": 2,
}
RAISED = {
    "training job usage": 15,
    "spot training job usage": 10,
    "processing job usage": 4,
    "endpoint usage": 8,
    "transform job usage": 4,
}
LAMBDA_QUOTA = {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384"}  # concurrent executions
CONCURRENCY = 1_000.0
NAMES = [f"{kind} for {use}" for kind in (*CPU, *BURSTABLE, *GPU) for use in USES]
VPC_ANSWERS = {
    name: getattr(ServiceQuotasResponse, name)
    for name in ("get_service_quota", "list_aws_default_service_quotas")
}


def answer_quotas() -> None:
    """Let moto's Service Quotas answer about SageMaker, in this process."""
    for name, answer in (
        ("list_service_quotas", _list),
        ("get_service_quota", _get),
        ("list_aws_default_service_quotas", _list_defaults),
        ("request_service_quota_increase", _raise),
    ):
        setattr(ServiceQuotasResponse, name, answer)


def value_of(backend: Any, name: str) -> float:
    """What the account has: what it asked for, else what it has had raised, else the default."""
    asked: dict[str, float] = getattr(backend, "asked", {})
    kind, _, use = name.partition(" for ")
    raised = RAISED.get(use, 0) if kind in CPU else 0
    return asked.get(name, max(raised, DEFAULTS.get(name, 0)))


def _list(response: Any) -> str:
    if _request(response).get("ServiceCode") != SERVICE:
        raise _missing("service")
    return json.dumps({"Quotas": [_quota(response.backend, name) for name in NAMES]})


def _list_defaults(response: Any) -> str:
    if _request(response).get("ServiceCode") != SERVICE:
        return str(VPC_ANSWERS["list_aws_default_service_quotas"](response))
    found = [_described(response.backend, name, DEFAULTS.get(name, 0)) for name in NAMES]
    return json.dumps({"Quotas": found})


def _get(response: Any) -> str:
    request = _request(response)
    if request == LAMBDA_QUOTA:
        concurrency = {"QuotaName": "Concurrent executions", "Value": CONCURRENCY}
        return json.dumps({"Quota": {**LAMBDA_QUOTA, **concurrency}})
    if request.get("ServiceCode") != SERVICE:
        return str(VPC_ANSWERS["get_service_quota"](response))
    return json.dumps({"Quota": _quota(response.backend, _name(request))})


def _raise(response: Any) -> str:
    request = _request(response)
    name, wanted = _name(request), float(request.get("DesiredValue", 0))
    if wanted <= value_of(response.backend, name):
        raise JsonRESTError(
            "IllegalArgumentException",
            f"You must provide a quota value greater than the current quota value of {name}.",
        )
    response.backend.asked = {**getattr(response.backend, "asked", {}), name: wanted}
    asked = {"QuotaCode": code_of(name), "DesiredValue": wanted, "Status": "APPROVED"}
    return json.dumps({"RequestedQuota": {**asked, "ServiceCode": SERVICE, "QuotaName": name}})


def code_of(name: str) -> str:
    """A code in AWS's form; AWS's own are no function of the name."""
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def _request(response: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.body or "{}")
    return found


def _name(request: dict[str, Any]) -> str:
    if request.get("ServiceCode") == SERVICE:
        for name in NAMES:
            if code_of(name) == request.get("QuotaCode"):
                return name
    raise _missing("quota")


def _missing(what: str) -> JsonRESTError:
    return JsonRESTError("NoSuchResourceException", f"There is no such {what}.")


def _quota(backend: ServiceQuotasBackend, name: str) -> dict[str, Any]:
    return _described(backend, name, value_of(backend, name))


def _described(backend: ServiceQuotasBackend, name: str, value: float) -> dict[str, Any]:
    place = f"{backend.region_name}:{backend.account_id}:{SERVICE}"
    return {
        "ServiceCode": SERVICE,
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": f"arn:aws:servicequotas:{place}/{code_of(name)}",
        "QuotaCode": code_of(name),
        "QuotaName": name,
        "Value": float(value),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
