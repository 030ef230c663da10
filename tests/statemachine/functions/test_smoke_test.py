"""The smoke tests, asked of the real function in front of an endpoint that is scripted."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.statemachine.functions.conftest import Cloud
from tests.statemachine.functions.runtime import (
    CONTAINER,
    Asked,
    Context,
    Reply,
    Runtime,
    model_error,
)

REFUSALS = [
    "wrong content type",
    "empty body",
    "text for an image",
    "oversized image",
    "foreign endpoint",
    "link-local URL",
]
PNG = b"\x89PNG\r\n\x1a\n"
IMAGES = {
    "000-beagle.png": ("beagle", PNG + b" beagle"),
    "001-pug.png": ("pug", PNG + b" pug"),
}
QUICK = {"LATENCY_BUDGET_MS": "60000", "MIN_CORRECT_FRACTION": "1.0", "MAX_REQUEST_BYTES": "9000"}


def container(asked: Asked, version: int = 7, **labels: str) -> Reply:
    """A model that knows the images and takes pictures only; `labels` are other names for these."""
    if not asked.body.startswith(PNG):
        return model_error(400, "The bytes are not an image.\nTraceback")
    known = {image: label for label, image in IMAGES.values()}
    label = known.get(asked.body, "pug")
    answer = {**CONTAINER, "label": labels.get(label, label), "model_version": version}
    return Reply(200, answer)


@pytest.fixture(scope="module")
def predict(cloud: Cloud, listening: Runtime) -> Iterator[str]:
    """The ARN of the real function's alias."""
    variables = {
        "ENDPOINT_NAMES": "breeds",
        "MAX_REQUEST_BYTES": QUICK["MAX_REQUEST_BYTES"],
        "S3_BUCKETS": "kept",
        "URL_ALLOW_LIST": "images.example.com",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": listening.url,
    }
    yield cloud.make_function("breeds-predict", "predict", variables)


@pytest.fixture(scope="module")
def samples(cloud: Cloud) -> str:
    """Where the known images lie."""
    place = {"LocationConstraint": "eu-west-1"}
    cloud.client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration=place)
    return keep(cloud, "one", IMAGES)


def keep(cloud: Cloud, execution: str, images: dict[str, tuple[str, bytes]], **more: Any) -> str:
    s3, prefix = cloud.client("s3"), f"executions/{execution}/samples"
    listed = [
        {"file": file, "label": label, "sha256": hashlib.sha256(image).hexdigest()}
        for file, (label, image) in images.items()
    ]
    for file, (_, image) in images.items():
        s3.put_object(Bucket="kept", Key=f"{prefix}/{file}", Body=image)
    content = json.dumps({"samples": listed, **more})
    s3.put_object(Bucket="kept", Key=f"{prefix}/samples.json", Body=content)
    return f"s3://kept/{prefix}"


@pytest.fixture
def smoke(unpacked: Any, cloud: Cloud, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the smoke tests in this process: the answer, and its results by name."""
    runtime.answer = container
    place = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": cloud.url}
    for name, value in {**QUICK, **place, **cloud.credentials}.items():
        monkeypatch.setenv(name, value)
    handler = unpacked("smoke_test").handler

    def run(function: str, samples: str = "", seconds: float = 120.0, **variables: str) -> Any:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        event = {"function": function, "endpoint": "breeds", "model_version": "7"}
        answer = handler({**event, "samples": samples}, Context(seconds))
        assert set(answer) == {"passed", "failed", "results"}
        results = {result["name"]: result for result in answer["results"]}
        assert len(results) == answer["passed"] + answer["failed"]
        assert answer["failed"] == sum(not result["passed"] for result in answer["results"])
        for result in answer["results"]:
            assert set(result) == {"name", "passed", "detail", "milliseconds"}
            assert "\n" not in result["detail"] and len(result["detail"]) <= 160
        return answer, results

    return run


def failed(results: dict[str, Any]) -> list[str]:
    return [name for name, result in results.items() if not result["passed"]]


def test_a_good_deployment_passes_every_test(smoke, predict, samples, capsys) -> None:
    answer, results = smoke(predict, samples)
    assert failed(results) == []
    assert list(results) == ["drawn image", *REFUSALS, *IMAGES, "labels"]
    assert answer["passed"] == 10
    assert results["labels"]["detail"] == "2 of 2 labels are right; 100% must be."
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == list(results)


def test_the_first_answer_is_not_counted(smoke, predict, runtime, samples) -> None:
    runtime.answer = lambda asked: (
        model_error(500, "cold") if len(runtime.asked) == 1 else container(asked)
    )
    assert failed(smoke(predict, samples)[1]) == []
    first, second, *_ = runtime.asked
    assert first == second and first.body.startswith(PNG)


@pytest.mark.parametrize(("fraction", "passes"), [("1.0", False), ("0.5", True), ("0.51", False)])
def test_wrong_labels_fail_below_the_wanted_fraction(
    smoke, predict, runtime, samples, fraction, passes
) -> None:
    runtime.answer = lambda asked: container(asked, beagle="poodle")
    _, results = smoke(predict, samples, MIN_CORRECT_FRACTION=fraction)
    assert failed(results) == ([] if passes else ["labels"])
    assert "1 of 2 labels are right" in results["labels"]["detail"]
    assert "000-beagle.png" in results["labels"]["detail"]
    assert results["000-beagle.png"]["detail"] == "The label is poodle, not beagle."


def test_an_answer_of_another_version_fails(smoke, predict, runtime, samples) -> None:
    runtime.answer = lambda asked: container(asked, version=6)
    _, results = smoke(predict, samples)
    assert failed(results) == ["drawn image", *IMAGES]
    assert results["drawn image"]["detail"] == "Version 6 answered, not version 7."


def test_one_answer_of_the_old_version_is_enough_to_fail(smoke, predict, runtime, samples) -> None:
    runtime.answer = lambda asked: container(asked, version=6 if b" pug" in asked.body else 7)
    assert failed(smoke(predict, samples)[1]) == ["001-pug.png"]


def test_a_model_that_does_not_tell_its_version_fails(smoke, predict, runtime) -> None:
    untold = {key: value for key, value in CONTAINER.items() if key != "model_version"}
    runtime.answer = lambda asked: Reply(200, untold)
    _, results = smoke(predict)
    assert "does not say which version" in results["drawn image"]["detail"]


def test_answers_over_the_latency_budget_fail(smoke, predict, runtime, samples) -> None:
    runtime.answer = lambda asked: Reply(**{**vars(container(asked)), "delay": 0.05})
    _, results = smoke(predict, samples, LATENCY_BUDGET_MS="40")
    assert failed(results) == ["drawn image", *IMAGES]
    assert results["drawn image"]["detail"].endswith("ms; 40 ms are allowed.")
    assert results["drawn image"]["milliseconds"] > 40


def test_a_failing_model_fails_with_the_status_and_the_sentence(smoke, predict, runtime) -> None:
    runtime.answer = lambda asked: model_error(500, "Traceback")
    _, results = smoke(predict)
    assert failed(results) == ["drawn image", "text for an image"]
    detail = "It was refused with 502: The model failed on this request."
    assert results["drawn image"]["detail"] == detail
    assert results["text for an image"]["detail"] == "It was answered with 502, not 400."


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("s3://kept/none", "none/samples.json cannot be read: NoSuchKey."),
        ("s3://nowhere/none", "cannot be read: NoSuchBucket."),
        ("kept/one", "not s3://bucket/prefix"),
        ("s3://kept", "not s3://bucket/prefix"),
    ],
)
def test_samples_that_cannot_be_read_are_a_failed_test(smoke, predict, place, words) -> None:
    _, results = smoke(predict, place)
    assert failed(results) == ["samples"]
    assert words in results["samples"]["detail"]


def test_a_list_that_is_none_is_a_failed_test(smoke, predict, samples, cloud) -> None:
    for number, content in enumerate((b"{", b"[]", b'{"samples": [{"file": "x"}]}')):
        place = f"executions/odd{number}/samples"
        cloud.client("s3").put_object(Bucket="kept", Key=f"{place}/samples.json", Body=content)
        _, results = smoke(predict, f"s3://kept/{place}")
        assert failed(results) == ["samples"]


def test_an_image_that_was_changed_or_is_gone_is_a_failed_test(
    smoke, predict, samples, cloud
) -> None:
    place, s3 = keep(cloud, "changed", IMAGES), cloud.client("s3")
    first, second = (f"executions/changed/samples/{file}" for file in IMAGES)
    s3.put_object(Bucket="kept", Key=first, Body=b"other")
    s3.delete_object(Bucket="kept", Key=second)
    _, results = smoke(predict, place)
    assert failed(results) == [*IMAGES, "labels"]
    assert "is not the image that Evaluate kept" in results["000-beagle.png"]["detail"]
    assert "NoSuchKey" in results["001-pug.png"]["detail"]


@pytest.mark.parametrize("kept", [False, True])
def test_without_samples_the_rest_is_tested_and_that_is_said(
    smoke, predict, samples, cloud, kept
) -> None:
    _, results = smoke(predict, keep(cloud, "empty", {}) if kept else "")
    assert failed(results) == []
    assert list(results) == ["drawn image", *REFUSALS, "samples"]
    assert "labels were not checked" in results["samples"]["detail"]


def zipped(source: str) -> dict[str, bytes]:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("handler.py", source)
    return {"ZipFile": body.getvalue()}


OTHERS = {
    "raises": (
        "def handler(event, context):\n    raise ValueError('no\\nmore')\n",
        "The function failed: no",
    ),
    "ends": (
        "import os\ndef handler(event, context):\n    os._exit(3)\n",
        "The function failed: RequestId: ",
    ),
    "agrees": (
        "def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n",
        "The answer has no label.",
    ),
    "says-nothing": (
        "def handler(event, context):\n    return None\n",
        "The answer is no HTTP response with a JSON body.",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_function_that_fails_or_agrees_to_everything_fails_every_test(smoke, cloud, name) -> None:
    source, words = OTHERS[name]
    alias = cloud.make_function(name, "predict", {}, Code=zipped(source))
    _, results = smoke(alias)
    assert failed(results) == ["drawn image", *REFUSALS]
    assert results["drawn image"]["detail"].startswith(words)


def test_a_function_that_is_not_there_fails_every_test(smoke, predict) -> None:
    _, results = smoke(predict.replace(":live", ":other"))
    assert failed(results) == ["drawn image", *REFUSALS]
    assert results["drawn image"]["detail"].startswith("ResourceNotFoundException: ")


def test_a_busy_function_is_asked_again(unpacked, smoke, predict, runtime, monkeypatch) -> None:
    caller = unpacked("smoke_test").Caller(predict, lambda: 100.0, lambda seconds: None)
    runtime.answer = lambda asked: (
        model_error(429, "Full.") if len(runtime.asked) < 3 else container(asked)
    )
    image = {"image": "iVBORw0KGgo=", "endpoint_name": "breeds"}
    assert caller.ask(image).status == 200
    assert len(runtime.asked) == 3
    runtime.answer = lambda asked: model_error(429, "Full.")
    assert caller.ask(image).status == 429
    assert len(runtime.asked) == 6


def test_a_throttled_function_is_asked_again(unpacked, smoke, cloud) -> None:
    source = "def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n"
    alias = cloud.make_function("throttled", "predict", {}, Code=zipped(source))
    aws = cloud.client("lambda")
    aws.put_function_concurrency(FunctionName="throttled", ReservedConcurrentExecutions=0)
    pauses: list[float] = []
    caller = unpacked("smoke_test").Caller(alias, lambda: 100.0, pauses.append)
    assert caller.ask({}).fault.startswith("TooManyRequestsException")
    assert len(pauses) == 2


def test_the_results_are_told_before_the_time_is_over(smoke, predict, runtime) -> None:
    runtime.answer = lambda asked: Reply(delay=20)
    _, results = smoke(predict, seconds=2.0)
    assert list(results)[-1] == "time"
    assert len(results) < len(REFUSALS)


def test_many_images_and_long_labels_give_few_and_short_results(
    smoke, predict, samples, cloud, runtime, monkeypatch
) -> None:
    label = "a very long name of a breed " * 20
    images = {f"{number}.png": (label, PNG + bytes([number])) for number in range(9)}
    runtime.answer = lambda asked: container(asked, pug=label + "not")
    monkeypatch.setattr("known.MOST", 5)
    _, results = smoke(predict, keep(cloud, "many", images))
    assert list(results) == ["drawn image", *REFUSALS, *list(images)[:5], "labels"]
    assert failed(results) == ["labels"]
    assert results["4.png"]["detail"].endswith("…")


def test_both_functions_run_in_lambda_and_the_confidence_is_measured(
    cloud, predict, samples, runtime
) -> None:
    runtime.answer = container
    cloud.make_function("breeds-smoke-test", "smoke_test", QUICK, Timeout=120)
    event = {"function": predict, "endpoint": "breeds", "model_version": "7", "samples": samples}
    aws = cloud.client("lambda")
    invoked = aws.invoke(FunctionName="breeds-smoke-test", Payload=json.dumps(event))
    answer = json.loads(invoked["Payload"].read())
    assert "FunctionError" not in invoked, answer
    assert (answer["passed"], answer["failed"]) == (10, 0), answer
    groups = {
        log: cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{log}")["events"]
        for log in ("breeds-predict", "breeds-smoke-test")
    }
    text = {name: " ".join(e["message"] for e in events) for name, events in groups.items()}
    assert '"Confidence": 0.75' in text["breeds-predict"]
    assert '"name": "drawn image", "passed": true' in text["breeds-smoke-test"]
    assert "iVBORw0KGgo" not in text["breeds-predict"]  # an image, as base64
