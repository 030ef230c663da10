"""Functions that fail, take too long or cannot be called: each says why as AWS does."""

from __future__ import annotations

from typing import Any

import botocore.exceptions
import pytest

REGION = "eu-west-1"


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
    aws.wait_for(lambda: aws.ended(child))


def test_the_time_to_import_is_not_the_function_s_own(aws):
    source = "import time\ntime.sleep(1.5)\ndef answer(event, context):\n    return 'in time'"
    aws.create(source, Timeout=1)
    assert aws.invoke()[0] == "in time"


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
