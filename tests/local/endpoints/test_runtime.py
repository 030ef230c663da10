"""The runtime's door, asked by a real client."""

from __future__ import annotations

import http.client
import threading

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError
from werkzeug.serving import make_server

from local.endpoints.invocation import Answer, InstanceGone, Invocation, ModelTimedOut, Reply
from local.endpoints.runtime import MOST_BYTES, Runtime
from local.endpoints.submission import Accepted, Submission
from local.errors import ApiError, validation_error
from local.gateway import Gateway
from local.sagemaker import SageMaker

ACCOUNT, REGION, KEY = "123456789012", "eu-west-1", "LOCALKEY"


class Models:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.outcome = Reply(200, b"{}", "application/json", "", 0.1)

    def answer(self, invocation):
        self.asked.append(invocation)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Answer(self.outcome, "all")

    def submit(self, submission):
        self.asked.append(submission)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Accepted("id-1", "s3://bucket/out/1.out", "s3://bucket/failed/1.out")


@pytest.fixture(scope="module")
def models():
    return Models()


@pytest.fixture(scope="module")
def port(models):
    runtime = Runtime(ACCOUNT, REGION, models.answer, models.submit)
    gateway = Gateway(KEY, SageMaker(), lambda *call: [], lambda: None, runtime=runtime)
    server = make_server("127.0.0.1", 0, gateway, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def client(port):
    return boto3.client(
        "sagemaker-runtime",
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=KEY,
        aws_secret_access_key="secret",
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(autouse=True)
def begin_anew(models):
    models.__init__()


def refused(client, **request):
    """The code, message and status of the error that a request meets."""
    request = {"EndpointName": "photos", "Body": b"x"} | request
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(**request)
    answer = caught.value.response
    return (
        answer["Error"]["Code"],
        answer["Error"]["Message"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
    )


def test_a_request_comes_whole_and_so_does_its_answer(client, models):
    models.outcome = Reply(201, b"\x00\xffcat", "image/x-any", "trace=1", 0.1)
    answer = client.invoke_endpoint(
        EndpointName="photos",
        Body=b"\x00\x01\xff",
        ContentType="image/jpeg",
        Accept="image/x-any",
        CustomAttributes="user=7",
        TargetVariant="all",
        InferenceId="i-1",
    )
    assert models.asked == [
        Invocation("photos", b"\x00\x01\xff", "image/jpeg", "image/x-any", "user=7", "all", "i-1")
    ]
    assert answer["Body"].read() == b"\x00\xffcat"
    assert answer["ContentType"] == "image/x-any"
    assert answer["InvokedProductionVariant"] == "all"
    assert answer["CustomAttributes"] == "trace=1"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_what_is_not_said_has_its_defaults(client, models):
    answer = client.invoke_endpoint(EndpointName="photos", Body=b"")
    assert models.asked == [Invocation("photos", b"")]
    assert "CustomAttributes" not in answer


@pytest.mark.parametrize(("status", "side"), [(400, "client"), (415, "client"), (503, "server")])
def test_what_a_model_refuses_is_a_model_error_with_its_own_words(client, models, status, side):
    models.outcome = Reply(status, "kein Bild: ü".encode(), "text/plain", "", 0.1)
    with pytest.raises(client.exceptions.ModelError) as caught:
        client.invoke_endpoint(EndpointName="photos", Body=b"x")

    told = caught.value.response
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (told["OriginalStatusCode"], told["OriginalMessage"]) == (status, "kein Bild: ü")
    assert told["LogStreamArn"] == (
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/photos"
    )
    words = f'Received {side} error ({status}) from primary with message "kein Bild: ü". See '
    assert told["Error"]["Message"].startswith(words)


def test_a_long_complaint_is_not_passed_on(client, models):
    models.outcome = Reply(500, b"x" * 100_000, "text/plain", "", 0.1)
    code, message, _ = refused(client)
    assert code == "ModelError"
    assert "(500) from primary and could not load the entire response body." in message


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (ModelTimedOut(), "Your invocation timed out while waiting for a response"),
        (InstanceGone(), "could not get a response from the photos endpoint"),
    ],
)
def test_a_model_that_does_not_answer_is_a_model_error_without_a_status(
    client, models, outcome, words
):
    models.outcome = outcome
    with pytest.raises(client.exceptions.ModelError, match=r"server error \(0\)") as caught:
        client.invoke_endpoint(EndpointName="photos", Body=b"x")
    assert caught.value.response["OriginalStatusCode"] == 0
    assert words in caught.value.response["OriginalMessage"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ValidationError", 400),
        ("ModelNotReadyException", 429),
        ("ServiceUnavailable", 503),
        ("InternalFailure", 500),
        ("ThrottlingException", 400),
    ],
)
def test_refusals_keep_code_words_and_status(client, models, code, status):
    models.outcome = ApiError(code, "Endpoint photos of account 1 not found.", status)
    assert refused(client) == (code, "Endpoint photos of account 1 not found.", status)


def test_modelled_errors_are_the_clients_own_exceptions(client, models):
    models.outcome = validation_error("Endpoint photos is asynchronous.")
    with pytest.raises(client.exceptions.ValidationError):
        client.invoke_endpoint(EndpointName="photos", Body=b"x")
    models.outcome = ApiError("ModelNotReadyException", "Wait.", 429)
    with pytest.raises(client.exceptions.ModelNotReadyException):
        client.invoke_endpoint(EndpointName="photos", Body=b"x")


def test_a_fault_of_ours_is_an_answer(client, models, caplog):
    models.outcome = RuntimeError("broken")
    code, message, status = refused(client)
    assert (code, status) == ("InternalFailure", 500)
    assert "RuntimeError: broken" in message


def test_a_body_may_have_six_megabytes_and_no_byte_more(client, models):
    client.invoke_endpoint(EndpointName="photos", Body=b"x" * MOST_BYTES)
    assert len(models.asked[0].body) == MOST_BYTES
    code, message, status = refused(client, Body=b"x" * (MOST_BYTES + 1))
    assert (code, status) == ("413", 413)
    assert message == "HTTP content length exceeded 6291456 bytes."
    assert len(models.asked) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"TargetModel": "a.tar.gz"}, "TargetModel is for multi-model endpoints"),
        ({"EnableExplanations": "`true`"}, "EnableExplanations is for explanations"),
        ({"InferenceComponentName": "c"}, "InferenceComponentName is for inference components"),
        ({"SessionId": "NEW_SESSION"}, "SessionId is for stateful sessions"),
        ({"TargetVariant": "no_such"}, "'no_such' at 'TargetVariant' must match"),
        ({"EndpointName": "no_such"}, "'no_such' at 'EndpointName' must match"),
    ],
)
def test_what_is_not_run_here_is_refused_by_name(client, models, more, words):
    code, message, status = refused(client, **more)
    assert (code, status) == ("ValidationError", 400)
    assert words in message
    assert models.asked == []


def test_an_answer_can_be_read_in_parts(client, models):
    body = bytes(range(256)) * 1024
    models.outcome = Reply(200, body, "image/x-any", "trace=1", 0.1)
    answer = client.invoke_endpoint_with_response_stream(
        EndpointName="photos", Body=b"x", ContentType="image/jpeg", Accept="image/x-any"
    )
    assert answer["ContentType"] == "image/x-any"
    assert answer["InvokedProductionVariant"] == "all"
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert len(parts) == 2
    assert b"".join(parts) == body
    assert models.asked[0].accept == "image/x-any"


def test_a_model_error_comes_before_any_part(client, models):
    models.outcome = Reply(400, b"no", "text/plain", "", 0.1)
    with pytest.raises(client.exceptions.ModelError):
        client.invoke_endpoint_with_response_stream(EndpointName="photos", Body=b"x")


def test_an_asynchronous_request_is_taken_and_told_where_its_answer_will_be(client, models):
    answer = client.invoke_endpoint_async(
        EndpointName="photos",
        InputLocation="s3://bucket/in/1.jpg",
        ContentType="image/jpeg",
        Accept="application/json",
        CustomAttributes="user=7",
        InferenceId="mine",
        RequestTTLSeconds=60,
        InvocationTimeoutSeconds=3600,
    )
    invocation = Invocation(
        "photos", b"", "image/jpeg", "application/json", "user=7", inference_id="mine"
    )
    assert models.asked == [
        Submission(invocation, "s3://bucket/in/1.jpg", age_limit=60, time_limit=3600)
    ]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "id-1"
    assert answer["OutputLocation"] == "s3://bucket/out/1.out"
    assert answer["FailureLocation"] == "s3://bucket/failed/1.out"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({}, "needs one of InputLocation and Body"),
        ({"Body": b"x", "InputLocation": "s3://b/k"}, "needs one of InputLocation and Body"),
        ({"Body": b"x" * 128_001}, "128001 bytes, and at most 128000"),
        ({"InputLocation": "bucket/key"}, "'bucket/key' at 'InputLocation' must match"),
        ({"Body": b"x", "RequestTTLSeconds": 21_601}, "'RequestTTLSeconds' is 21601; at most"),
        ({"Body": b"x", "InvocationTimeoutSeconds": 3601}, "'InvocationTimeoutSeconds' is 3601"),
    ],
)
def test_an_asynchronous_request_that_cannot_be_is_refused(client, models, request_, words):
    with pytest.raises(client.exceptions.ValidationError, match=words):
        client.invoke_endpoint_async(EndpointName="photos", **request_)
    assert models.asked == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/endpoints/a/invocations"), ("POST", "/endpoints/a/ping")]
)
def test_another_path_or_method_is_unknown(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    signed = f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/{REGION}/sagemaker/aws4_request, any"
    connection.request(method, path, headers={"Authorization": signed})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("x-amzn-ErrorType")) == (
        404,
        "UnknownOperationException",
    )
    connection.close()
