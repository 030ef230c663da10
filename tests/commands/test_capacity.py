"""`capacity` against a real HTTP server that answers one request at a time."""

import dataclasses
import json
import threading
import time
from argparse import Namespace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

import settings
from commands import measurement
from commands.capacity import capacity, propose
from commands.rates import Rate
from commands.session import Session
from errors import BreedlineError

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/breedline/3"
KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
JPEG, PNG = b"\xff\xd8\xff a picture", b"\x89PNG\r\n\x1a\n another"
SCALED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/breedline/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
SERVICE_SECONDS = 0.02  # so that no more than 50 a second are possible


class Server(ThreadingHTTPServer):
    """Remembers what was asked: (path, content type, body)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Instance)
        self.asked: list[tuple[str, str, bytes]] = []


class Instance(BaseHTTPRequestHandler):
    """Answers one request at a time, as a model on one core does."""

    protocol_version = "HTTP/1.1"
    busy = threading.Lock()
    server: Server

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers["Content-Type"], body))
        with self.busy:
            time.sleep(SERVICE_SECONDS)
        answer = b'{"label": "beagle"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words):
        return


class SageMaker:
    """An endpoint that serves version 3 on `counts` instances, one count for each look."""

    exceptions = SimpleNamespace(ClientError=LookupError)

    def __init__(self, counts=(2,), status="InService", metadata=None):
        self.counts, self.status, self.metadata = list(counts), status, metadata

    def describe_endpoint(self, EndpointName):  # noqa: N803
        if not self.counts:
            raise LookupError("Could not find it.")
        count = self.counts.pop(0) if len(self.counts) > 1 else self.counts[0]
        return {
            "EndpointName": EndpointName,
            "EndpointStatus": self.status,
            "EndpointConfigName": "config",
            "ProductionVariants": [{"CurrentInstanceCount": count}],
        }

    def describe_endpoint_config(self, EndpointConfigName):  # noqa: N803
        return {"ProductionVariants": [{"ModelName": "model"}]}

    def describe_model(self, ModelName):  # noqa: N803
        return {"PrimaryContainer": {"ModelPackageName": PACKAGE}}

    def describe_model_package(self, ModelPackageName):  # noqa: N803
        assert ModelPackageName == PACKAGE
        return {"CustomerMetadataProperties": self.metadata} if self.metadata else {}


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def session(server):
    """Makes a session whose SageMaker is the given one; the rest of AWS is moto's."""

    def make_session(sagemaker, **sections):
        loaded = settings.load("local")
        changed = {
            name: dataclasses.replace(getattr(loaded, name), **values)
            for name, values in sections.items()
        }

        def make_client(service, **options):
            if service == "sagemaker":
                return sagemaker
            url = f"http://127.0.0.1:{server.server_port}" if "runtime" in service else None
            config = boto3.session.Config(**options)
            return boto3.client(
                service, region_name="eu-west-1", endpoint_url=url, config=config, **KEYS
            )

        return Session(dataclasses.replace(loaded, **changed), make_client, None, True)

    with mock_aws():
        yield make_session


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "dog.jpg"
    path.write_bytes(JPEG)
    return path


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Short rates, and few: the figures are rough, the way to them is the same."""
    monkeypatch.setattr(measurement, "LEAST_REQUESTS", 10)
    monkeypatch.setattr(measurement, "MOST_SECONDS", 0.5)


def asking(*images, latency_ms=1_000.0, seconds=0.4, save=False):
    return Namespace(images=list(images), latency_ms=latency_ms, seconds=seconds, save=save)


def test_the_proposal_is_a_safe_part_of_the_highest_rate_that_holds():
    rates = [
        Rate(20.0, 2, 30, 0, None, 1.0, 1.0, 1.0, 0.0, 0.0, None),
        Rate(40.0, 2, 30, 0, None, 1.0, 1.0, 1.0, 0.0, 0.0, "falls behind"),
    ]
    found = propose(rates)
    assert found["highest"]["per_instance_and_minute"] == 600
    assert found["proposal"] == pytest.approx(600 * found["safety"])
    assert propose(rates[1:])["proposal"] is None


def test_what_instances_hold_is_measured_and_kept_for_deployments(
    session, server, picture, capsys, monkeypatch
):
    monkeypatch.setattr(measurement, "MOST_SECONDS", 3.0)
    here = session(SageMaker(), scaling={"target_from": "measured"})
    scaling = here.client("application-autoscaling")
    scaling.register_scalable_target(**SCALED, MinCapacity=2, MaxCapacity=4)
    assert capacity(here, asking(picture, save=True)) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    # Physics, not speed: a busy machine can only make it less.
    assert 0 < result["highest"]["per_second"] <= 2 / SERVICE_SECONDS
    assert result["highest"]["instances"] == 2
    saved = here.client("ssm").get_parameter(Name=result["saved"])["Parameter"]["Value"]
    assert json.loads(saved) == result["proposal"]
    assert {path for path, _, _ in server.asked} == {"/endpoints/breedline/invocations"}
    assert {(kind, body) for _, kind, body in server.asked} == {("image/jpeg", JPEG)}
    assert "suspended" in printed.err
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert not any(target["SuspendedState"].values())


def test_the_samples_of_the_live_version_are_asked_about_by_default(session, server, capsys):
    metadata = {"smoke-samples": "s3://bucket/run/samples"}
    here = session(SageMaker(metadata=metadata))
    s3 = here.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    listed = {"samples": [{"file": "0.png", "label": "beagle"}]}
    s3.put_object(Bucket="bucket", Key="run/samples/samples.json", Body=json.dumps(listed))
    s3.put_object(Bucket="bucket", Key="run/samples/0.png", Body=PNG)
    assert capacity(here, asking()) == 0
    assert {(kind, body) for _, kind, body in server.asked} == {("image/png", PNG)}
    assert json.loads(capsys.readouterr().out)["saved"] is None


@pytest.mark.parametrize(
    ("sagemaker", "said"),
    [
        (SageMaker(counts=()), "There is no endpoint 'breedline' yet"),
        (SageMaker(status="Updating"), "'breedline' is Updating; measure it when it is InService"),
        (SageMaker(counts=(None,)), "has no instances that could be measured"),
        (SageMaker(), "was registered without samples; name images on the command line"),
    ],
)
def test_an_endpoint_that_cannot_be_measured_is_one_sentence(session, sagemaker, said):
    with pytest.raises(BreedlineError, match=said):
        capacity(session(sagemaker), asking())


@pytest.mark.parametrize("kind", ["serverless", "asynchronous"])
def test_an_endpoint_without_a_target_by_invocations_is_refused_by_its_kind(session, kind):
    with pytest.raises(BreedlineError, match=f"is {kind}"):
        capacity(session(SageMaker(), endpoint={"kind": kind}), asking())


def test_a_file_that_is_no_image_is_refused_before_anything_is_asked(session, server, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    with pytest.raises(BreedlineError, match=r"notes\.txt is neither a JPEG nor a PNG file"):
        capacity(session(SageMaker()), asking(text))
    assert server.asked == []


def test_a_latency_that_no_request_keeps_is_said_at_once(session, picture):
    with pytest.raises(BreedlineError, match="A request that comes alone takes"):
        capacity(session(SageMaker()), asking(picture, latency_ms=1.0))


def test_a_fleet_that_keeps_changing_gives_no_figures(session, picture, capsys):
    with pytest.raises(BreedlineError, match="keeps changing; measure when it rests"):
        capacity(session(SageMaker(counts=range(1, 99))), asking(picture))
    assert "void: " in capsys.readouterr().err


def test_what_is_saved_and_read_by_nobody_says_what_to_set(session, picture, capsys):
    here = dataclasses.replace(session(SageMaker()), as_json=False)
    assert capacity(here, asking(picture, save=True)) == 0
    printed = capsys.readouterr().out
    assert "Proposed scaling target:" in printed
    assert "which nobody reads yet: set scaling.target_from to 'measured'" in printed


def test_a_rate_that_is_held_for_an_hour_is_refused(session, picture):
    with pytest.raises(BreedlineError, match="--seconds 3600 is too long"):
        capacity(session(SageMaker()), asking(picture, seconds=3_600.0))
