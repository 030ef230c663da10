"""moto's functions, with what moto leaves out: revisions, dead letters, and settings of their own.

moto keeps a function's versions in a group; `Settings` lie in that group, so that they come and go
with the function.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.core.utils import iso_8601_datetime_with_nanoseconds

LATEST = "$LATEST"


@dataclass
class Settings:
    """What belongs to a function rather than to a version of it, by qualifier where it has one."""

    published: int = 0  # the last version's number; numbers are never used again
    reserved: int | None = None
    provisioned: dict[str, dict[str, Any]] = field(default_factory=dict)
    event_invoke: dict[str, dict[str, Any]] = field(default_factory=dict)


class KeptFunction(LambdaFunction):  # type: ignore[misc]
    """moto's function, whose configuration is whole."""

    def __init__(
        self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1
    ) -> None:
        super().__init__(account_id, spec, region, version)
        self.dead_letters = spec.get("DeadLetterConfig") or {}

    @property
    def revision(self) -> str:
        """Another one after every update; made of what lasts, so that it outlives the server."""
        words = f"{self.function_arn} {self.last_modified} {self.code_sha_256}"
        return str(uuid.uuid5(uuid.NAMESPACE_URL, words))

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        configuration: dict[str, Any] = super().get_configuration(on_create=False)
        configuration["RevisionId"] = self.revision
        if self.dead_letters.get("TargetArn"):
            configuration["DeadLetterConfig"] = self.dead_letters
        return configuration

    def get_code(self) -> dict[str, Any]:
        code: dict[str, Any] = super().get_code()
        reserved = settings(lambda_backends[self.account_id][self.region], self.function_name)
        if reserved.reserved is not None:
            code["Concurrency"] = {"ReservedConcurrentExecutions": reserved.reserved}
        return code

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        variables = config_updates.get("Environment")
        if variables is not None:  # moto insists on Variables
            variables = {"Variables": variables.get("Variables", {})}
            config_updates = {**config_updates, "Environment": variables}
        super().update_configuration(config_updates)
        if "TracingConfig" in config_updates:
            self.tracing_config = config_updates["TracingConfig"]
        if "KMSKeyArn" in config_updates:
            self.kms_key_arn = config_updates["KMSKeyArn"]
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        if "DeadLetterConfig" in config_updates:
            self.dead_letters = config_updates["DeadLetterConfig"]
        self.touch()
        return self.get_configuration()

    def update_function_code(self, updated_spec: dict[str, Any]) -> dict[str, Any]:
        self.code: dict[str, Any] = dict(self.code)  # moto's published versions share it
        super().update_function_code(updated_spec)
        if "Architectures" in updated_spec:
            self.architectures = updated_spec["Architectures"]
        if not updated_spec.get("DryRun"):
            self.touch()
        return self.get_configuration()

    def touch(self) -> None:
        self.last_modified = iso_8601_datetime_with_nanoseconds()

    def same_as(self, other: LambdaFunction) -> bool:
        """Whether publishing one after the other would publish the same again."""
        described = getattr(other, "described_as", other.description)
        return self.description == described and _published(self) == _published(other)


def _published(function: Any) -> dict[str, Any]:
    configuration = function.get_configuration()
    own = ("FunctionArn", "Version", "LastModified", "RevisionId", "Description")
    return {name: value for name, value in configuration.items() if name not in own}


def group(backend: Any, name: str) -> dict[str, Any] | None:
    """moto's versions of a function: `latest` and `versions`."""
    found: dict[str, Any] | None = backend._lambdas._functions.get(name)
    return found


def settings(backend: Any, name: str) -> Settings:
    """A function's settings; fresh ones, kept nowhere, when it does not exist."""
    found = group(backend, name)
    if found is None:
        return Settings()
    if "settings" not in found:
        found["settings"] = Settings(max((int(v.version) for v in found["versions"]), default=0))
    kept: Settings = found["settings"]
    return kept


def all_settings(backend: Any) -> dict[str, Settings]:
    """The settings of every function of a region."""
    return {name: settings(backend, name) for name in list(backend._lambdas._functions)}


def aliases(backend: Any, name: str) -> dict[str, Any]:
    """moto's aliases of a function that exists, by name."""
    found: dict[str, Any] = backend._lambdas._get_function_aliases(name)
    return found


def now_iso() -> str:
    """The present as Lambda writes it in its answers."""
    now = datetime.now(timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
