"""Data capture: what lies in S3 after requests."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from dataclasses import replace

import pytest

from local.endpoints.capture import Capture
from local.endpoints.invocation import Invocation, Reply

AT = 1_574_292_792.25  # 2019-11-20 23:33:12.25 UTC
CONFIG = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/capture/",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {
        "CsvContentTypes": ["text/csv"],
        "JsonContentTypes": ["application/json"],
    },
}
ASKED = Invocation("photos", b"\xff\xd8image", "image/jpeg")
TOLD = Reply(200, b'{"label": "cat"}', "application/json", "", 0.1)


@pytest.fixture
def capture(backend):
    return Capture(replace(backend, now=lambda: AT))


def record(capture, config=CONFIG, asked=ASKED, told=TOLD, variant="all"):
    capture.record(config, "photos", variant, asked, told)


def captured(backend, prefix=""):
    """Every line of every object, parsed, by key."""
    found = backend.objects.list("bucket", f"capture/photos/{prefix}")
    return {o.key: [json.loads(line) for line in o.path.read_text().splitlines()] for o in found}


def lines(backend):
    return [line for each in captured(backend).values() for line in each]


def test_a_request_and_its_answer_become_a_line_in_the_documented_place(capture, backend):
    record(capture, asked=replace(ASKED, inference_id="i-1", custom_attributes="user=7"))
    record(capture, told=replace(TOLD, body=b'{"label": "dog"}'))
    capture.flush()

    ((key, (first, second)),) = captured(backend).items()
    assert re.fullmatch(r"capture/photos/all/2019/11/20/23/33-12-250-[0-9a-f-]{36}\.jsonl", key)
    uuid.UUID(first["eventMetadata"].pop("eventId"))
    assert first == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "image/jpeg",
                "mode": "INPUT",
                "data": base64.b64encode(b"\xff\xd8image").decode(),
                "encoding": "BASE64",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": '{"label": "cat"}',
                "encoding": "JSON",
            },
        },
        "eventMetadata": {
            "inferenceId": "i-1",
            "customAttributes": ["user=7"],
            "inferenceTime": "2019-11-20T23:33:12Z",
        },
        "eventVersion": "0",
    }
    assert second["captureData"]["endpointOutput"]["data"] == '{"label": "dog"}'
    assert second["eventMetadata"].keys() == {"eventId", "inferenceTime"}


@pytest.mark.parametrize(
    ("modes", "parts"),
    [
        (["Input"], {"endpointInput"}),
        (["Output"], {"endpointOutput"}),
        (["InputAndOutput"], {"endpointInput", "endpointOutput"}),
    ],
)
def test_only_what_is_asked_for_is_captured(capture, backend, modes, parts):
    record(capture, CONFIG | {"CaptureOptions": [{"CaptureMode": mode} for mode in modes]})
    capture.flush()
    assert lines(backend)[0]["captureData"].keys() == parts


@pytest.mark.parametrize(
    ("content_type", "body", "encoding"),
    [
        ("text/csv; charset=utf-8", b"1,2", "CSV"),
        ("Application/JSON", b"{}", "JSON"),
        ("text/csv", b"\xff", "BASE64"),
        ("text/plain", b"1,2", "BASE64"),
    ],
)
def test_text_is_kept_as_text_where_its_type_is_named(
    capture, backend, content_type, body, encoding
):
    record(capture, asked=replace(ASKED, body=body, content_type=content_type))
    capture.flush()
    found = lines(backend)[0]["captureData"]["endpointInput"]
    assert (found["encoding"], found["observedContentType"]) == (encoding, content_type)
    assert found["data"] == (
        base64.b64encode(body).decode() if encoding == "BASE64" else body.decode()
    )


def test_without_named_types_all_is_base64(capture, backend):
    record(capture, {k: v for k, v in CONFIG.items() if k != "CaptureContentTypeHeader"})
    capture.flush()
    assert lines(backend)[0]["captureData"]["endpointOutput"]["encoding"] == "BASE64"


@pytest.mark.parametrize("status", [302, 400, 500])
def test_what_failed_is_not_captured(capture, backend, status):
    record(capture, told=replace(TOLD, status=status))
    record(capture, CONFIG | {"EnableCapture": False})
    capture.flush()
    assert captured(backend) == {}


def test_a_share_of_the_requests_is_captured(backend):
    draws = iter([0.0, 0.29, 0.3, 0.99])
    capture = Capture(backend, draw=lambda: next(draws))
    for number in range(4):
        told = replace(TOLD, body=str(number).encode())
        record(capture, CONFIG | {"InitialSamplingPercentage": 30}, told=told)
    capture.flush()
    found = [line["captureData"]["endpointOutput"]["data"] for line in lines(backend)]
    assert found == ["0", "1"]


def test_variants_have_places_of_their_own(capture, backend):
    record(capture)
    record(capture, variant="other")
    capture.flush()
    assert len(captured(backend, "all/")) == len(captured(backend, "other/")) == 1


def test_a_thread_writes_what_was_recorded(capture, backend):
    record(capture)
    deadline = time.monotonic() + 20
    while not captured(backend):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(lines(backend)) == 1


def test_batches_wait_longer_while_requests_keep_coming(capture):
    place = ("s3://bucket/capture", "photos", "all")
    assert capture._patience(place, 0.0) == 1.0
    capture._written[place] = (100.0, 1.0)
    assert capture._patience(place, 101.0) == 2.0
    capture._written[place] = (100.0, 20.0)
    assert capture._patience(place, 101.0) == 30.0
    assert capture._patience(place, 141.0) == 1.0


def test_what_cannot_wait_is_left_out_and_the_request_goes_on(backend, caplog):
    capture = Capture(backend, most=100)
    large = replace(ASKED, body=b"x" * 60)
    record(capture, asked=large)
    record(capture, asked=large)
    capture.flush()
    assert len(lines(backend)) == 1
    assert "some is left out" in caplog.text
    record(capture, asked=large)
    capture.flush()
    assert len(lines(backend)) == 2


def test_a_bucket_that_cannot_be_written_fails_nothing(capture, backend, caplog):
    record(capture, CONFIG | {"DestinationS3Uri": "s3://_/capture"})
    record(capture)
    capture.flush()
    assert len(lines(backend)) == 1
    assert "were not captured" in caplog.text
