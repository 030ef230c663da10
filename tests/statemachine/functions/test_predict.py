"""The function in front: each form of a question, each refusal, and what it writes down."""

from __future__ import annotations

import base64
import json
import socket
from types import SimpleNamespace
from typing import Any

import boto3
import inference
import pytest
import torch

from tests.statemachine.functions.runtime import (
    CONTAINER,
    Asked,
    Context,
    Reply,
    model_error,
    service_error,
)

JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG\r\n\x1a\n a picture"
GIF = b"GIF89a a picture"
LIMIT = 1_000


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def ask(unpacked: Any, runtime: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """Calls the handler in this process: status, headers, body and the lines it wrote."""
    variables = {
        "ENDPOINT_NAMES": "breeds, other",
        "MAX_REQUEST_BYTES": str(LIMIT),
        "S3_BUCKETS": "photos",
        "URL_ALLOW_LIST": "images.example.com",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "LOCALKEY",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": runtime.url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    handler = unpacked("predict").handler

    def call(event: Any, seconds: float = 28.0) -> tuple[int, Any, Any, list[Any]]:
        response = handler(json.loads(json.dumps(event)), Context(seconds))
        assert set(response) == {"statusCode", "headers", "body"}
        assert response["headers"]["Content-Type"] == "application/json"
        assert "Access-Control-Allow-Origin" not in response["headers"]
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        body = json.loads(response["body"])
        return response["statusCode"], response["headers"], body, lines

    return call


@pytest.fixture
def refusal(ask: Any) -> Any:
    """Calls the handler and expects a refusal: status, code and sentence."""

    def call(event: Any, seconds: float = 28.0) -> tuple[int, str, str]:
        status, _, body, _ = ask(event, seconds)
        assert set(body) == {"error"} and set(body["error"]) == {"code", "message"}
        sentence = body["error"]["message"]
        assert "\n" not in sentence and "Traceback" not in sentence
        return status, body["error"]["code"], sentence

    return call


def rest(body: Any, content_type: str = "application/json", **more: Any) -> dict[str, Any]:
    """An event of a REST API."""
    event = {"httpMethod": "POST", "headers": {"content-Type": content_type}, "body": body}
    return {**event, "isBase64Encoded": False, "requestContext": {"stage": "prod"}, **more}


def http(body: Any, content_type: str = "application/json", **more: Any) -> dict[str, Any]:
    """An event of an HTTP API or a function URL."""
    context = {"http": {"method": "POST", "path": "/"}}
    event = {"version": "2.0", "headers": {"content-type": content_type}, "body": body}
    return {**event, "isBase64Encoded": False, "requestContext": context, **more}


def test_an_image_is_answered_with_its_label_and_the_version_that_answered(ask, runtime) -> None:
    status, _, body, _ = ask({"image": text_of(JPEG)})
    assert status == 200
    assert body == {**CONTAINER, "endpoint": "breeds"}
    assert runtime.asked == [Asked("breeds", JPEG, "image/jpeg")]


def test_what_the_served_code_answers_is_read_as_it_is(ask, runtime, monkeypatch) -> None:
    monkeypatch.setenv("BREEDLINE_MODEL_VERSION", "7")
    model: Any = SimpleNamespace(classes=("pug", "beagle"))
    prediction = inference._answer(torch.tensor([0.25, 0.75]), 5, model)
    content = inference.output_fn(prediction, "application/json").encode()
    runtime.answer = lambda asked: Reply(200, content)
    assert ask({"image": text_of(JPEG)})[2] == {**CONTAINER, "endpoint": "breeds"}


@pytest.mark.parametrize("make", [rest, http])
@pytest.mark.parametrize("kind", ["image/png", "Image/JPEG; x=y", "image/jpg"])
def test_the_bytes_of_an_image_may_come_as_they_are(ask, runtime, make, kind) -> None:
    assert ask(make(text_of(PNG), kind, isBase64Encoded=True))[0] == 200
    assert runtime.asked == [Asked("breeds", PNG, "image/png")]


@pytest.mark.parametrize(
    "event",
    [
        {"endpoint_name": "other", "request_dict": json.dumps({"image": text_of(PNG)})},
        {"endpoint_name": "other", "request_dict": {"image": text_of(PNG)}},
        {"endpoint_name": "other", "image": text_of(PNG)},
        rest(json.dumps({"endpoint_name": "other", "image": text_of(PNG)})),
        http(json.dumps({"endpoint_name": "other", "request_dict": {"image": text_of(PNG)}})),
        http(
            text_of(json.dumps({"endpoint_name": "other", "image": text_of(PNG)}).encode()),
            isBase64Encoded=True,
        ),
    ],
)
def test_each_form_of_the_payload_reaches_the_endpoint_that_it_names(ask, runtime, event) -> None:
    status, _, body, _ = ask(event)
    assert (status, body["endpoint"]) == (200, "other")
    assert runtime.asked == [Asked("other", PNG, "image/png")]


def test_a_number_of_labels_is_passed_on(ask, runtime) -> None:
    assert ask({"image": text_of(PNG), "top_k": 3})[0] == 200
    (asked,) = runtime.asked
    assert asked.content_type == "application/json"
    assert json.loads(asked.body) == {"image": text_of(PNG), "top_k": 3}


def test_other_formats_are_left_to_the_model(ask, runtime) -> None:
    assert ask({"image": text_of(GIF)})[0] == 200
    assert json.loads(runtime.asked[0].body) == {"image": text_of(GIF)}


@pytest.mark.parametrize(
    ("event", "status", "words"),
    [
        ([], 400, "must be an object"),
        ("text", 400, "must be an object"),
        (None, 400, "must be an object"),
        ({}, 400, "exactly one of image"),
        ({"image": "aGk=", "url": "https://x"}, 400, "exactly one of image"),
        ({"image": 5}, 400, "image is not base64 text"),
        ({"image": "%%%"}, 400, "image is not base64 text"),
        ({"image": ""}, 400, "image is empty"),
        ({"image": "aGk=", "topk": 3}, 400, "'topk' is not known"),
        ({"image": "aGk=", "x" * 99: 3}, 400, "…' is not known"),
        ({"image": "aGk=", "top_k": 0}, 400, "top_k must be"),
        ({"image": "aGk=", "top_k": True}, 400, "top_k must be"),
        ({"image": "aGk=", "top_k": "3"}, 400, "top_k must be"),
        ({"image": "aGk=", "endpoint_name": 3}, 400, "endpoint_name is not a text"),
        ({"image": "aGk=", "endpoint_name": "secret"}, 403, "'secret' is not served here"),
        ({"image": "aGk=", "endpoint_name": ""}, 403, "is not served here"),
        ({"request_dict": "{"}, 400, "request_dict is not JSON"),
        ({"request_dict": "[]"}, 400, "request_dict must be an object"),
        ({"request_dict": {"image": "aGk="}, "image": "aGk="}, 400, "'image' is not known"),
        ({"request_dict": {"request_dict": {}}}, 400, "'request_dict' is not known"),
        ({"s3": 5}, 400, "s3 must be s3://bucket/key"),
        ({"s3": "photos/a.png"}, 400, "s3 must be s3://bucket/key"),
        ({"s3": "s3://photos"}, 400, "must be texts that are not empty"),
        ({"bucket": "photos"}, 400, "must be texts that are not empty"),
        ({"s3": {"bucket": "photos", "key": 3}}, 400, "must be texts"),
        ({"s3": "s3://other/a.png"}, 403, "'other' is not read from here"),
        ({"url": 5}, 400, "url is not a text"),
        (rest(None), 400, "The body is empty"),
        (rest("", "image/png"), 400, "The body is empty"),
        (rest("{"), 400, "The body is not JSON"),
        (rest("[" * 100_000), 400, "The body is not JSON"),
        (rest("3"), 400, "must be an object"),
        (rest("é%", "image/png", isBase64Encoded=True), 400, "The body is not base64"),
        (rest("é%", "application/json", isBase64Encoded=True), 400, "The body is not base64"),
        (rest("�PNG", "image/png"), 400, "binary media types"),
        (rest("hello", "text/plain"), 415, "'text/plain' is not taken"),
        (rest("hello", headers=None), 415, "'' is not taken"),
        (http("a=b", "application/x-www-form-urlencoded"), 415, "is not taken"),
    ],
)
def test_what_is_no_question_is_refused_without_asking(
    refusal, runtime, event, status, words
) -> None:
    got, _, sentence = refusal(event)
    assert (got, words in sentence) == (status, True), sentence
    assert runtime.asked == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_only_posts_are_answered(ask, runtime, method) -> None:
    for event in (
        rest(None, httpMethod=method),
        http(None, requestContext={"http": {"method": method}}),
    ):
        status, headers, body, _ = ask(event)
        assert (status, headers["Allow"]) == (405, "POST")
        assert body["error"]["code"] == "method-not-allowed"
    assert runtime.asked == []


@pytest.mark.parametrize(
    "event",
    [
        {"image": text_of(b"x" * (LIMIT + 1))},
        {"image": "A" * 100_000},
        rest(text_of(b"x" * (LIMIT + 1)), "image/png", isBase64Encoded=True),
        rest("x" * (LIMIT + 1), "image/png"),
        http(json.dumps({"image": text_of(b"x" * (LIMIT + 1))})),
    ],
)
def test_what_is_too_large_is_refused_without_asking(refusal, runtime, event) -> None:
    status, code, sentence = refusal(event)
    assert (status, code) == (413, "too-large")
    assert sentence == f"The image is larger than {LIMIT} bytes."
    assert runtime.asked == []


def test_an_image_of_just_the_limit_is_asked_about(ask) -> None:
    assert ask({"image": text_of(PNG.ljust(LIMIT, b"x"))})[0] == 200


@pytest.mark.parametrize(
    ("reply", "status", "sentence"),
    [
        (model_error(400, "The bytes are not an image."), 400, "The bytes are not an image."),
        (
            model_error(413, "The image is 9000×9000 pixels; at most 1 is allowed.\nTraceback (x"),
            413,
            "The image is 9000×9000 pixels; at most 1 is allowed.",
        ),
        (model_error(415, '{"error": {"message": "No. Never."}}'), 415, "No."),
        (model_error(422, '{"code": 422, "message": "Half of it"}'), 422, "Half of it"),
        (model_error(400, '{"error": "Wrong."}'), 400, "Wrong."),
        (model_error(400, "[1]"), 400, "The model refused the request."),
        (model_error(400, ""), 400, "The model refused the request."),
        (model_error(400, "x" * 999), 400, "x" * 300 + "…"),
        (model_error(429, "Too many."), 429, "Too many."),
        (model_error(500, "Traceback: /opt/ml/code"), 502, "The model failed on this request."),
        (model_error(503, "Worker died."), 502, "The model failed on this request."),
        (
            model_error(0, "Your invocation timed out while waiting for a response."),
            504,
            "The endpoint 'breeds' did not answer in time.",
        ),
        (
            service_error(400, "ValidationError", "Endpoint breeds of account 1 not found."),
            404,
            "There is no endpoint 'breeds'.",
        ),
        (
            service_error(400, "ValidationError", "Endpoint breeds is not InService."),
            503,
            "The endpoint 'breeds' is not in service; try again later.",
        ),
        (
            service_error(400, "ValidationError", "Member must have length less than or equal to"),
            413,
            "The request is larger than the endpoint takes.",
        ),
        (
            service_error(400, "ValidationError", "Variant?"),
            502,
            "The endpoint 'breeds' took no such request.",
        ),
        (
            service_error(400, "ThrottlingException", "Rate exceeded"),
            429,
            "The endpoint 'breeds' has more requests than it can take; try again.",
        ),
        (
            service_error(503, "ServiceUnavailable", "No."),
            503,
            "The endpoint 'breeds' is not in service; try again later.",
        ),
        (
            service_error(429, "ModelNotReadyException", "Soon."),
            503,
            "The endpoint 'breeds' is not in service; try again later.",
        ),
        (service_error(500, "InternalFailure", "secret"), 502, "The endpoint 'breeds' failed."),
        (
            service_error(530, "InternalDependencyException", "secret"),
            502,
            "The endpoint 'breeds' failed.",
        ),
        (
            service_error(403, "AccessDeniedException", "User arn:aws:sts::1:x is not authorized"),
            500,
            "The function may not ask the endpoint.",
        ),
        (Reply(200, b"[[0.1, 0.9]]"), 502, "The model's answer cannot be read."),
        (Reply(200, b"<html>"), 502, "The model's answer cannot be read."),
        (Reply(200, CONTAINER | {"probability": 2}), 502, "The model's answer cannot be read."),
        (
            Reply(200, CONTAINER | {"probability": float("nan")}),
            502,
            "The model's answer cannot be read.",
        ),
    ],
)
def test_each_failure_of_the_endpoint_has_its_status(
    refusal, runtime, reply, status, sentence
) -> None:
    runtime.answer = lambda asked: reply
    assert refusal({"image": text_of(PNG)})[::2] == (status, sentence)


def test_a_busy_endpoint_says_when_to_come_again(ask, runtime) -> None:
    for reply in (
        service_error(400, "ThrottlingException", "Rate exceeded"),
        model_error(429, "Later."),
    ):
        runtime.answer = lambda asked, reply=reply: reply
        assert ask({"image": text_of(PNG)})[1]["Retry-After"] == "1"


def test_an_endpoint_that_takes_too_long_is_given_up_before_lambda_gives_up(
    refusal, runtime
) -> None:
    runtime.answer = lambda asked: Reply(delay=20)
    status, code, _ = refusal({"image": text_of(PNG)}, 1.5)
    assert (status, code) == (504, "timed-out")
    assert len(runtime.asked) == 1
    assert refusal({"image": text_of(PNG)}, 0.1)[0] == 504
    assert len(runtime.asked) == 1


def test_a_connection_that_was_closed_is_tried_once_more(ask, refusal, runtime) -> None:
    runtime.answer = lambda asked: Reply() if len(runtime.asked) == 2 else None
    assert ask({"image": text_of(PNG)})[0] == 200
    runtime.answer = lambda asked: None
    assert refusal({"image": text_of(PNG)})[0] == 503
    assert len(runtime.asked) == 4


def test_an_endpoint_that_nobody_reaches_is_not_in_service(refusal, monkeypatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", url)
    assert refusal({"image": text_of(PNG)})[0] == 503


def test_an_object_of_an_allowed_bucket_is_asked_about(
    ask, refusal, cloud, runtime, monkeypatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", cloud.url)
    s3 = cloud.client("s3")
    place = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration=place)
    contents = {"a dog/1.png": PNG, "large": b"x" * (LIMIT + 1), "empty": b""}
    for key, content in contents.items():
        s3.put_object(Bucket="photos", Key=key, Body=content)
    for event in (
        {"s3": "s3://photos/a dog/1.png"},
        {"s3": {"bucket": "photos", "key": "a dog/1.png"}},
        {"bucket": "photos", "key": "a dog/1.png"},
    ):
        assert ask(event)[0] == 200
    assert runtime.asked == [Asked("breeds", PNG, "image/png")] * 3
    assert refusal({"s3": "s3://photos/none.png"})[:2] == (404, "not-found")
    assert refusal({"s3": "s3://photos/large"})[:2] == (413, "too-large")
    assert refusal({"s3": "s3://photos/empty"})[0] == 400
    assert len(runtime.asked) == 3


def test_an_image_of_an_allowed_host_is_fetched_and_asked_about(
    ask, refusal, runtime, web, monkeypatch
) -> None:
    resolve(monkeypatch, "93.184.216.34")
    web.response = b"HTTP/1.1 200 OK\r\n\r\n" + PNG
    assert ask({"url": "https://images.example.com/a.png"})[0] == 200
    assert runtime.asked == [Asked("breeds", PNG, "image/png")]
    web.response = b"HTTP/1.1 200 OK\r\n\r\n<html>no dog"
    assert refusal({"url": "https://images.example.com/a.png"})[0] == 415
    web.response = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LIMIT + 1)
    assert refusal({"url": "https://images.example.com/a.png"})[0] == 413
    assert web.connected == [("93.184.216.34", 443)] * 3
    assert len(runtime.asked) == 1


class Web:
    """Answers each connection to another machine; those to this one are made by other means."""

    def __init__(self) -> None:
        self.response = b""
        self.connected: list[object] = []
        self._open: list[socket.socket] = []

    def connect(self, address: object, timeout: float) -> socket.socket:
        self.connected.append(address)
        ours, theirs = socket.socketpair()
        theirs.sendall(self.response)
        theirs.shutdown(socket.SHUT_WR)
        self._open.append(theirs)
        return ours


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    made = Web()
    monkeypatch.setattr("remote_images.socket.create_connection", made.connect)
    monkeypatch.setattr("ssl.SSLContext.wrap_socket", lambda self, plain, server_hostname: plain)
    return made


def resolve(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    original = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        if host != "images.example.com":
            return original(host, *arguments, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    monkeypatch.setattr("remote_images.socket.getaddrinfo", look_up)


@pytest.mark.parametrize(
    "url",
    [
        "http://images.example.com/a.png",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/a.png",
        "https://other.example.com/a.png",
        "https://images.example.com:8443/a.png",
        "file:///proc/self/environ",
    ],
)
def test_other_addresses_are_forbidden_and_not_looked_up(
    refusal, runtime, monkeypatch, url
) -> None:
    def look_up(*_: Any, **__: Any) -> None:
        raise AssertionError("looked up")

    monkeypatch.setattr("remote_images.socket.getaddrinfo", look_up)
    assert refusal({"url": url})[:2] == (403, "forbidden")
    assert runtime.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1"])
def test_an_allowed_host_with_a_private_address_is_forbidden(refusal, monkeypatch, address) -> None:
    resolve(monkeypatch, address)
    assert refusal({"url": "https://images.example.com/a.png"})[:2] == (403, "forbidden")


def test_a_redirect_is_not_followed(refusal, web, monkeypatch) -> None:
    resolve(monkeypatch, "93.184.216.34")
    web.response = b"HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/\r\n\r\n"
    status, _, sentence = refusal({"url": "https://images.example.com/a.png"})
    assert status == 400 and "redirects are not followed" in sentence
    assert web.connected == [("93.184.216.34", 443)]


def test_an_answer_is_logged_and_counted_and_nothing_of_the_image(ask) -> None:
    _, _, _, (metric, line) = ask({"image": text_of(PNG)})
    assert metric["Endpoint"] == "breeds" and metric["Confidence"] == 0.75
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Breedline",
        "Dimensions": [["Endpoint"]],
        "Metrics": [{"Name": "Confidence", "Unit": "None"}],
    }
    assert line.pop("milliseconds") >= 0
    assert line == {
        "level": "INFO",
        "event": "request",
        "status": 200,
        "request_id": Context.aws_request_id,
        "endpoint": "breeds",
        "model_version": 7,
    }


def test_a_refusal_is_logged_with_its_reason_and_counts_for_nothing(ask, runtime) -> None:
    runtime.answer = lambda asked: model_error(500, "Traceback")
    (line,) = ask({"image": text_of(PNG)})[3]
    assert (line["level"], line["status"], line["reason"]) == ("ERROR", 502, "ModelError 500")
    (line,) = ask({"image": "%", "endpoint_name": "breeds"})[3]
    assert (line["level"], line["status"], line["endpoint"]) == ("WARNING", 400, None)


def test_a_fault_of_the_function_itself_tells_the_caller_nothing(ask, monkeypatch) -> None:
    monkeypatch.setenv("MAX_REQUEST_BYTES", "many")
    status, _, body, (fault, line) = ask({"image": text_of(PNG)})
    assert status == 500
    message = "The function failed on this request."
    assert body == {"error": {"code": "internal", "message": message}}
    assert (fault["event"], fault["type"], line["status"]) == ("fault", "ValueError", 500)
    assert any("limits.py" in place for place in fault["at"])
    assert "many" not in json.dumps(fault)


def test_a_model_that_tells_no_version_is_answered_without_one(ask, runtime) -> None:
    old = {key: value for key, value in CONTAINER.items() if key != "model_version"}
    runtime.answer = lambda asked: Reply(200, old)
    assert ask({"image": text_of(PNG)})[2]["model_version"] is None


def test_the_clients_are_made_once_for_an_environment(ask, monkeypatch) -> None:
    made: list[str] = []
    original = boto3.client

    def make(service: str, **options: Any) -> Any:
        made.append(service)
        return original(service, **options)

    monkeypatch.setattr(boto3, "client", make)
    for _ in range(3):
        assert ask({"image": text_of(PNG)}, 28.5)[0] == 200
    assert made == ["sagemaker-runtime"]
