"""The functions in front of a table's endpoint, as their zips hold them."""

from __future__ import annotations

import ast
import base64
import importlib
import json
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from artifact import opened
from moto import mock_aws

from provision.archives import read_archives
from tests.statemachine.functions.runtime import Asked, Context, Reply, Runtime, model_error
from workloads import workload_of

LIMIT = 2_000
HTTP = {"version": "2.0", "requestContext": {"http": {"method": "POST"}}}


@pytest.fixture(scope="module")
def endpoint(made: Any) -> Iterator[Any]:
    """The real model behind a runtime API; `url`, and a `record` with its `answer`."""
    kept = json.loads((made.work / "evaluation" / "samples" / "samples.json").read_text())
    sample, runtime = kept["samples"][3], Runtime()
    with opened(made.work / "model.tar.gz") as artifact:

        def answer(asked: Asked) -> Reply:
            served = artifact.inference
            try:
                data = served.input_fn(asked.body, asked.content_type)
                told = served.output_fn(served.predict_fn(data, artifact.model), "*/*")
            except served.RequestError as error:
                return model_error(error.status, str(error))
            return Reply(200, json.loads(told) | {"model_version": 3})

        yield SimpleNamespace(
            runtime=runtime, model=answer, record=sample["record"], answer=sample["expected"]
        )
    runtime.stop()


@pytest.fixture
def unpacked(tabular: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Loads modules of a function out of its zip, apart from all others of their names."""
    archives = read_archives(workload_of(tabular).functions)
    before = dict(sys.modules)

    def load(function: str, module: str) -> Any:
        for name, content in archives[function].files.items():
            (tmp_path / name).write_bytes(content)
            sys.modules.pop(name.removesuffix(".py"), None)
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module(module)

    yield load
    for name in set(sys.modules) - set(before):
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.modules.update(before)


@pytest.fixture
def ask(unpacked: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Calls the handler in this process: status and body."""
    endpoint.runtime.reset()
    endpoint.runtime.answer = endpoint.model
    variables = {
        "ENDPOINT_NAMES": "housing",
        "MAX_REQUEST_BYTES": str(LIMIT),
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint.runtime.url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    handler = unpacked("predict", "handler").handler

    def call(event: Any) -> tuple[int, Any]:
        response = handler(event, Context(20.0))
        return response["statusCode"], json.loads(response["body"])

    return call


def posted(body: str, kind: str, **more: Any) -> dict[str, Any]:
    return {**HTTP, "headers": {"Content-Type": kind}, "body": body, **more}


def questions(record: dict[str, float]) -> dict[str, Any]:
    """Every form in which one row may be asked about."""
    csv = ",".join(record) + "\n" + ",".join(map(repr, record.values()))
    text = json.dumps({"records": [record]})
    return {
        "a record": {"record": record},
        "records": {"records": [record], "endpoint_name": "housing"},
        "csv": {"csv": csv},
        "request_dict as text": {"endpoint_name": "housing", "request_dict": text},
        "request_dict": {"request_dict": {"record": record}},
        "posted csv": posted(csv, "text/csv; charset=utf-8"),
        "posted json": posted(text, "application/json"),
        "posted base64": posted(
            base64.b64encode(csv.encode()).decode(), "text/csv", isBase64Encoded=True
        ),
    }


@pytest.mark.parametrize("form", questions({"a": 1.0}))
def test_every_form_of_a_question_is_answered_by_the_model(ask, endpoint, form) -> None:
    status, body = ask(questions(endpoint.record)[form])
    assert status == 200, body
    assert body == {
        "predictions": [pytest.approx(endpoint.answer, rel=1e-12)],
        "model_version": 3,
        "endpoint": "housing",
    }


REFUSALS = [
    ({**HTTP, "requestContext": {"http": {"method": "GET"}}}, 405, "Only POST"),
    (posted("1,2", "image/jpeg"), 415, "'image/jpeg' is not taken"),
    (posted("", "text/csv"), 400, "The body is empty."),
    (posted("", "application/json"), 400, "The body is empty."),
    (posted("{", "application/json"), 400, "The body is not JSON."),
    (posted("%", "text/csv", isBase64Encoded=True), 400, "not base64"),
    (posted("//4=", "text/csv", isBase64Encoded=True), 400, "not text in UTF-8"),
    (posted("1" * (LIMIT + 1), "text/csv"), 413, f"larger than {LIMIT} bytes"),
    ({"records": ["1" * LIMIT]}, 413, f"larger than {LIMIT} bytes"),
    ([], 400, "must be an object"),
    ({"request_dict": "{"}, 400, "request_dict is not JSON"),
    ({"request_dict": 1}, 400, "request_dict must be an object"),
    ({"record": {}, "endpoint_name": "other"}, 403, "'other' is not served here"),
    ({"record": {}, "endpoint_name": 1}, 400, "endpoint_name is not a text"),
    ({"image": "x"}, 400, "The key 'image' is not known"),
    ({}, 400, "exactly one of record, records and csv"),
    ({"record": {}, "csv": "1"}, 400, "exactly one of"),
    ({"csv": " \n"}, 400, "csv must be a text with rows"),
    ({"csv": 1}, 400, "csv must be a text with rows"),
    ({"record": {"no such column": 1}}, 400, "Row 0 lacks median_income"),
    ({"csv": "1,2\n3,4"}, 400, "Row 0 has 2 cells, not 8."),
]


@pytest.mark.parametrize(("event", "status", "words"), REFUSALS)
def test_what_is_no_question_is_refused_in_one_sentence(ask, event, status, words) -> None:
    answered, body = ask(event)
    assert (answered, set(body)) == (status, {"error"})
    assert words in body["error"]["message"]


@pytest.mark.parametrize(
    "document", [{}, {"predictions": []}, {"predictions": ["x"]}, {"predictions": 1}, [], None]
)
def test_an_answer_that_cannot_be_read_is_the_models_fault(ask, endpoint, document) -> None:
    endpoint.runtime.answer = lambda asked: Reply(200, document)
    status, body = ask({"record": endpoint.record})
    assert (status, body["error"]["message"]) == (502, "The model's answer cannot be read.")


def test_each_zip_is_flat_and_every_file_of_it_is_used(tabular) -> None:
    for function, paths in workload_of(tabular).functions.items():
        names = [path.stem for path in paths]
        assert len(set(names)) == len(names), function
        imported = {"handler"}
        for path in paths:
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.ImportFrom):
                    imported.add(str(node.module))
        assert set(names) <= imported, function


def put(content: bytes) -> str:
    """An S3 prefix whose samples.json holds this."""
    s3 = boto3.client("s3", region_name="eu-west-1")
    place = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration=place)
    s3.put_object(Bucket="kept", Key="run/samples/samples.json", Body=content)
    return "s3://kept/run/samples"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with mock_aws():
        yield


def test_known_rows_are_right_within_their_tolerance_alone(unpacked, bucket) -> None:
    rows = [{"name": "000", "record": {"a": 1}, "expected": 200.0, "actual": 1.0}]
    place = put(json.dumps({"samples": rows, "tolerance": 1e-6}).encode())
    known = unpacked("smoke_test", "known")
    (sample,) = known.Samples(place).list()
    assert known.Samples(place).event(sample, "housing")["record"] == {"a": 1.0}
    assert known.difference(sample, {"predictions": [200.0001]}) == ""
    assert known.difference(sample, {"predictions": [200.001]}).startswith("The answer is 200.001")
    bodies: list[dict[str, Any]] = [{}, *({"predictions": x} for x in ([], ["200"], None))]
    for body in bodies:
        assert known.difference(sample, body).endswith("not 200.0.")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not what Evaluate writes"),
        (b'{"samples": [{"name": "0", "record": {}, "expected": 1}]}', "not what Evaluate"),
        (b'{"samples": [], "tolerance": 0.1}', "Evaluate kept no rows"),
        (b'{"samples": [{"name": "0"}], "tolerance": 0.1}', "not what Evaluate writes"),
    ],
)
def test_rows_that_cannot_be_read_leave_nothing_to_ask(unpacked, bucket, content, words) -> None:
    events = unpacked("smoke_test", "events")
    with pytest.raises(Exception, match=words):
        events.opening("housing", put(content))
    with pytest.raises(Exception, match="names no rows"):
        events.opening("housing", "")
