"""The table of checks, in the order in which their findings make sense; all of them run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from errors import BreedlineError
from provision.preflight.credentials import check_credentials, check_region
from provision.preflight.data import check_data
from provision.preflight.endpoints import check_endpoints
from provision.preflight.findings import Check, Finding, Subject
from provision.preflight.images import check_images, check_support
from provision.preflight.names import check_definition, check_limits, check_names
from provision.preflight.network import check_network
from provision.preflight.notices import check_notices
from provision.preflight.permissions import check_caller, check_role_permissions
from provision.preflight.ports import check_ports
from provision.preflight.quotas import check_concurrency, check_instances
from provision.preflight.resource_policies import check_bucket_policies, check_key_policy
from provision.preflight.roles import check_roles
from provision.preflight.storage import check_bucket, check_key
from provision.preflight.triggers import check_triggers

CHECKS: dict[str, Check] = {
    "credentials": check_credentials,
    "region": check_region,
    "permissions of the caller": check_caller,
    "roles": check_roles,
    "permissions of the roles": check_role_permissions,
    "instance quotas": check_instances,
    "function concurrency": check_concurrency,
    "definition": check_definition,
    "support of the images": check_support,
    "images": check_images,
    "bucket": check_bucket,
    "bucket policies": check_bucket_policies,
    "key": check_key,
    "key policy": check_key_policy,
    "data": check_data,
    "triggers": check_triggers,
    "network": check_network,
    "security groups": check_ports,
    "endpoint policies": check_endpoints,
    "names": check_names,
    "limits": check_limits,
    "notices": check_notices,
}


@dataclass(frozen=True)
class Checked:
    """One check, with all that it found."""

    name: str
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """The check for `--json`."""
        return {"check": self.name, "findings": [each.as_dict() for each in self.findings]}


def run_checks(subject: Subject, report: Callable[[str], None] | None = None) -> list[Checked]:
    """Run every check; one that cannot be done is a finding too. `report` hears each name."""
    done = []
    for name, check in CHECKS.items():
        if report:
            report(name)
        done.append(Checked(name, tuple(_run(name, check, subject))))
    return done


def _run(name: str, check: Check, subject: Subject) -> Iterator[Finding]:
    try:
        yield from check(subject)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        problem = f"{error.operation_name} was refused ({code})"
        yield Finding("unchecked", name, problem, f"allow {error.operation_name}, or look yourself")
    except BotoCoreError as error:
        yield Finding("unchecked", name, str(error), "mend that, and run it again")
    except BreedlineError as error:
        yield Finding("fault", name, str(error), "see there")
