"""Names that the settings give and somebody else has taken, and documents that are too large.

A resource of ours carries our tags; `upsert` would take another's over without asking.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.definition import render
from provision.change import STACK_TAG, Clients, from_tags, or_none
from provision.preflight.findings import Finding, Subject
from settings import Settings
from statemachine.definition import render as render_machine
from statemachine.names import ROLE_ACTORS, Names

OURS = ("owner", "environment")
LARGEST = {"pipeline": 1_048_576, "machine": 1_048_576, "policy": 10_240}  # characters
LONGEST = {"role": 64, "function": 64, "rule": 64, "queue": 80, "machine": 80}


def check_names(subject: Subject) -> Iterator[Finding]:
    """What has our names already is ours."""
    for about, read, key in _named(subject.clients, subject.settings):
        tags = read()
        if tags is None or STACK_TAG in tags:
            continue
        wrong = [tag for tag in OURS if tags.get(tag) != subject.settings.tags[tag]]
        if wrong:
            has = ", ".join(f"{tag} {tags.get(tag, 'missing')}" for tag in wrong)
            remedy = f"choose another {key}, or give it this environment's tags"
            yield Finding("fault", about, f"it is somebody else's by its tags ({has})", remedy)


def check_definition(subject: Subject) -> Iterator[Finding]:
    """The settings compile: the SDK's own tables know the versions and types that they name."""
    if subject.refusal:
        yield Finding("fault", "definition", subject.refusal, "correct what it names")


def check_limits(subject: Subject) -> Iterator[Finding]:
    """Documents and names within what AWS takes."""
    for about, kind, size in _sizes(subject):
        if size > LARGEST[kind]:
            problem = f"it has {size} characters; AWS allows {LARGEST[kind]}"
            yield Finding("fault", about, problem, "make the settings smaller that lead to it")
    names = Names(subject.settings)
    for kind, name in (
        *(("role", names.made_role(actor)) for actor in ROLE_ACTORS),
        *(("function", name) for name in (names.predict, names.smoke_test)),
        *(("rule", names.rule(kind)) for kind in ("approved", "schedule")),
        ("queue", names.queue),
        *(("machine", names.state_machine(kind)) for kind in subject.machines),
    ):
        if len(name) > LONGEST[kind]:
            problem = f"the name has {len(name)} characters; AWS allows {LONGEST[kind]}"
            yield Finding("fault", f"{kind} {name}", problem, "shorten endpoint.name")


def _named(
    clients: Clients, settings: Settings
) -> Iterator[tuple[str, Callable[[], dict[str, str] | None], str]]:
    """What it is, how to read its tags (None: it is not there), the key that names it."""
    names, sagemaker = Names(settings), clients("sagemaker")

    def tags_of(arn: str) -> dict[str, str]:
        return from_tags(sagemaker.list_tags(ResourceArn=arn)["Tags"])

    def pipeline() -> dict[str, str] | None:
        found = or_none(
            lambda: sagemaker.describe_pipeline(PipelineName=settings.pipeline.name),
            "ResourceNotFound",
        )
        return tags_of(found["PipelineArn"]) if found else None

    def group() -> dict[str, str] | None:
        name = settings.pipeline.model_package_group
        found = or_none(
            lambda: sagemaker.describe_model_package_group(ModelPackageGroupName=name),
            "ValidationException",
        )
        return tags_of(found["ModelPackageGroupArn"]) if found else None

    def function(name: str) -> Callable[[], dict[str, str] | None]:
        def read() -> dict[str, str] | None:
            found: Any = or_none(
                lambda: clients("lambda").get_function(FunctionName=name),
                "ResourceNotFoundException",
            )
            return dict(found.get("Tags", {})) if found else None

        return read

    group_name = settings.pipeline.model_package_group
    yield f"pipeline {settings.pipeline.name}", pipeline, "pipeline.name"
    yield f"model package group {group_name}", group, "pipeline.model_package_group"
    for name in (names.predict, names.smoke_test):
        yield f"function {name}", function(name), "endpoint.name"


def _sizes(subject: Subject) -> Iterator[tuple[str, str, int]]:
    yield "pipeline definition", "pipeline", len(render(subject.pipeline))
    for kind, machine in subject.machines.items():
        yield f"state machine {kind}", "machine", len(render_machine(machine))
    for actor, documents in subject.roles.items():
        # IAM does not count white space.
        text = json.dumps(documents["policy"], separators=(",", ":"))
        yield f"policy of {actor}", "policy", len("".join(text.split()))
