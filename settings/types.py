"""The types of single values in the settings: what a key may hold, and the words that say so."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from settings.checks import many, text, within
from settings.schedules import SCHEDULE

# Python's regular expressions, because pydantic's own have no lookahead. Numbers and flags are
# strict one by one: strict as a whole would refuse TOML's lists as tuples and tables as sections.
CHECKED = ConfigDict(extra="forbid", regex_engine="python-re")

Region = Annotated[str, text(r"[a-z]{2}(-[a-z]+)+-\d", "a region name such as eu-west-1")]
AccountId = Annotated[str, text(r"\d{12}", "twelve digits, as a string")]
RoleArn = Annotated[str, text(r"(arn:[a-z-]+:iam::\d{12}:role/.+)?", "an IAM role ARN")]
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
Bucket = Annotated[str, text(rf"({BUCKET})?", "3 to 63 of a-z, 0-9, '-', '.'")]
S3Uri = Annotated[str, text(rf"(s3://{BUCKET}(/.*)?)?", "s3://bucket/key")]
Subnet = Annotated[str, text(r"subnet-[0-9a-f]+", "a subnet id")]
SecurityGroup = Annotated[str, text(r"sg-[0-9a-f]+", "a security group id")]
NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9])"
Name = Annotated[str, text(rf"{NAME}*", "letters, digits and '-', at most 63", longest=63)]
EndpointName = Annotated[str, text(rf"({NAME}{{0,31}})?", "letters, digits and '-', at most 32")]
TuningJob = Annotated[str, text(rf"{NAME}{{0,31}}", "letters, digits and '-', at most 32")]
Tag = Annotated[str, text(r"[\w .:/=+@-]{1,256}", "1 to 256 characters fit for a tag")]
ISO_8601 = r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?)?"
Duration = Annotated[str, text(ISO_8601, "an ISO 8601 duration such as P30D")]
Version = Annotated[str, text(r"\d+\.\d+(\.\d+)?", "a PyTorch version")]
PythonName = Annotated[str, text(r"py3\d+", "a name such as py312")]
InstanceType = Annotated[str, text(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an ml.… instance type")]
InstanceTypes = Annotated[tuple[InstanceType, ...], many(20, "ml.… instance types")]
Gigabytes = Annotated[int, within(1, 16_384)]
Hosts = Annotated[int, within(1, 64)]
ProcessingSeconds = Annotated[int, within(1, 5 * 86_400)]
TrainingSeconds = Annotated[int, within(1, 28 * 86_400)]
Fraction = Annotated[float, within(0.0, 1.0)]
Seed = Annotated[int, within(0, 2**31 - 1)]
Numeral = Annotated[str, text(r"\d+(\.\d+)?(e-?\d+)?", "a number, as a string", longest=256)]
Limit = Annotated[float, within(-1e12, 1e12)]
# Read-only, and in the order of the keys, so that equal tables are written alike.
FROZEN = AfterValidator(lambda table: MappingProxyType(dict(sorted(table.items()))))
TUNABLE = ["batch_size", "hidden_units", "learning_rate", "weight_decay"]
Tunable = Annotated[str, Field(pattern=rf"\A({'|'.join(TUNABLE)})\Z", examples=TUNABLE)]
RULES = [
    *("vanishing_gradient", "exploding_gradient", "dead_relu", "poor_initialization"),
    *("overfit", "overtraining", "loss_not_decreasing"),
]
Rule = Annotated[str, Field(pattern=rf"\A({'|'.join(RULES)})\Z", examples=RULES)]
Memory = Annotated[int, within(128, 10_240)]
Minutes15 = Annotated[int, within(1, 900)]
Count = Annotated[int, within(0, 100_000)]
Host = Annotated[str, text(r"[a-z0-9-]+(\.[a-z0-9-]+)+", "a host name such as images.example.com")]
Schedule = Annotated[
    str, text(SCHEDULE, "rate(1 day), cron(0 6 ? * MON *), or empty for none", longest=256)
]
Email = Annotated[str, text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address", longest=254)]
OptionalRole = Annotated[
    str, text(r"([\w+=,.@/-]{1,512}|arn:[a-z-]+:iam::\d{12}:role/.+)?", "an IAM role name or ARN")
]
Flag = Annotated[bool, Field(strict=True, description="true or false")]
ObjectName = Annotated[str, text(r"[\w.-]{1,64}", "letters, digits, '_', '.' and '-'")]
