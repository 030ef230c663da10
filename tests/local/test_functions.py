"""Lambda functions: real processes behind boto3's own client and a pipeline's Lambda step."""

from __future__ import annotations

import base64
import io
import json
import os
import threading
import time
import zipfile
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local.gateway import Gateway
from local.server import build_sagemaker

REGION = "eu-west-1"
KEY = "LOCALKEY"
ROLE = "arn:aws:iam::123456789012:role/functions"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class Aws:
    """boto3's clients of a gateway that listens, and short ways to make and call functions."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self.functions = self.client("lambda")
        self.client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument=TRUST)

    def client(self, service: str):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=60)
        return boto3.client(
            service,
            endpoint_url=self._url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key="secret",
            config=config,
        )

    def create(self, source: str, name: str = "dogs", **more):
        request = {
            "FunctionName": name,
            "Runtime": "python3.12",
            "Handler": "handler.answer",
            "Role": ROLE,
            "Code": {"ZipFile": archive(source)},
            "Timeout": 20,
        }
        return self.functions.create_function(**request | more)

    def invoke(self, event=None, name: str = "dogs", **more):
        """The answer's payload, read, and the answer."""
        payload = {} if event is None else {"Payload": json.dumps(event)}
        answer = self.functions.invoke(FunctionName=name, **payload, **more)
        text = answer["Payload"].read()
        return (json.loads(text) if text else None), answer

    def log(self, name: str = "dogs") -> list[str]:
        logs, group = self.client("logs"), f"/aws/lambda/{name}"
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        names = [stream["logStreamName"] for stream in streams]
        assert len(names) == 1
        events = logs.get_log_events(logGroupName=group, logStreamName=names[0])["events"]
        return [event["message"] for event in events]


def archive(source: str, **files: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as opened:
        opened.writestr("handler.py", source)
        for name, text in files.items():
            opened.writestr(f"{name}.py", text)
    return body.getvalue()


@pytest.fixture
def aws(backend):
    sagemaker = build_sagemaker(backend)
    moto = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, Gateway(KEY, sagemaker, moto, lambda: None), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield Aws(server.port)
    server.shutdown()
    thread.join()
    server.server_close()


def wait_for(found, seconds: float = 20):
    """The first true answer of `found()`."""
    ends = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < ends, "nothing came"
        time.sleep(0.05)
    return answer


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
    code = {"ZipFile": archive(source, neighbour="NAME = 'found'")}
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


CONTEXT = """
def answer(event, context):
    return {name: getattr(context, name) for name in (
        "aws_request_id", "function_name", "function_version", "invoked_function_arn",
        "memory_limit_in_mb", "log_group_name", "log_stream_name")} | {
        "left": context.get_remaining_time_in_millis()}
"""


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
    newer = archive("def answer(event, context):\n    return 'newer'")
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


def test_an_exception_is_an_unhandled_error_with_its_trace(aws):
    aws.create("def look():\n    raise KeyError('pug')\ndef answer(event, context):\n    look()")
    error, answer = aws.invoke()

    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert error["errorType"] == "KeyError"
    assert error["errorMessage"] == "'pug'"
    assert error["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert [line.split(", ")[2].split("\n")[0] for line in error["stackTrace"]] == [
        "in answer",
        "in look",
    ]
    assert any(line.startswith("[ERROR] KeyError: 'pug'\nTraceback") for line in aws.log())


ANSWER = "def answer(event, context):\n    "
UNANSWERED = [  # source, handler, errorType, a part of errorMessage
    ("import not_there", "handler.answer", "ImportModuleError", "No module named 'not_there'"),
    ("", "missing.answer", "ImportModuleError", "Unable to import module 'missing'"),
    ("x = 1", "handler.answer", "HandlerNotFound", "Handler 'answer' missing on module 'handler'"),
    ("def answer(:", "handler.answer", "UserCodeSyntaxError", "Syntax error in module 'handler'"),
    ("", "handler", "MalformedHandlerName", "Bad handler 'handler'"),
    (f"{ANSWER}return {{1}}", "handler.answer", "MarshalError", "Unable to marshal response"),
    (f"{ANSWER}raise SystemExit(3)", "handler.answer", "ExitError", "with error: exit status 3"),
    (f"{ANSWER}raise SystemExit", "handler.answer", "ExitError", "without providing a reason"),
    (f"import os\n{ANSWER}os.abort()", "handler.answer", "ExitError", "signal: aborted"),
]


@pytest.mark.parametrize(("source", "handler", "kind", "message"), UNANSWERED)
def test_a_function_that_cannot_answer_says_why(aws, source, handler, kind, message):
    aws.create(source, Handler=handler)
    error, answer = aws.invoke()

    assert answer["FunctionError"] == "Unhandled"
    assert error["errorType"] == f"Runtime.{kind}"
    assert message in error["errorMessage"]


def test_a_function_that_takes_too_long_is_stopped_with_its_children(aws, tmp_path):
    source = f"""
import pathlib, subprocess, time
def answer(event, context):
    child = subprocess.Popen(["sleep", "600"])
    pathlib.Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
    print("begun")
    time.sleep(600)
"""
    aws.create(source, Timeout=1)
    error, answer = aws.invoke()

    request = answer["ResponseMetadata"]["RequestId"]
    assert answer["FunctionError"] == "Unhandled"
    assert error == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds",
    }
    log = aws.log()
    assert "begun" in log
    assert any(line.endswith(f"Z {request} Task timed out after 1.00 seconds") for line in log)
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: not alive(child))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # a dead child that nobody has waited for yet is dead enough
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_time_to_import_is_not_the_function_s_own(aws):
    source = "import time\ntime.sleep(1.5)\ndef answer(event, context):\n    return 'in time'"
    aws.create(source, Timeout=1)
    assert aws.invoke()[0] == "in time"


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
    assert {metric["MetricName"] for metric in found} == {"Invocations", "Errors", "Duration"}


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
    wait_for((tmp_path / "done").exists)
    wait_for(lambda: any(line.startswith("REPORT") for line in aws.log()))


def test_a_dry_run_runs_nothing(aws, tmp_path):
    aws.create(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()")
    assert aws.invoke(InvocationType="DryRun")[1]["StatusCode"] == 204
    assert not (tmp_path / "ran").exists()


def refusal(call) -> Any:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    return caught.value.response["Error"]


def test_a_function_that_does_not_exist_is_named(aws):
    error = refusal(lambda: aws.invoke(name="cats"))
    assert error["Code"] == "ResourceNotFoundException"
    assert error["Message"] == (
        f"Function not found: arn:aws:lambda:{REGION}:123456789012:function:cats"
    )


def test_a_runtime_other_than_python_is_refused_in_one_sentence(aws):
    aws.create("", Runtime="nodejs22.x", Handler="index.answer")
    assert "runtime 'nodejs22.x', and only zip packages" in refusal(aws.invoke)["Message"]


def test_code_that_is_no_zip_archive_is_refused(aws):
    aws.create("", Code={"ZipFile": b"not a zip"})
    assert "Could not unzip uploaded file" in refusal(aws.invoke)["Message"]


def test_an_event_that_is_not_json_is_refused(aws):
    aws.create("def answer(event, context): ...")
    error = refusal(lambda: aws.functions.invoke(FunctionName="dogs", Payload=b"{"))
    assert error["Code"] == "InvalidRequestContentException"


def test_a_role_that_does_not_exist_is_refused(aws):
    role = "arn:aws:iam::123456789012:role/nobody"
    error = refusal(lambda: aws.create("", Role=role))
    assert "cannot be assumed by Lambda" in error["Message"]


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


def run_pipeline(aws, steps) -> tuple[str, dict[str, Any]]:
    """Status of an execution that has ended, and its steps by name."""
    sagemaker = aws.client("sagemaker")
    definition = json.dumps({"Version": "2020-12-01", "Steps": steps})
    sagemaker.create_pipeline(PipelineName="kennel", PipelineDefinition=definition, RoleArn=ROLE)
    arn = sagemaker.start_pipeline_execution(PipelineName="kennel")["PipelineExecutionArn"]

    def ended():
        answer = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        status = answer["PipelineExecutionStatus"]
        return status if status not in ("Executing", "Stopping") else None

    status = wait_for(ended)
    listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    return status, {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}


def count_step(arn: str) -> dict[str, Any]:
    return {
        "Name": "Count",
        "Type": "Lambda",
        "FunctionArn": arn,
        "Arguments": {"pipeline": {"Get": "Execution.PipelineName"}},
        "OutputParameters": [
            {"OutputName": "dogs", "OutputType": "Integer"},
            {"OutputName": "where", "OutputType": "String"},
        ],
    }


def test_a_pipeline_decides_by_what_a_function_answered(aws):
    source = "def answer(event, context):\n    return {'dogs': 3, 'where': event['pipeline']}"
    arn = aws.create(source)["FunctionArn"]
    dogs = {"Get": "Steps.Count.OutputParameters['dogs']"}
    enough = {"Type": "GreaterThanOrEqualTo", "LeftValue": dogs, "RightValue": 5}
    where = {"Get": "Steps.Count.OutputParameters['where']"}
    message = {"Std:Join": {"On": " ", "Values": ["only", dogs, "dogs in", where]}}
    gate = {
        "Name": "Enough",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [enough],
            "IfSteps": [],
            "ElseSteps": [
                {"Name": "Short", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
            ],
        },
    }
    status, steps = run_pipeline(aws, [count_step(arn), gate])

    assert status == "Failed"
    assert steps["Count"]["StepStatus"] == "Succeeded"
    assert steps["Enough"]["Metadata"]["Condition"]["Outcome"] == "False"
    assert steps["Short"]["FailureReason"] == "only 3 dogs in kennel"


def test_a_pipeline_step_fails_with_its_function_s_error(aws):
    arn = aws.create("def answer(event, context):\n    raise ValueError('no dogs')")["FunctionArn"]
    status, steps = run_pipeline(aws, [count_step(arn)])

    assert status == "Failed"
    assert steps["Count"]["FailureReason"] == (
        f"ClientError: Failed to invoke {arn}. "
        f"Error Details: The function {arn} failed with ValueError: no dogs"
    )


def test_a_pipeline_step_names_a_function_that_is_not_there(aws):
    arn = f"arn:aws:lambda:{REGION}:123456789012:function:cats"
    _, steps = run_pipeline(aws, [count_step(arn)])
    assert f"Function not found: {arn}" in steps["Count"]["FailureReason"]
