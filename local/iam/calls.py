"""Calls of roles: written down, and refused when the role's policies do not allow them.

Both are asked for by the variables BREEDLINE_RECORD_CALLS and BREEDLINE_ENFORCE_IAM of the server.
What the services do for a role in this process (a job's download, a log) is noted like what comes
over HTTP. A line of the record is one permission that a call needed; `action` is null when nobody
knows what the operation needs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from local.errors import ApiError
from local.iam.bucket_keys import SHOWS_NO_CONTENT, Key, key_needs
from local.iam.caller import SILENT, Caller, acting_now
from local.iam.evaluation import EXPLICITLY_DENIED, Decision, Policies, Request, evaluate
from local.iam.needs import Need, Parameters, Place, needs
from local.iam.tables import TABLES

RECORD, ENFORCE = "BREEDLINE_RECORD_CALLS", "BREEDLINE_ENFORCE_IAM"
SWITCH = {"": False, "0": False, "1": True}
KINDS = {
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "resource": "resource-based policy",
}


class InvalidSwitch(ValueError):
    """A variable is neither on nor off."""


@dataclass(frozen=True)
class Watch:
    """What is done with calls."""

    recording: bool = False
    enforcing: bool = False


def read_watch(environment: Mapping[str, str]) -> Watch:
    """What the variables ask for; raises InvalidSwitch."""
    return Watch(_switch(environment, RECORD), _switch(environment, ENFORCE))


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "")
    if text not in SWITCH:
        raise InvalidSwitch(f"{name} is '{text}'; set it to 1, or to 0, or not at all.")
    return SWITCH[text]


class Calls:
    """The calls of one server. Without a watch, noting costs nothing."""

    def __init__(
        self,
        path: Path,
        place: Place,
        policies_of: Callable[[str], Policies | None],
        watch: Watch | None = None,
        key_of: Callable[[str, Place], Key | None] = lambda bucket, place: None,
    ) -> None:
        """`path` is the record; `policies_of(role)` gives None for a role that does not exist, and
        `key_of(bucket, place)` for a bucket without a key."""
        self._path = path
        self._place = place
        self._policies_of = policies_of
        self._watch = watch or Watch()
        self._key_of = key_of
        self._lock = threading.Lock()

    @property
    def watching(self) -> bool:
        return self._watch.recording or self._watch.enforcing

    def note(
        self,
        caller: Caller | None,
        service: str,
        operation: str,
        parameters: Parameters,
        region: str = "",
    ) -> None:
        """Note a call; raises ApiError, AccessDenied, when it is refused. `None` calls freely."""
        if caller is None or not self.watching:
            return
        place = replace(self._place, region=region) if region else self._place
        found = needs(TABLES, service, operation, parameters, place)
        if found and operation != SHOWS_NO_CONTENT:
            found = [*found, *key_needs(found, place, self._key_of)]
        if self._watch.recording:
            self._record(caller, service, operation, found, place)
        if self._watch.enforcing:
            self._demand(caller, service, operation, found, place)

    def note_acting(self, service: str, operation: str, parameters: Parameters) -> None:
        """The same for whoever this thread works for."""
        self.note(acting_now(), service, operation, parameters)

    def permits_acting(self, service: str, operation: str, parameters: Parameters) -> bool:
        """Note such a call, and whether it may be done."""
        try:
            self.note_acting(service, operation, parameters)
        except ApiError:
            return False
        return True

    def _record(
        self,
        caller: Caller,
        service: str,
        operation: str,
        found: Sequence[Need] | None,
        place: Place,
    ) -> None:
        now = datetime.now(timezone.utc)
        call = {
            "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "role": caller.role,
            "session": caller.session,
            "assumed_by": caller.service,
            "service": service,
            "operation": operation,
        }
        lines: list[dict[str, Any]] = [{**call, "action": None}] if found is None else []
        for need in found or ():
            context: dict[str, Any] = {**context_of(caller, place, now), **need.context}
            asked = {"action": need.action, "resource": need.resource, "context": context}
            lines.append({**call, **asked})
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def _demand(
        self,
        caller: Caller,
        service: str,
        operation: str,
        found: Sequence[Need] | None,
        place: Place,
    ) -> None:
        if found is None:
            raise denied(
                f"User: {caller.arn} is not authorized to perform: {service}:{operation}: the "
                "embedded AWS does not know which permissions that needs."
            )
        policies = self._policies_of(caller.role)
        if policies is None:
            raise denied(f"The role {caller.role} does not exist in this server's IAM; create it.")
        if not may_be_assumed(policies, caller):
            raise denied(
                f"{caller.service} is not authorized to perform: sts:AssumeRole on resource: "
                f"{caller.role} because its trust policy does not allow it"
            )
        now = datetime.now(timezone.utc)
        for need in found:
            context = {**context_of(caller, place, now), **need.context}
            decision = evaluate(Request(need.action, need.resource, context, caller.arn), policies)
            if not decision.allowed:
                raise denied(refused(caller, need, decision))


def may_be_assumed(policies: Policies, caller: Caller) -> bool:
    """Whether the role's trust lets the service be it; what a client assumed was asked before."""
    asked = Request("sts:AssumeRole", caller.role, trust_context(caller), caller.service)
    return not caller.service or evaluate(asked, Policies(resource=policies.trust)).allowed


def trust_context(caller: Caller) -> dict[str, str]:
    """What a service says when it assumes a role."""
    return {} if caller.service in SILENT else {"aws:SourceAccount": caller.account}


def context_of(caller: Caller, place: Place, now: datetime) -> dict[str, str]:
    """The keys that every request has."""
    return {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalArn": caller.role,
        "aws:PrincipalType": "AssumedRole" if caller.session else "Account",
        "aws:RequestedRegion": place.region,
        "aws:SecureTransport": "true",  # on AWS; this server speaks to its own machine alone
    }


def refused(caller: Caller, need: Need, decision: Decision) -> str:
    """AWS's own sentence."""
    head = f"User: {caller.arn} is not authorized to perform: {need.action}"
    head += f" on resource: {need.resource}"
    if decision.outcome == EXPLICITLY_DENIED:
        article = "an" if decision.policy == "identity" else "a"
        return f"{head} with an explicit deny in {article} {KINDS[decision.policy]}"
    return f"{head} because no {KINDS[decision.policy]} allows the {need.action} action"


def denied(message: str) -> ApiError:
    """Of whichever service: `refusal` gives it the form that its clients expect."""
    return ApiError("AccessDeniedException", message, 400)


def refusal(service: str, error: ApiError) -> tuple[int, str, dict[str, Any] | str]:
    """HTTP status, content type and body of a refusal, as the service's clients expect it."""
    fault = f"<Error><Code>AccessDenied</Code><Message>{escape(error.message)}</Message></Error>"
    if service == "s3":
        return 403, "application/xml", fault
    if service == "ec2":
        fault = fault.replace("AccessDenied", "UnauthorizedOperation", 1)
        return 403, "text/xml", f"<Response><Errors>{fault}</Errors></Response>"
    if service in ("sns", "sts", "iam", "cloudformation"):
        return 403, "text/xml", f"<ErrorResponse>{fault}</ErrorResponse>"
    status = 403 if service == "lambda" else 400
    return status, "application/x-amz-json-1.1", {"__type": error.code, "message": error.message}
