"""What the caller and the named roles lack, as policies to paste.

IAM simulates; nothing is called. Service control policies are simulated with the identity's own,
resource policies (of a bucket, of a key) are not.
"""

from __future__ import annotations

from collections.abc import Iterator

from provision.change import Clients
from provision.preflight.caller import caller_statements
from provision.preflight.credentials import read_identity
from provision.preflight.findings import Finding, Subject
from provision.preflight.roles import named_roles, read_role
from provision.preflight.simulation import described, lacking, policy_of

ASSUMED = ":assumed-role/"


def check_caller(subject: Subject) -> Iterator[Finding]:
    """The caller may do what `upsert` and a run ask for."""
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
    missing = lacking(subject.clients("iam"), principal, caller_statements(subject.settings))
    if missing:
        yield Finding(
            "fault",
            f"caller {principal.rpartition('/')[2]}",
            f"it may not {described(missing)}",
            "attach this policy to it",
            policy_of(missing),
        )


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
