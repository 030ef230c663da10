"""The section that describes training on one instance of EC2, beside the pipeline."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from settings.checks import text, within
from settings.types import CHECKED, Gigabytes

TYPES = "a list of 1 to 20 instance types such as m5.xlarge, without ml."
MachineType = Annotated[str, text(r"(?!ml\.)[a-z0-9-]+\.[a-z0-9-]+", "such as m5.xlarge")]
AmiParameter = Annotated[str, text(r"/aws/service/[\w./-]+", "a public parameter of an image")]
OptionalSubnet = Annotated[str, text(r"(subnet-[0-9a-f]+)?", "a subnet id")]
OptionalGroup = Annotated[str, text(r"(sg-[0-9a-f]+)?", "a security group id")]
Profile = Annotated[str, text(r"[\w+=,.@-]{0,128}", "the name of an instance profile")]
AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


@dataclass(frozen=True, config=CHECKED)
class Ec2:
    """The machine of `ec2-train`; what is left empty is found or made."""

    # On demand the first of them; on spot the one with the most capacity for its price.
    instance_types: Annotated[
        tuple[MachineType, ...], Field(min_length=1, max_length=20, description=TYPES)
    ] = ("m5.xlarge", "m5a.xlarge", "m6i.xlarge")
    ami_parameter: AmiParameter = AMAZON_LINUX
    volume_gb: Gigabytes = 60
    max_runtime_seconds: Annotated[int, within(60, 7 * 86_400)] = 14_400
    subnet: OptionalSubnet = ""
    security_group: OptionalGroup = ""
    instance_profile: Profile = ""
