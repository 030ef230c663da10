"""Calling a function: what it is given, what it answers, what it leaves in its log."""

from __future__ import annotations

import base64
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

REGION = "eu-west-1"


CONTEXT = """
def answer(event, context):
    return {name: getattr(context, name) for name in (
        "aws_request_id", "function_name", "function_version", "invoked_function_arn",
        "memory_limit_in_mb", "log_group_name", "log_stream_name")} | {
        "left": context.get_remaining_time_in_millis()}
"""


def test_a_function_gets_the_event_and_its_result_comes_back(aws):
    aws.create("def answer(event, context):\n    return {'breed': event['breed'].upper()}")
    result, answer = aws.invoke({"breed": "beagle"})

    assert result == {"breed": "BEAGLE"}
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert "LogResult" not in answer


def test_a_call_without_a_payload_is_an_empty_event(aws):
    aws.create("def answer(event, context):\n    return event")
    assert aws.invoke()[0] == {}


def test_a_function_sees_its_environment_and_nothing_of_the_server_s(aws, monkeypatch):
    monkeypatch.setenv("SERVER_SECRET", "hidden")
    source = """
import os, sys
import neighbour
def answer(event, context):
    return {"variables": dict(os.environ), "folder": os.getcwd(), "path": sys.path,
            "neighbour": neighbour.NAME}
"""
    code = {"ZipFile": aws.archive(source, neighbour="NAME = 'found'")}
    aws.create(source, Code=code, MemorySize=256, Environment={"Variables": {"BREED": "pug"}})
    seen, _ = aws.invoke()

    variables = seen["variables"]
    assert variables["BREED"] == "pug"
    assert variables["AWS_REGION"] == REGION
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "dogs"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["_HANDLER"] == "handler.answer"
    assert variables["LAMBDA_TASK_ROOT"] == seen["folder"] == seen["path"][0]
    assert "SERVER_SECRET" not in variables
    assert seen["neighbour"] == "found"
    assert not any(folder.endswith("inside") for folder in seen["path"])


def test_the_context_says_what_runs(aws):
    arn = aws.create(CONTEXT, MemorySize=512)["FunctionArn"]
    seen, answer = aws.invoke()

    assert seen["aws_request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert seen["function_name"] == "dogs"
    assert seen["function_version"] == "$LATEST"
    assert seen["invoked_function_arn"] == arn
    assert seen["memory_limit_in_mb"] == "512"
    assert seen["log_group_name"] == "/aws/lambda/dogs"
    assert "[$LATEST]" in seen["log_stream_name"]
    assert 0 < seen["left"] <= 20000


def test_versions_and_aliases_run_the_code_they_stand_for(aws):
    arn = aws.create(CONTEXT, Publish=True)["FunctionArn"]
    aws.functions.create_alias(FunctionName="dogs", Name="live", FunctionVersion="1")
    newer = aws.archive("def answer(event, context):\n    return 'newer'")
    aws.functions.update_function_code(FunctionName="dogs", ZipFile=newer)

    assert aws.invoke()[0] == "newer"
    seen, answer = aws.invoke(Qualifier="live")
    assert seen["function_version"] == answer["ExecutedVersion"] == "1"
    assert seen["invoked_function_arn"] == f"{arn}:live"
    assert aws.invoke(name=f"{arn}:1")[0]["invoked_function_arn"] == f"{arn}:1"
    assert aws.invoke(name="123456789012:function:dogs:live")[0]["function_version"] == "1"


def test_changed_configuration_counts_from_the_next_call(aws):
    aws.create("import os\ndef answer(event, context):\n    return os.environ['BREED']")
    for breed in ("pug", "boxer"):
        variables = {"Variables": {"BREED": breed}}
        aws.functions.update_function_configuration(FunctionName="dogs", Environment=variables)
        assert aws.invoke()[0] == breed


def test_what_a_function_prints_is_in_its_log_between_start_and_report(aws):
    source = """
import logging, sys
logging.getLogger().setLevel(logging.INFO)
def answer(event, context):
    print("printed")
    print("complained", file=sys.stderr)
    logging.info("logged")
"""
    aws.create(source)
    result, answer = aws.invoke(LogType="Tail")

    request = answer["ResponseMetadata"]["RequestId"]
    log = aws.log()
    assert result is None
    assert log[0] == f"START RequestId: {request} Version: $LATEST"
    assert {"printed", "complained"} < set(log[1:-2])
    assert any(line.startswith("[INFO]\t") and line.endswith("\tlogged") for line in log)
    assert log[-2] == f"END RequestId: {request}"
    assert log[-1].startswith(f"REPORT RequestId: {request}\tDuration: ")
    assert "Memory Size: 128 MB" in log[-1]
    assert base64.b64decode(answer["LogResult"]).decode().splitlines() == log


def test_invocations_and_errors_are_counted(aws):
    aws.create("def answer(event, context):\n    return 1 / event['by']")
    aws.invoke({"by": 1})
    aws.invoke({"by": 0})
    found = aws.client("cloudwatch").list_metrics(Namespace="AWS/Lambda")["Metrics"]
    names = {metric["MetricName"] for metric in found}
    assert names == {"Invocations", "Errors", "Duration", "ConcurrentExecutions"}


def test_an_asynchronous_call_answers_at_once_and_still_runs(aws, tmp_path):
    source = """
import pathlib, time
def answer(event, context):
    while not pathlib.Path(event["gate"]).exists():
        time.sleep(0.05)
    pathlib.Path(event["done"]).touch()
"""
    aws.create(source)
    event = {"gate": str(tmp_path / "gate"), "done": str(tmp_path / "done")}
    result, answer = aws.invoke(event, InvocationType="Event")

    assert (answer["StatusCode"], result) == (202, None)
    assert not (tmp_path / "done").exists()
    (tmp_path / "gate").touch()
    aws.wait_for((tmp_path / "done").exists)
    aws.wait_for(lambda: any(line.startswith("REPORT") for line in aws.log()))


def test_a_dry_run_runs_nothing(aws, tmp_path):
    aws.create(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()")
    assert aws.invoke(InvocationType="DryRun")[1]["StatusCode"] == 204
    assert not (tmp_path / "ran").exists()


def test_a_function_imports_from_its_layers(aws):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as opened:
        opened.writestr("python/kennel.py", "SIZE = 7")
    layer = aws.functions.publish_layer_version(
        LayerName="kennel", Content={"ZipFile": body.getvalue()}
    )
    source = "import kennel\ndef answer(event, context):\n    return kennel.SIZE"
    aws.create(source, Layers=[layer["LayerVersionArn"]])
    assert aws.invoke()[0] == 7


def test_a_notification_reaches_a_function_without_waiting_for_it(aws, tmp_path):
    source = """
import pathlib
def answer(event, context):
    message = event["Records"][0]["Sns"]["Message"]
    pathlib.Path(message).touch()
"""
    arn = aws.create(source)["FunctionArn"]
    sns = aws.client("sns")
    topic = sns.create_topic(Name="kennel")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message=str(tmp_path / "heard"))
    aws.wait_for((tmp_path / "heard").exists)


def test_calls_at_the_same_time_keep_their_answers_apart(aws):
    aws.create("def answer(event, context):\n    return [event, context.aws_request_id]")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(aws.invoke, range(6)))
    for number, (result, answer) in enumerate(answers):
        assert result == [number, answer["ResponseMetadata"]["RequestId"]]
