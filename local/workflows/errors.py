"""The refusals of the Step Functions API, in AWS's words."""

from __future__ import annotations

from local.errors import ApiError


def no_machine(arn: str) -> ApiError:
    return ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def no_execution(arn: str) -> ApiError:
    return ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def no_resource(arn: str) -> ApiError:
    return ApiError("ResourceNotFound", f"Resource not found: '{arn}'")


def no_activity(arn: str) -> ApiError:
    return ApiError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")


def invalid_arn(arn: str) -> ApiError:
    return ApiError("InvalidArn", f"Invalid Arn: '{arn}'")


def invalid_name(name: str) -> ApiError:
    return ApiError("InvalidName", f"Invalid Name: '{name}'")


def invalid_definition(message: str) -> ApiError:
    return ApiError("InvalidDefinition", f"Invalid State Machine Definition: '{message}'")


def invalid_input(reason: str) -> ApiError:
    message = f"Invalid State Machine Execution Input: '{reason}'"
    return ApiError("InvalidExecutionInput", message)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message)
