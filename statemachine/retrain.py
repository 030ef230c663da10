"""The state machine that starts the pipeline: once for each version of the data.

Events come in storms, and each may come twice. An item in the lock table says which execution of
the pipeline a version of the data has; who finds one running, or one that began after the event,
leaves it at that. The token of StartPipelineExecution is derived from the version and the execution
before, so that a claimant who died between the start and the note does not lead to a second start.
"""

from __future__ import annotations

from typing import Any

from settings import Settings, partition_of
from statemachine.asl import Expression, Rules
from statemachine.context import merged
from statemachine.flow import Flow, Road
from statemachine.names import Names
from statemachine.patience import looks
from statemachine.retries import CONDITION_FAILED, NO_SUCH_EXECUTION

START_SECONDS = 120  # another execution needs this long at most to start the pipeline
START_LOOKS = 60
MACHINE_SECONDS = 1_800
ME = {"S": Expression("$$.Execution.Id")}
KEY = {"Name": {"S": Expression("$key")}}
PARTS = "States.StringSplit($request.data_uri, '/')"


def compile_retrain(settings: Settings) -> dict[str, Any]:
    """The document of Amazon States Language."""
    flow = Flow(partition_of(settings.aws.region), Road("TellFailure"))
    names = Names(settings)
    _read_request(flow, settings)
    _claim(flow, names)
    _look_at_run(flow, names)
    _start(flow, settings)
    _end(flow, names)
    comment = f"Starts the pipeline {settings.pipeline.name} once for each version of the data"
    return flow.definition("Begin", comment, MACHINE_SECONDS)


def _read_request(flow: Flow, settings: Settings) -> None:
    request = {"cause": "request", "data_uri": None, "data_version": None}
    request |= {"event_id": "", "event_time": ""}
    variables = {
        "request": request,
        "uri": settings.data_uri,
        "runs": [],
        "data": [],
        "key": "",
        "run": {"holder": "", "execution": "", "previous": ""},
        "previous": "",
        "holder": "",
        "status": "",
        "began": "",
        "execution": "",
        "start_looks": 0,
        "failure": {"state": "", "phase": 0, "error": "", "cause": ""},
        "seen": {"state": "", "phase": 0, "error": "", "cause": ""},
    }
    flow.pass_("Begin", assign=variables, next="ReadRequest")
    given = merged("$request", "$$.Execution.Input")
    flow.pass_("ReadRequest", assign={"request": given}, next="WhichData")
    marker = f"s3://{settings.bucket}/{settings.triggers.data_prefix}/*/{settings.triggers.marker}"
    given_uri = "$request.data_uri"
    flow.choice(
        "WhichData",
        [
            (Rules.IsNull(given_uri, True), _take_last(flow, settings, next="NameData")),
            (Rules.StringMatches(given_uri, marker), "PlaceMarker"),
        ],
        default="TakeGivenData",
    )
    flow.pass_("TakeGivenData", assign={"uri": Expression(given_uri)}, next="NameData")
    folder = f"s3://{settings.bucket}/{settings.triggers.data_prefix}"
    _take_marked(flow, folder, settings.triggers.marker)
    version = "States.Format('{} {}', $uri, $request.data_version)"
    key = Expression(f"States.Format('data/{{}}', States.Hash({version}, 'SHA-256'))")
    flow.pass_("NameData", assign={"key": key}, next="Claim")


def _take_last(flow: Flow, settings: Settings, *, next: str) -> str:
    """Where no data are named: the settings' own, or those of the last run that succeeded.

    Returns the state that this begins at.
    """
    if settings.pipeline.data_uri:
        return next
    done = "$.PipelineExecutionSummaries[?(@.PipelineExecutionStatus=='Succeeded')]"
    flow.task(
        "ListRuns",
        "sagemaker:listPipelineExecutions",
        {"PipelineName": settings.pipeline.name, "SortOrder": "Descending", "MaxResults": 100},
        assign={"runs": Expression(f"{done}.PipelineExecutionArn")},
        next="IsAnyRunDone",
    )
    flow.choice("IsAnyRunDone", [(Rules.IsPresent("$runs[0]", True), "ReadLastRun")], default=next)
    flow.task(
        "ReadLastRun",
        "sagemaker:listPipelineParametersForExecution",
        {"PipelineExecutionArn": Expression("$runs[0]"), "MaxResults": 100},
        assign={"data": Expression("$.PipelineParameters[?(@.Name=='InputDataUri')].Value")},
        next="DidLastRunNameData",
    )
    named = Rules.IsPresent("$data[0]", True)
    flow.choice("DidLastRunNameData", [(named, "TakeLastData")], default=next)
    flow.pass_("TakeLastData", assign={"uri": Expression("$data[0]")}, next=next)
    return "ListRuns"


def _take_marked(flow: Flow, folder: str, marker: str) -> None:
    """The data set is the folder that the marker lies in, directly below `folder`."""
    data_set = f"States.ArrayGetItem({PARTS}, States.MathAdd(States.ArrayLength({PARTS}), -2))"
    place = Expression(f"States.Format('{folder}/{{}}/{marker}', {data_set})")
    flow.pass_("PlaceMarker", output={"place": place}, next="IsMarkerInItsPlace")
    flow.choice(
        "IsMarkerInItsPlace",
        [(Rules.StringEqualsPath("$.place", "$request.data_uri"), "TakeMarkedData")],
        default="MarkerIsTooDeep",
    )
    uri = Expression(f"States.Format('{folder}/{{}}', {data_set})")
    flow.pass_("TakeMarkedData", assign={"uri": uri}, next="NameData")
    cause = f"States.Format('{{}} does not lie in a data set of {folder}', $request.data_uri)"
    deep = {"state": "IsMarkerInItsPlace", "phase": 0, "error": "MarkerIsTooDeep"}
    failure = {"failure": {**deep, "cause": Expression(cause)}}
    flow.pass_("MarkerIsTooDeep", assign=failure, next="TellFailure")


def _claim(flow: Flow, names: Names) -> None:
    """Only one execution of this machine goes on to start the pipeline."""
    # What was seen must still be so: a holder may start the pipeline, and end, after the look.
    seen = "Holder = :seen AND Execution = :known"
    values = {
        ":me": ME,
        ":seen": {"S": Expression("$run.holder")},
        ":known": {"S": Expression("$run.execution")},
    }
    item = {
        **KEY,
        "Holder": ME,
        "Data": {"S": Expression("$uri")},
        "Execution": {"S": ""},
        "Previous": {"S": Expression("$previous")},
    }
    flow.task(
        "Claim",
        "dynamodb:putItem",
        {
            "TableName": names.table,
            "Item": item,
            "ConditionExpression": f"attribute_not_exists(#name) OR Holder = :me OR ({seen})",
            "ExpressionAttributeNames": {"#name": "Name"},
            "ExpressionAttributeValues": values,
        },
        expect={CONDITION_FAILED: "ReadRun"},
        next="StartPipeline",
    )


def _look_at_run(flow: Flow, names: Names) -> None:
    key = {"TableName": names.table, "Key": KEY, "ConsistentRead": True}
    flow.task("ReadRun", "dynamodb:getItem", key, result_path="$.run", next="IsRunThere")
    there = Rules.IsPresent("$.run.Item", True)
    flow.choice("IsRunThere", [(there, "SeeRun")], default="Claim")
    run = {
        "holder": Expression("$.run.Item.Holder.S"),
        "execution": Expression("$.run.Item.Execution.S"),
        "previous": Expression("$.run.Item.Previous.S"),
    }
    flow.pass_("SeeRun", assign={"run": run}, next="IsRunStarted")
    unknown = Rules.StringEquals("$run.execution", "")
    flow.choice("IsRunStarted", [(unknown, "DescribeHolder")], default="DescribeRun")
    flow.task(
        "DescribeHolder",
        "sfn:describeExecution",
        {"ExecutionArn": Expression("$run.holder")},
        assign={"holder": Expression("$.Status")},
        expect={NO_SUCH_EXECUTION: "TakeOver"},
        next="DoesHolderRun",
    )
    runs = Rules.StringEquals("$holder", "RUNNING")
    flow.choice("DoesHolderRun", [(runs, "WaitForStart")], default="TakeOver")
    # A claimant that died: the same token as its own.
    again = {"previous": Expression("$run.previous")}
    flow.pass_("TakeOver", assign=again, next="Claim")
    patience = looks(START_SECONDS, 1, START_LOOKS)
    flow.wait("WaitForStart", patience, count="start_looks", next="ReadRun", too_long="TooSlow")
    slow = {"state": "WaitForStart", "phase": 0, "error": "TooSlow"}
    slow["cause"] = Expression("States.Format('{} does not start the pipeline', $run.holder)")
    flow.pass_("TooSlow", assign={"failure": slow}, next="TellFailure")
    flow.task(
        "DescribeRun",
        "sagemaker:describePipelineExecution",
        {"PipelineExecutionArn": Expression("$run.execution")},
        assign={
            "status": Expression("$.PipelineExecutionStatus"),
            "began": Expression("$.CreationTime"),
        },
        expect={"SageMaker.ResourceNotFoundException": "StartAnew"},
        next="DoesPipelineRun",
    )
    still = [Rules.StringEquals("$status", status) for status in ("Executing", "Stopping")]
    # An event from before the execution began is one that came late, or again.
    covered = Rules.And(
        [
            Rules.IsTimestamp("$request.event_time", True),
            Rules.TimestampLessThanEqualsPath("$request.event_time", "$began"),
        ]
    )
    flow.choice(
        "DoesPipelineRun",
        [(Rules.Or(still), "AlreadyRunning"), (covered, "AlreadyRan")],
        default="StartAnew",
    )
    flow.pass_("StartAnew", assign={"previous": Expression("$run.execution")}, next="Claim")


def _start(flow: Flow, settings: Settings) -> None:
    once = "States.Hash(States.Format('{} {}', $key, $previous), 'SHA-256')"
    about = "States.Format('Retraining: {}, event {}', $request.cause, $request.event_id)"
    flow.task(
        "StartPipeline",
        "sagemaker:startPipelineExecution",
        {
            "PipelineName": settings.pipeline.name,
            "PipelineExecutionDescription": Expression(about),
            "PipelineParameters": [{"Name": "InputDataUri", "Value": Expression("$uri")}],
            "ClientRequestToken": Expression(once),
        },
        assign={"execution": Expression("$.PipelineExecutionArn")},
        next="NoteRun",
    )
    flow.task(
        "NoteRun",
        "dynamodb:updateItem",
        {
            "TableName": Names(settings).table,
            "Key": KEY,
            "UpdateExpression": "SET Execution = :execution",
            "ConditionExpression": "Holder = :me",
            "ExpressionAttributeValues": {
                ":me": ME,
                ":execution": {"S": Expression("$execution")},
            },
        },
        # Taken over in the meantime, by one with the same token: the same execution.
        expect={CONDITION_FAILED: "Started"},
        next="Started",
    )


def _end(flow: Flow, names: Names) -> None:
    earlier = "$run.execution"
    ends = {"Started": "$execution", "AlreadyRunning": earlier, "AlreadyRan": earlier}
    for outcome, arn in ends.items():
        output = {
            "outcome": outcome,
            "pipeline_execution_arn": Expression(arn),
            "cause": Expression("$request.cause"),
            "data_uri": Expression("$uri"),
        }
        flow.pass_(outcome, output=output, next=None)
    told = {key: Expression(f"$failure.{key}") for key in ("state", "error", "cause")}
    message = {
        "event": "RetrainingFailed",
        "endpoint": names.endpoint,
        "data_uri": Expression("$uri"),
        "execution": Expression("$$.Execution.Id"),
        **told,
    }
    with flow.failing(Road("RetrainingFailed", told="seen")):
        flow.task(
            "TellFailure",
            "sns:publish",
            {
                "TopicArn": names.topic_arn,
                "Subject": f"{names.endpoint}: RetrainingFailed",
                "Message": message,
            },
            next="RetrainingFailed",
        )
    facts = "$failure.state, $failure.error, $failure.cause"
    sentence = f"States.Format('The state {{}} failed with {{}}: {{}}', {facts})"
    flow.fail("RetrainingFailed", Expression("$failure.error"), Expression(sentence))
