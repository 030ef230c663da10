"""What the parts of one deploying machine share: settings, names, the flow, the phases.

The parts are functions that add states to the flow. They keep what they find in the machine's
variables, so that its data stay small: `VARIABLES` names them all, with what they hold at first,
because a path to a variable that was never set would end an execution without a road back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from settings import Settings
from statemachine.asl import Expression
from statemachine.endpoint_config import digest, is_serverless
from statemachine.flow import Flow, Road
from statemachine.names import ALIAS, Names
from statemachine.patience import Patience

# How far a deployment had come when it failed; the road back begins there.
OUTSIDE = 0  # the lock is not held
LOCKED = 1  # nothing is changed yet
MADE = 2  # a model and a configuration may be there
SERVING = 3  # the endpoint may have changed
SCALING = 4  # the scaling too
FUNCTION = 5  # the function too
TAGGED = 6  # the tags too

# What an answer lacks when there is nothing to say.
SILENT = {
    "CustomerMetadataProperties": {"smoke-samples": ""},
    "FailureReason": "SageMaker gave no reason",
    "LastUpdateStatusReason": "Lambda gave no reason",
    "StatusReason": "Lambda gave no reason",
    "Description": "",
}
VARIABLES: dict[str, Any] = {
    "silent": SILENT,
    "package": {"arn": "", "version": 0, "text": "0", "name": "", "group": "", "status": ""},
    "described": {},
    "metadata": {"smoke-samples": ""},
    "lock": {"holder": "", "version": "", "before": ""},
    "holder": "",
    "taken_over": False,
    "now": {"exists": False, "status": "", "config": None},
    "live": 0,  # the version that the endpoint serves; 0: none, or none of ours
    "fleet": [],  # its instance count, as a list of one
    "types": [],  # its instance type, as a list of one
    "alias": "",
    "provisioned": 0,
    "description": "",
    "least": [],
    "most": [],
    "policies": [],
    "schedules": [],
    "before": {},
    "deregistered": False,
    "sent_back": False,
    "made_model": False,
    "made_config": False,
    "target": 0,
    "function": {"status": "", "reason": ""},
    "function_version": "",
    "warm": {"status": "", "reason": ""},
    "smoke": {"passed": 0, "failed": 0, "results": []},
    "told": {},
    "outcome": "",
    "failure": {"state": "", "phase": OUTSIDE, "error": "", "cause": ""},
    "seen": {"state": "", "phase": OUTSIDE, "error": "", "cause": ""},
    "unrestored": None,
    "stuck": False,  # the endpoint is not what it was before
    "restored": None,
    "lock_looks": 0,
    "settle_looks": 0,
    "endpoint_looks": 0,
    "back_looks": 0,
    "function_looks": 0,
    "warm_looks": 0,
}
ROAD_BACK = "FindRoadBack"


@dataclass(frozen=True)
class Context:
    """One machine under construction; `noun` is Deployment or Rollback."""

    settings: Settings
    flow: Flow
    noun: str

    @property
    def names(self) -> Names:
        return Names(self.settings)

    @property
    def patience(self) -> Patience:
        return Patience(self.settings)

    @property
    def scales(self) -> bool:
        """Whether the endpoint has instances that autoscaling counts."""
        return not is_serverless(self.settings)

    @property
    def deployed_name(self) -> Expression:
        """The name of the package's model and configuration, from its version."""
        form = f"{self.settings.endpoint_name}-v{{}}-{digest(self.settings)}"
        return Expression(f"States.Format('{form}', $package.version)")

    @property
    def alias_arn(self) -> str:
        return self.names.function_arn(f"{self.names.predict}:{ALIAS}")

    def road(self, phase: int) -> Road:
        """The one road of all failures."""
        return Road(ROAD_BACK, phase)


def failing(state: str, phase: int, error: str, cause: Expression | str) -> dict[str, Any]:
    """The variable that says what failed, for a Pass state."""
    return {"failure": {"state": state, "phase": phase, "error": error, "cause": cause}}


def merged(default: str, value: str = "$") -> Expression:
    """An answer with the fields of the variable `default` that it may lack."""
    return Expression(f"States.JsonMerge({default}, {value}, false)")
