"""What a pipeline definition is once it is read: parameters, steps, what each waits for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local.pipelines.parameters import Parameter
from local.pipelines.retry import RetryPolicy
from local.pipelines.values import Reference


@dataclass(frozen=True)
class StepType:
    """What a definition may say of a step of this type, beside its arguments."""

    required: tuple[str, ...] = ()
    retries: bool = False
    caching: bool = False
    properties: bool = True


STEP_TYPES: Mapping[str, StepType] = {
    "Processing": StepType(retries=True, caching=True),
    "Training": StepType(retries=True, caching=True),
    "Tuning": StepType(retries=True, caching=True),
    "Transform": StepType(retries=True, caching=True),
    "Model": StepType(retries=True),
    "RegisterModel": StepType(retries=True),
    "Condition": StepType(required=("Arguments.Conditions",)),
    "Fail": StepType(required=("Arguments.ErrorMessage",), properties=False),
    "Lambda": StepType(required=("FunctionArn",), caching=True),
    "Callback": StepType(required=("SqsQueueUrl",), caching=True),
}


@dataclass(frozen=True)
class Step:
    """One step. `waits_for` are the steps that must have succeeded before it may start.

    A step inside a Condition has that step's name as `condition` and the outcome that leads to it
    as `branch`.
    """

    name: str
    type: str
    body: dict[str, Any]
    condition: str | None = None
    branch: bool | None = None
    references: tuple[Reference, ...] = ()
    waits_for: frozenset[str] = frozenset()
    retry_policies: tuple[RetryPolicy, ...] = ()
    cache_seconds: float | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.body.get("Arguments") or {})

    @property
    def data_from(self) -> frozenset[str]:
        """The steps whose properties this step reads."""
        return frozenset(r.name for r in self.references if r.kind == "Steps")


@dataclass(frozen=True)
class Definition:
    """A checked definition; steps in the order in which it lists them, branches flattened."""

    parameters: tuple[Parameter, ...]
    steps: Mapping[str, Step]
    experiment: dict[str, Any] = field(default_factory=dict)

    def select(self, names: frozenset[str]) -> Definition:
        """Only the named steps, waiting only for one another."""
        steps = {
            name: replace(
                step,
                waits_for=step.waits_for & names,
                condition=step.condition if step.condition in names else None,
            )
            for name, step in self.steps.items()
            if name in names
        }
        return replace(self, steps=steps)
