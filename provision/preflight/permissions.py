"""What the caller and the named roles lack, as policies to paste.

IAM simulates; nothing is called. Service control policies are simulated with the identity's own,
resource policies (of a bucket, of a key) are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from botocore.exceptions import ClientError

from infrastructure.parameters import made_role
from provision.change import Clients
from provision.preflight.callers import USUAL, caller_statements
from provision.preflight.callers.documents import LARGEST, merged, size_of
from provision.preflight.credentials import read_identity
from provision.preflight.findings import Finding, Subject
from provision.preflight.roles import named_roles, read_role
from provision.preflight.simulation import described, lacking, policy_of
from statemachine.statements import Statement

ASSUMED = ":assumed-role/"


def check_caller(subject: Subject) -> Iterator[Finding]:
    """The caller may do what the commands ask for."""
    arn = read_identity(subject.clients).arn
    if arn.endswith(":root"):
        yield Finding(
            "warning",
            "caller",
            "the credentials are the root user's, which no policy bounds",
            "use a role or a user that has a policy",
        )
        return
    if ":federated-user/" in arn:
        problem = f"IAM cannot simulate {arn}"
        yield Finding("unchecked", "caller", problem, "use the credentials of a role or a user")
        return
    principal = _principal(subject.clients, arn)
    missing = {
        command: lacking(
            subject.clients("iam"), principal, caller_statements(subject.settings, [command])
        )
        for command in subject.commands or next_commands(subject)
    }
    if any(missing.values()):
        about = f"caller {principal.rpartition('/')[2]}"
        yield _caller_lacks(about, {name: found for name, found in missing.items() if found})


def next_commands(subject: Subject) -> tuple[str, ...]:
    """What a user calls next: also `bootstrap`, where the stack is still to make the role."""
    settings = subject.settings
    if not made_role(settings, "pipeline"):
        return USUAL
    try:
        role = read_role(subject.clients, settings.role_arn)
    except ClientError:  # which the check of roles tells
        return USUAL
    return USUAL if role else ("bootstrap", *USUAL)


def _caller_lacks(about: str, missing: Mapping[str, list[Statement]]) -> Finding:
    """By command in words, as one policy to paste."""
    problem = "; ".join(f"{described(found)} for {name}" for name, found in missing.items())
    policy = policy_of(merged(one for found in missing.values() for one in found))
    remedy = "attach this policy to it"
    if size_of(policy) > LARGEST:
        remedy += (
            f", in parts: IAM takes {LARGEST} characters in a managed policy, and "
            f"`show caller --for {','.join(missing)}` prints such parts"
        )
    return Finding("fault", about, f"it may not {problem}", remedy, policy)


def check_role_permissions(subject: Subject) -> Iterator[Finding]:
    """Each named role may do what its actor does; one that is not there is another finding."""
    iam = subject.clients("iam")
    for actor, arn in named_roles(subject.settings).items():
        role = read_role(subject.clients, arn)
        if role is None:
            continue
        statements = subject.roles[actor]["policy"]["Statement"]
        if missing := lacking(iam, str(role["Arn"]), statements):
            yield Finding(
                "fault",
                f"role {role['RoleName']}",
                f"it may not {described(missing)} ({actor})",
                "add this policy to it",
                policy_of(missing),
            )


def _principal(clients: Clients, arn: str) -> str:
    """What IAM can simulate: of a session its role, whose ARN has a path that the session hides."""
    if ASSUMED not in arn:
        return arn
    name = arn.partition(ASSUMED)[2].partition("/")[0]
    return str(clients("iam").get_role(RoleName=name)["Role"]["Arn"])
