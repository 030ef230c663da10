"""What clients registered: scalable targets with their policies and scheduled actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.scaling.activities import Activity

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"
SWITCHES = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)


@dataclass
class Policy:
    """A scaling policy; `high` and `low` are the alarms that were made for it."""

    name: str
    kind: str
    arn: str
    created: float
    configuration: dict[str, Any]
    high: str = ""
    low: str = ""

    @property
    def alarms(self) -> list[str]:
        """The names of its own alarms."""
        return [name for name in (self.high, self.low) if name]

    @property
    def scales_in(self) -> bool:
        return not self.configuration.get("DisableScaleIn", False)


@dataclass
class ScheduledAction:
    """A scheduled action, its fields as they were put."""

    name: str
    arn: str
    created: float
    fields: dict[str, Any]


@dataclass
class Course:
    """What was done to a target since the server started.

    `limited` says that its limits changed and the instances do not follow them yet.
    """

    limited: bool = False
    activity: Activity | None = None  # the one that waits or is under way
    before: int = 0  # instances when it began
    by_policy: bool = False
    out_before: int = 0  # instances before the last scale-out of a policy
    out_ended: float | None = None
    in_ended: float | None = None
    rests_until: float = 0.0  # after a refusal
    told: tuple[str, str] = ("", "")  # the policy that did not scale, and why


@dataclass
class Target:
    """A scalable target: the instances of one variant."""

    resource: str
    arn: str
    role: str
    created: float
    minimum: int
    maximum: int
    suspended: dict[str, bool]
    policies: dict[str, Policy] = field(default_factory=dict)
    actions: dict[str, ScheduledAction] = field(default_factory=dict)
    course: Course = field(default_factory=Course)

    @property
    def endpoint(self) -> str:
        return self.resource.split("/")[1]

    @property
    def variant(self) -> str:
        return self.resource.split("/")[3]

    @property
    def names(self) -> dict[str, str]:
        """The fields by which the API names it."""
        return names_of(self.resource)

    def bound(self, capacity: int) -> int:
        """The capacity, brought inside the limits."""
        return max(self.minimum, min(self.maximum, capacity))


def names_of(resource: str) -> dict[str, str]:
    """The fields by which the API names a target."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource,
        "ScalableDimension": DIMENSION,
    }


def switches(given: Mapping[str, Any] | None) -> dict[str, bool]:
    """The whole of a SuspendedState; what it leaves out is not suspended."""
    return {name: bool((given or {}).get(name, False)) for name in SWITCHES}
