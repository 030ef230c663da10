"""One deployment at a time: a lock in DynamoDB, without a clock.

The item names the execution that holds the lock. Who finds it held looks whether that execution
still runs: if not, it takes the lock over, and with it the road back that the dead execution had
noted. The order of two approvals does not matter: one waits, and the newest version is live in the
end, because an older one then ends as Superseded.
"""

from __future__ import annotations

from typing import Any

from statemachine.asl import Expression, Rules
from statemachine.context import LOCKED, OUTSIDE, Context, failing
from statemachine.retries import CONDITION_FAILED, NO_SUCH_EXECUTION

ME = {"S": Expression("$$.Execution.Id")}
NAMED = {"#name": "Name"}  # a reserved word of DynamoDB's expressions
HELD = {"ExpressionAttributeValues": {":me": ME}, "ConditionExpression": "Holder = :me"}


def acquire_lock(context: Context, *, next: str, twin: str | None) -> None:
    """Hold the lock; to `twin` if a running execution deploys the very same version."""
    flow, road = context.flow, context.road(OUTSIDE)
    item = {**_key(context)["Key"], "Holder": ME, "Version": _version(), "WayBack": {"S": ""}}
    flow.task(
        "AcquireLock",
        "dynamodb:putItem",
        {
            "TableName": context.names.table,
            "Item": item,
            # The second part: an answer that was lost, and the request repeated.
            "ConditionExpression": "attribute_not_exists(#name) OR Holder = :me",
            "ExpressionAttributeNames": NAMED,
            "ExpressionAttributeValues": {":me": ME},
        },
        expect={CONDITION_FAILED: "ReadLock"},
        next=next,
    )
    _look_at_holder(context)
    rules = [(Rules.Not(Rules.StringEquals("$holder", "RUNNING")), "TakeOver")]
    if twin:
        rules.append((Rules.StringEqualsPath("$lock.version", "$package.text"), twin))
    flow.choice("DoesHolderRun", rules, default="WaitForLock")
    flow.wait(
        "WaitForLock",
        context.patience.lock,
        count="lock_looks",
        next="AcquireLock",
        too_long="LockIsHeld",
    )
    cause = Expression("States.Format('{} has held the lock for too long', $lock.holder)")
    flow.pass_(
        "LockIsHeld", assign=failing("WaitForLock", OUTSIDE, "LockIsHeld", cause), next=road.entry
    )
    _take_over(context, next)


def _look_at_holder(context: Context) -> None:
    flow = context.flow
    flow.task(
        "ReadLock",
        "dynamodb:getItem",
        {**_key(context), "ConsistentRead": True},
        result_path="$.lock",
        next="IsLockThere",
    )
    flow.choice(
        "IsLockThere", [(Rules.IsPresent("$.lock.Item", True), "SeeHolder")], default="AcquireLock"
    )
    seen = {
        "holder": Expression("$.lock.Item.Holder.S"),
        "version": Expression("$.lock.Item.Version.N"),
        "before": Expression("$.lock.Item.WayBack.S"),
    }
    flow.pass_("SeeHolder", assign={"lock": seen}, next="DescribeHolder")
    flow.task(
        "DescribeHolder",
        "sfn:describeExecution",
        {"ExecutionArn": Expression("$lock.holder")},
        assign={"holder": Expression("$.Status")},
        expect={NO_SUCH_EXECUTION: "TakeOver"},
        next="DoesHolderRun",
    )


def _take_over(context: Context, following: str) -> None:
    values = {":me": ME, ":version": _version(), ":dead": {"S": Expression("$lock.holder")}}
    context.flow.task(
        "TakeOver",
        "dynamodb:updateItem",
        {
            **_key(context),
            "UpdateExpression": "SET Holder = :me, Version = :version",
            "ConditionExpression": "Holder = :dead OR Holder = :me",
            "ExpressionAttributeValues": values,
        },
        assign={"taken_over": True},
        expect={CONDITION_FAILED: "ReadLock"},
        next=following,
    )


def keep_road_back(context: Context, *, next: str) -> None:
    """Note the variable `before` in the lock, for whoever has to take it over."""
    values = {":me": ME, ":way": {"S": Expression("States.JsonToString($before)")}}
    with context.flow.failing(context.road(LOCKED)):
        context.flow.task(
            "KeepRoadBack",
            "dynamodb:updateItem",
            {
                **_key(context),
                "UpdateExpression": "SET WayBack = :way",
                "ConditionExpression": "Holder = :me",
                "ExpressionAttributeValues": values,
            },
            next=next,
        )


def was_interrupted() -> Rules:
    """The lock was taken over from an execution that may have changed something."""
    noted = Rules.Not(Rules.StringEquals("$lock.before", ""))
    return Rules.And([Rules.BooleanEquals("$taken_over", True), noted])


def release_lock(context: Context, name: str, *, entry: str, next: str) -> None:
    """Give the lock back; one that was taken over in the meantime is somebody else's.

    An interrupted deployment that was neither finished nor undone keeps its lock, and with it its
    road back, for the next one to take over: released, it would pass for a finished one.
    """
    unfinished = Rules.And([was_interrupted(), Rules.IsPresent("$before.exists", False)])
    context.flow.choice(entry, [(unfinished, next)], default=name)
    context.flow.task(
        name,
        "dynamodb:deleteItem",
        {**_key(context), **HELD},
        expect={CONDITION_FAILED: next},
        next=next,
    )


def _key(context: Context) -> dict[str, Any]:
    name = {"Name": {"S": f"endpoint/{context.names.endpoint}"}}
    return {"TableName": context.names.table, "Key": name}


def _version() -> dict[str, Any]:
    return {"N": Expression("$package.text")}
