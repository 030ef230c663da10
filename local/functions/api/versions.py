"""Functions and their versions: create, change, publish, delete."""

from __future__ import annotations

import copy
from typing import Any

from local.errors import ApiError
from local.functions import destinations
from local.functions.api.call import Call, Reply
from local.functions.errors import (
    invalid_parameter,
    no_such_function,
    precondition_failed,
    resource_conflict,
)
from local.functions.lookup import weights
from local.functions.records import LATEST, KeptFunction, aliases, group, settings

# Variables that Lambda sets itself.
RESERVED = {
    *("_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"),
    *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
    *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
}


def create_function(call: Call) -> Reply:
    if group(call.backend, call.name) is not None:
        raise resource_conflict(f"Function already exist: {call.name}")
    _check_configuration(call)
    spec = {**call.parameters, "FunctionName": call.name, "Publish": False}
    function = call.backend.create_function(spec)
    call.functions.warm_up()
    configuration = function.get_configuration()
    if call.get("Publish"):
        configuration["Version"] = _publish(call, function, "").version
    return 201, configuration


def update_function_code(call: Call) -> Reply:
    function = call.changeable()
    _check_revision(call, function)
    if call.get("DryRun"):
        trial = copy.copy(function)
        trial.code = dict(function.code)
        body = {name: value for name, value in call.parameters.items() if name != "DryRun"}
        return 200, trial.update_function_code(body)
    configuration = function.update_function_code(dict(call.parameters))
    call.functions.forget(call.arn, LATEST)
    if call.get("Publish"):
        configuration = _publish(call, function, "").get_configuration()
    return 200, configuration


def update_function_configuration(call: Call) -> Reply:
    function = call.changeable()
    _check_revision(call, function)
    _check_configuration(call)
    configuration = function.update_configuration(dict(call.parameters))
    call.functions.forget(call.arn, LATEST)
    return 200, configuration


def publish_version(call: Call) -> Reply:
    function = call.changeable()
    _check_revision(call, function)
    wanted = call.get("CodeSha256")
    if wanted and wanted != function.code_sha_256:
        raise invalid_parameter(
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
            f"({function.code_sha_256}). Please try again with the CodeSHA256 in $LATEST."
        )
    version = _publish(call, function, call.get("Description") or "")
    return 201, version.get_configuration()


def list_versions_by_function(call: Call) -> Reply:
    call.latest()
    listed = call.backend.list_versions_by_function(call.name)
    return 200, {"Versions": [version.get_configuration() for version in listed]}


def delete_function(call: Call) -> Reply:
    call.latest()
    if call.qualifier is None:
        return _delete_all(call)
    if call.qualifier == LATEST:
        raise invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
    return _delete_version(call, call.qualifier)


def _delete_all(call: Call) -> Reply:
    call.functions.provisioned.forget(call.arn)
    storage, found = call.backend._lambdas, group(call.backend, call.name)
    for function in (found["latest"], *found["versions"]) if found else ():
        storage._arns.pop(function.function_arn, None)
    storage._aliases.pop(call.arn, None)
    del storage._functions[call.name]
    call.functions.forget(call.arn)
    return 204, None


def _delete_version(call: Call, number: str) -> Reply:
    found = group(call.backend, call.name) or {"versions": []}
    version = next((one for one in found["versions"] if str(one.version) == number), None)
    if version is None:
        raise no_such_function(f"{call.arn}:{number}")
    using = [
        name
        for name, alias in sorted(aliases(call.backend, call.name).items())
        if number in (alias.function_version, *weights(alias))
    ]
    if using:
        raise resource_conflict(
            "Unable to delete version because the following aliases reference it: "
            f"[{', '.join(using)}]"
        )
    found["versions"].remove(version)
    call.backend._lambdas._arns.pop(version.function_arn, None)
    drop_settings(call, number)
    call.functions.forget(call.arn, number)
    return 204, None


def drop_settings(call: Call, qualifier: str) -> None:
    """Forget what was configured for a version or alias that is no more."""
    kept = call.settings()
    kept.provisioned.pop(qualifier, None)
    kept.event_invoke.pop(qualifier, None)
    call.functions.provisioned.remove((call.arn, qualifier))


def _publish(call: Call, function: KeptFunction, description: str) -> Any:
    """A new version, or the last one when nothing has changed since."""
    kept = settings(call.backend, call.name)
    versions: list[Any] = (group(call.backend, call.name) or {})["versions"]
    last = versions[-1] if versions else None
    if last and last.version == kept.published and function.same_as(last):
        return last
    kept.published += 1
    version = copy.copy(function)
    version.set_version(kept.published)
    # A changed description is a change; one that is given to the version alone is none.
    version.described_as = function.description
    version.description = description or function.description
    versions.append(version)
    call.backend._lambdas._arns[version.function_arn] = version
    return version


def _check_revision(call: Call, function: KeptFunction) -> None:
    if call.get("RevisionId") not in (None, "", function.revision):
        raise precondition_failed()


def _check_configuration(call: Call) -> None:
    arn = (call.get("DeadLetterConfig") or {}).get("TargetArn")
    if arn:
        destinations.check(arn, "sqs sns")
    if not 1 <= call.get("Timeout", 3) <= 900:
        raise ApiError("ValidationException", "The timeout is 1 to 900 seconds.")
    if not 128 <= call.get("MemorySize", 128) <= 10_240:
        raise ApiError("ValidationException", "The memory size is 128 to 10240 MB.")
    variables = (call.get("Environment") or {}).get("Variables") or {}
    if taken := sorted(RESERVED & set(variables)):
        raise invalid_parameter(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(taken)}"
        )
