"""The model package that is to serve: what it is, and whether it may."""

from __future__ import annotations

from statemachine.asl import Expression, Rules
from statemachine.context import OUTSIDE, Context, failing, merged

PACKAGE = {
    "arn": Expression("$.ModelPackageArn"),
    "version": Expression("$.ModelPackageVersion"),
    "group": Expression("$.ModelPackageGroupName"),
    "status": Expression("$.ModelApprovalStatus"),
}


def read_package(context: Context, name: str, arn: Expression, *, next: str) -> None:
    """Fill the variables `package` and `metadata`; `name` is how the states are called."""
    flow = context.flow
    flow.task(
        f"Describe{name}",
        "sagemaker:describeModelPackage",
        {"ModelPackageName": arn},
        assign={"package": PACKAGE, "described": merged("$silent")},
        next=f"Name{name}",
    )
    known = {key: Expression(f"$package.{key}") for key in PACKAGE}
    known["text"] = Expression("States.Format('{}', $package.version)")
    known["name"] = context.deployed_name
    metadata = "CustomerMetadataProperties"
    flow.pass_(
        f"Name{name}",
        assign={
            "package": known,
            "metadata": merged(f"$silent.{metadata}", f"$described.{metadata}"),
            "described": {},
        },
        next=next,
    )


def check_group(context: Context, *, next: str, unapproved: str) -> None:
    """The package must be of our group, in our account, and approved."""
    group = context.settings.pipeline.model_package_group
    ours = context.names.arn("sagemaker", "model-package/*")
    context.flow.choice(
        "IsApproved",
        [
            (Rules.Not(Rules.StringEquals("$package.group", group)), "WrongGroup"),
            (Rules.Not(Rules.StringMatches("$package.arn", ours)), "WrongGroup"),
            (Rules.Not(Rules.StringEquals("$package.status", "Approved")), unapproved),
        ],
        default=next,
    )
    cause = f"States.Format('{{}} is no model package of the group {group}', $package.arn)"
    context.flow.pass_(
        "WrongGroup",
        assign=failing("IsApproved", OUTSIDE, "WrongGroup", Expression(cause)),
        next=context.road(OUTSIDE).entry,
    )
