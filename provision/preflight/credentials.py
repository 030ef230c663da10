"""Who calls, in which account, and whether the region is there for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from provision.change import Clients
from provision.preflight.findings import Finding, Subject


@dataclass(frozen=True)
class Identity:
    """The caller, as STS knows it."""

    account: str
    arn: str


def read_identity(clients: Clients) -> Identity:
    """Ask STS."""
    found = clients("sts").get_caller_identity()
    return Identity(str(found["Account"]), str(found["Arn"]))


def check_credentials(subject: Subject) -> Iterator[Finding]:
    """Credentials that work, and belong to the account of the settings."""
    try:
        identity = read_identity(subject.clients)
    except NoCredentialsError:
        yield Finding("fault", "credentials", "there are none", "run `aws configure`")
        return
    except ClientError as error:
        fault = error.response["Error"]
        problem = f"STS refuses them ({fault['Code']}: {fault['Message']})"
        yield Finding("fault", "credentials", problem, "sign in again")
        return
    except BotoCoreError as error:
        problem = f"STS cannot be asked ({str(error).rstrip('.')})"
        remedy = "look at this machine's network and proxy, its AWS profile, and aws.region"
        yield Finding("fault", "credentials", problem, remedy)
        return
    wanted = subject.settings.aws.account_id
    if identity.account != wanted:
        yield Finding(
            "fault",
            "account",
            f"the credentials are of {identity.account}, and aws.account_id is {wanted}",
            "use the other account's credentials, or correct aws.account_id",
        )


def check_region(subject: Subject) -> Iterator[Finding]:
    """A region that exists and that the account has switched on."""
    region = subject.settings.aws.region
    listed = subject.clients("ec2").describe_regions(AllRegions=True)["Regions"]
    found = {one["RegionName"]: one.get("OptInStatus", "") for one in listed}
    if region not in found:
        yield Finding("fault", "region", f"AWS knows no {region}", "correct aws.region")
    elif found[region] == "not-opted-in":
        remedy = "switch it on in the account's settings, or choose another aws.region"
        yield Finding("fault", "region", f"the account has not switched {region} on", remedy)
