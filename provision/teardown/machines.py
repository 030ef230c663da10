"""The state machines and the pipeline; what runs of them is stopped before."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from provision.change import Change, Clients, from_tags
from provision.logs import ALL_MACHINES
from provision.machines import RESOURCE as MACHINE
from provision.pipelines import RESOURCE as PIPELINE
from provision.teardown.ownership import claim, unless_gone
from provision.teardown.running import stop_machine_runs, stop_pipeline_runs
from provision.waiting import until_gone
from settings import Settings
from statemachine.names import Names


def find_machines(clients: Clients, settings: Settings) -> Iterator[Change]:
    """`promote` and `retrain` first, then those that it may lead to."""
    states, names = clients("stepfunctions"), Names(settings)
    for kind in reversed(ALL_MACHINES):
        arn, name = names.state_machine_arn(kind), names.state_machine(kind)
        listed = unless_gone(partial(states.list_tags_for_resource, resourceArn=arn))
        found = unless_gone(partial(states.describe_state_machine, stateMachineArn=arn))
        if found and listed:
            tags = {tag["key"]: tag["value"] for tag in listed["tags"]}
            yield claim(settings, MACHINE, name, tags, desired=arn)


def find_pipeline(clients: Clients, settings: Settings) -> Change | None:
    """The pipeline; its executions go with it."""
    sagemaker, name = clients("sagemaker"), settings.pipeline.name
    found = unless_gone(lambda: sagemaker.describe_pipeline(PipelineName=name))
    if found is None:
        return None
    listed = unless_gone(lambda: sagemaker.list_tags(ResourceArn=found["PipelineArn"]))
    return listed and claim(settings, PIPELINE, name, from_tags(listed["Tags"]))


def delete_machine(clients: Clients, change: Change) -> None:
    """Return when it is gone; Step Functions waits until nothing runs of it."""
    states, arn = clients("stepfunctions"), change.desired
    stop_machine_runs(clients, arn)
    states.delete_state_machine(stateMachineArn=arn)

    def is_gone() -> bool:
        return unless_gone(lambda: states.describe_state_machine(stateMachineArn=arn)) is None

    until_gone(clients, is_gone, f"The state machine {change.name}")


def delete_pipeline(clients: Clients, change: Change) -> None:
    """SageMaker refuses it while an execution runs."""
    stop_pipeline_runs(clients, change.name)
    clients("sagemaker").delete_pipeline(PipelineName=change.name)
