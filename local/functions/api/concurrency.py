"""Reserved and provisioned concurrency, and the account's limits."""

from __future__ import annotations

from typing import Any

from local.errors import ApiError
from local.functions.api.call import Call, Reply
from local.functions.concurrency import LEAST_UNRESERVED
from local.functions.errors import invalid_parameter
from local.functions.lookup import weights
from local.functions.provisioned import Status
from local.functions.records import LATEST, aliases, all_settings, group, now_iso
from local.functions.service import set_aside


def put_function_concurrency(call: Call) -> Reply:
    kept, wanted = call.settings(), int(call.parameters["ReservedConcurrentExecutions"])
    if _left(call) - wanted < LEAST_UNRESERVED:
        raise invalid_parameter(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}]."
        )
    provisioned = sum(config["requested"] for config in kept.provisioned.values())
    if wanted < provisioned:
        raise invalid_parameter(
            f"ReservedConcurrentExecutions {wanted} should not be lower than function's total "
            f"provisioned concurrency [{provisioned}]."
        )
    kept.reserved = wanted
    return 200, {"ReservedConcurrentExecutions": wanted}


def get_function_concurrency(call: Call) -> Reply:
    reserved = call.settings().reserved
    return 200, {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


def delete_function_concurrency(call: Call) -> Reply:
    call.settings().reserved = None
    return 204, None


def put_provisioned_concurrency_config(call: Call) -> Reply:
    qualifier, wanted = _qualifier(call), int(call.parameters["ProvisionedConcurrentExecutions"])
    if wanted < 1:
        raise ApiError("ValidationException", "Provisioned concurrency is 1 or more.")
    target = call.functions.find(call.name, qualifier, call.backend.region_name)
    _check_alias(call, qualifier, target.function.version)
    _check_room(call, qualifier, wanted)
    call.settings().provisioned[qualifier] = {"requested": wanted, "modified": now_iso()}
    call.functions.provisioned.put((call.arn, qualifier), target.function, wanted)
    return 202, _described(call, qualifier)


def get_provisioned_concurrency_config(call: Call) -> Reply:
    return 200, _described(call, _qualifier(call))


def list_provisioned_concurrency_configs(call: Call) -> Reply:
    listed = [
        {"FunctionArn": f"{call.arn}:{qualifier}", **_described(call, qualifier)}
        for qualifier in sorted(call.settings().provisioned)
    ]
    return 200, {"ProvisionedConcurrencyConfigs": listed}


def delete_provisioned_concurrency_config(call: Call) -> Reply:
    qualifier = _qualifier(call)
    call.settings().provisioned.pop(qualifier, None)
    call.functions.provisioned.remove((call.arn, qualifier))
    return 204, None


def get_account_settings(call: Call) -> Reply:
    names = list(all_settings(call.backend))
    found = [group(call.backend, name) or {"latest": None, "versions": []} for name in names]
    sizes = [v.code_size for one in found for v in (one["latest"], *one["versions"]) if v]
    limit = call.functions.account_limit
    left = limit - sum(set_aside(kept) for kept in all_settings(call.backend).values())
    return 200, {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": left,
        },
        "AccountUsage": {"TotalCodeSize": sum(sizes), "FunctionCount": len(names)},
    }


def _left(call: Call) -> int:
    """What all functions but this one leave of the account's limit."""
    others = all_settings(call.backend)
    others.pop(call.name, None)
    return call.functions.account_limit - sum(set_aside(kept) for kept in others.values())


def _qualifier(call: Call) -> str:
    call.latest()
    qualifier = call.qualifier
    if qualifier in (None, LATEST):
        raise invalid_parameter(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    call.version(str(qualifier))
    return str(qualifier)


def _check_alias(call: Call, qualifier: str, version: str) -> None:
    named = aliases(call.backend, call.name)
    if version == LATEST:
        raise invalid_parameter(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    if qualifier in named and weights(named[qualifier]):
        raise invalid_parameter("Alias with weights can not be used with Provisioned Concurrency")
    for other in call.settings().provisioned:
        if other != qualifier and str(call.version(other).version) == version:
            raise invalid_parameter(
                f"Version {version} has provisioned concurrency by {call.name}:{other} already."
            )


def _check_room(call: Call, qualifier: str, wanted: int) -> None:
    kept = call.settings()
    others = sum(c["requested"] for name, c in kept.provisioned.items() if name != qualifier)
    if kept.reserved is not None and others + wanted > kept.reserved:
        raise invalid_parameter(
            "Requested Provisioned Concurrency should not be greater than the "
            "reservedConcurrentExecution for function"
        )
    most = _left(call) - LEAST_UNRESERVED - others
    if kept.reserved is None and wanted > most:
        raise invalid_parameter(
            "Specified ConcurrentExecutions for function is greater than account's unreserved "
            f"concurrency [{most}]."
        )


def _described(call: Call, qualifier: str) -> dict[str, Any]:
    config = call.settings().provisioned.get(qualifier)
    status = call.functions.provisioned.status((call.arn, qualifier))
    if config is None or status is None:
        raise ApiError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            404,
        )
    return {**_as_aws(status), "LastModified": config["modified"]}


def _as_aws(status: Status) -> dict[str, Any]:
    described: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": status.requested,
        "AvailableProvisionedConcurrentExecutions": status.available,
        "AllocatedProvisionedConcurrentExecutions": status.allocated,
        "Status": status.status,
    }
    return described | ({"StatusReason": status.reason} if status.reason else {})
