"""Asynchronous inference: requests that wait, where their answers lie, and who is told."""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import replace

import boto3
import botocore.config
import pytest
from moto.cloudwatch.models import cloudwatch_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from werkzeug.serving import make_server

from local.endpoints.asynchronous import Asynchronous
from local.endpoints.invocation import Answer, InstanceGone, Invocation, ModelTimedOut, Reply
from local.endpoints.queue import KIND as REQUEST
from local.endpoints.runtime import Runtime
from local.endpoints.submission import Submission
from local.errors import ApiError
from local.gateway import Gateway
from local.sagemaker import SageMaker

ACCOUNT, REGION, KEY = "123456789012", "eu-west-1", "LOCALKEY"
GOOD = Reply(200, b'{"label": "cat"}', "application/json", "", 0.01)
OUTPUT = {"S3OutputPath": "s3://bucket/out/", "S3FailurePath": "s3://bucket/failed"}


class Containers:
    """Answers as it is told; what it was asked and how much at once."""

    def __init__(self):
        self.instances = 1
        self.outcomes = []
        self.asked = []
        self.open = threading.Event()
        self.open.set()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def answer(self, invocation, seconds):
        with self._lock:
            self.asked.append((invocation, seconds))
            outcome = self.outcomes.pop(0) if self.outcomes else GOOD
            self.running += 1
            self.most = max(self.most, self.running)
        self.open.wait(20)
        with self._lock:
            self.running -= 1
        if isinstance(outcome, Exception):
            raise outcome
        return Answer(outcome, "all")


@pytest.fixture
def containers():
    return Containers()


@pytest.fixture
def make(backend, containers):
    made = []

    def begin(over=backend):
        found = Asynchronous(over, containers.answer, lambda endpoint: containers.instances)
        made.append(found)
        return found

    yield begin
    for each in made:
        each.close()
    containers.open.set()
    eventually(lambda: not containers.running)


@pytest.fixture
def asynchronous(make):
    return make()


@pytest.fixture
def endpoint(backend):
    """Makes the document of an endpoint that is in service."""

    def make(output=OUTPUT, status="InService", concurrency=None, name="photos"):
        config = {"OutputConfig": output}
        if concurrency:
            config["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": concurrency}
        document = {
            "EndpointName": name,
            "EndpointStatus": status,
            "_config": {"ProductionVariants": [{"VariantName": "all", "ModelName": "cats"}]},
        }
        shown = {"AsyncInferenceConfig": config} if output else {}
        backend.store.create("Endpoint", name, document | shown)

    return make


def eventually(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def asked(body=b"image", **more):
    names = ("content_type", "accept", "inference_id")
    told = {name: more.pop(name) for name in names if name in more}
    return Submission(Invocation("photos", body, **told), **more)


def ended(backend):
    """Wait until no request is left."""
    eventually(lambda: not backend.store.list(REQUEST))


def lying(backend, location):
    bucket, key = location.removeprefix("s3://").split("/", 1)
    found = backend.objects.find(bucket, key)
    return found.path.read_bytes() if found else None


def metrics(backend, name):
    points = cloudwatch_backends[ACCOUNT][REGION].metric_data
    return [point.value for point in points if point.name == name]


def test_the_answer_to_an_object_lies_where_it_was_promised(
    asynchronous, endpoint, containers, backend
):
    endpoint()
    backend.objects.write("bucket", "in/1.jpg", b"the image")
    accepted = asynchronous.submit(
        asked(b"", location="s3://bucket/in/1.jpg", content_type="image/jpeg", time_limit=7)
    )
    ended(backend)

    assert accepted.output.startswith("s3://bucket/out/")
    assert accepted.output.endswith(".out")
    assert accepted.failure.startswith("s3://bucket/failed/")
    assert lying(backend, accepted.output) == GOOD.body
    assert lying(backend, accepted.failure) is None
    ((invocation, seconds),) = containers.asked
    assert invocation == Invocation(
        "photos", b"the image", "image/jpeg", inference_id=accepted.inference_id
    )
    assert seconds == 7.0


def test_names_and_identifiers_may_be_the_clients_own(asynchronous, endpoint, backend):
    endpoint({"S3OutputPath": "s3://bucket/out"})
    accepted = asynchronous.submit(
        asked(inference_id="mine", extension="day/1", filename="cat.json")
    )
    assert accepted.inference_id == "mine"
    assert accepted.output == "s3://bucket/out/day/1/cat.json"
    assert accepted.failure == ""
    ended(backend)
    assert lying(backend, accepted.output) == GOOD.body


@pytest.mark.parametrize(
    ("outcome", "kept", "attempts"),
    [
        (Reply(400, b"no image", "text/plain", "", 0.01), b"no image", 1),
        (Reply(503, b"", "text/plain", "", 0.01), b"", 1),
        (ModelTimedOut(), b"did not answer within 900 seconds", 1),
        (ApiError("ValidationError", "Variant b is none."), b"Variant b is none.", 1),
    ],
)
def test_a_failure_is_kept_where_it_was_promised(
    asynchronous, endpoint, containers, backend, outcome, kept, attempts
):
    endpoint()
    containers.outcomes = [outcome]
    accepted = asynchronous.submit(asked())
    ended(backend)
    assert kept in lying(backend, accepted.failure)
    assert lying(backend, accepted.output) is None
    assert len(containers.asked) == attempts
    eventually(lambda: metrics(backend, "InvocationFailures") == [1.0])


def test_an_input_that_is_not_there_is_a_failure(asynchronous, endpoint, containers, backend):
    endpoint()
    accepted = asynchronous.submit(asked(b"", location="s3://bucket/none"))
    ended(backend)
    told = json.loads(lying(backend, accepted.failure))
    assert told == {"message": "ClientError: The input s3://bucket/none does not exist."}
    assert containers.asked == []
    assert metrics(backend, "RequestDownloadFailures") == [1.0]


def test_an_instance_that_ends_is_not_the_requests_fault_at_first(
    asynchronous, endpoint, containers, backend
):
    endpoint()
    containers.outcomes = [InstanceGone(), ApiError("ServiceUnavailable", "none", 503), GOOD]
    accepted = asynchronous.submit(asked())
    ended(backend)
    assert lying(backend, accepted.output) == GOOD.body

    containers.outcomes = [InstanceGone()] * 3
    accepted = asynchronous.submit(asked())
    ended(backend)
    assert b"ended while it had the request, 3 times" in lying(backend, accepted.failure)


def test_as_many_run_at_once_as_the_instances_take(asynchronous, endpoint, containers, backend):
    endpoint(concurrency=2)
    containers.instances = 2
    containers.open.clear()
    for _ in range(7):
        asynchronous.submit(asked())
    eventually(lambda: containers.running == 4)
    containers.open.set()
    ended(backend)
    assert len(containers.asked) == 7
    assert containers.most == 4


def test_without_instances_requests_wait(asynchronous, endpoint, containers, backend):
    endpoint()
    containers.instances = 0
    accepted = asynchronous.submit(asked())
    time.sleep(0.25)  # longer than the queue waits between its looks
    assert containers.asked == []
    containers.instances = 1
    ended(backend)
    assert lying(backend, accepted.output) == GOOD.body


def test_a_request_that_waits_for_too_long_expires(make, endpoint, containers, backend):
    moment = [1_800_000_000.0]
    asynchronous = make(replace(backend, now=lambda: moment[0]))
    endpoint()
    containers.instances = 0
    accepted = asynchronous.submit(asked(age_limit=60))
    moment[0] += 61
    ended(backend)
    assert b"waited for more than 60 seconds" in lying(backend, accepted.failure)
    assert containers.asked == []
    assert metrics(backend, "ExpiredRequests") == [1.0]


def test_what_waits_outlives_the_server(make, endpoint, containers, backend):
    endpoint()
    containers.instances = 0
    before = make()
    accepted = before.submit(asked(b"\x00\xffimage", content_type="image/jpeg"))
    before.close()
    containers.instances = 1
    make().recover()
    ended(backend)
    assert containers.asked[0][0].body == b"\x00\xffimage"
    assert containers.asked[0][0].content_type == "image/jpeg"
    assert lying(backend, accepted.output) == GOOD.body


def test_the_requests_of_a_deleted_endpoint_are_forgotten(
    asynchronous, endpoint, containers, backend
):
    endpoint()
    containers.instances = 0
    asynchronous.submit(asked())
    backend.store.set("Endpoint", "photos", EndpointStatus="Deleting")
    ended(backend)
    assert containers.asked == []


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (None, f"Endpoint photos of account {ACCOUNT} not found."),
        ({"status": "Creating"}, f"Endpoint photos of account {ACCOUNT} not found."),
        ({"output": None}, "Endpoint photos is not asynchronous: call InvokeEndpoint."),
    ],
)
def test_an_endpoint_that_takes_none_refuses(asynchronous, endpoint, made, words):
    if made is not None:
        endpoint(**made)
    with pytest.raises(ApiError) as caught:
        asynchronous.submit(asked())
    assert (caught.value.code, caught.value.message) == ("ValidationError", words)


def test_an_input_outside_of_s3_is_refused(asynchronous, endpoint, backend):
    endpoint()
    with pytest.raises(ApiError, match="InputLocation: 'https://a/b' is not an S3 URI"):
        asynchronous.submit(asked(b"", location="https://a/b"))
    assert backend.store.list(REQUEST) == []


def test_metrics_tell_of_the_queue(asynchronous, endpoint, containers, backend):
    endpoint()
    endpoint(None, name="realtime")
    asynchronous._measures.tell()
    assert metrics(backend, "ApproximateBacklogSize") == [0.0]
    assert metrics(backend, "HasBacklogWithoutCapacity") == [0.0]
    asynchronous._measures.tell()
    assert metrics(backend, "ApproximateBacklogSize") == [0.0]  # idle: told every ten rounds

    containers.instances = 0
    for _ in range(3):
        asynchronous.submit(asked())
    asynchronous._measures.tell()
    assert metrics(backend, "ApproximateBacklogSize")[-1] == 3.0
    assert metrics(backend, "ApproximateBacklogSizePerInstance")[-1] == 3.0
    assert metrics(backend, "HasBacklogWithoutCapacity")[-1] == 1.0

    containers.open.clear()
    containers.instances = 2
    asynchronous._measures.tell()
    assert metrics(backend, "ApproximateBacklogSizePerInstance")[-1] == 1.5
    assert metrics(backend, "HasBacklogWithoutCapacity")[-1] == 0.0
    containers.open.set()
    ended(backend)
    eventually(lambda: len(metrics(backend, "TotalProcessingTime")) == 3)
    assert len(metrics(backend, "TimeInBacklog")) == 3
    assert metrics(backend, "InvocationsProcessed") == [1.0] * 3


@pytest.fixture
def clients(backend, asynchronous):
    """Real clients of a gateway with moto behind it; the runtime answers nothing at once."""
    for services in (sns_backends, sqs_backends):
        for account in list(services.values()):
            account.reset()
    runtime = Runtime(ACCOUNT, REGION, lambda invocation: pytest.fail(), asynchronous.submit)
    app = DomainDispatcherApplication(create_backend_app)
    gateway = Gateway(KEY, SageMaker(), app, lambda: None, runtime=runtime)
    server = make_server("127.0.0.1", 0, gateway, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield lambda service: boto3.client(
        service,
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{server.port}",
        aws_access_key_id=KEY,
        aws_secret_access_key="secret",
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )
    server.shutdown()
    thread.join()
    server.server_close()


def topic_with_queue(clients, name):
    topic = clients("sns").create_topic(Name=name)["TopicArn"]
    url = clients("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    clients("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, url


def message(clients, url):
    found = clients("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    return json.loads(json.loads(found[0]["Body"])["Message"])


def test_topics_are_told_of_success_and_failure(clients, endpoint, containers, backend):
    (good, good_url), (bad, bad_url) = (topic_with_queue(clients, n) for n in ("good", "bad"))
    notification = {
        "SuccessTopic": good,
        "ErrorTopic": bad,
        "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
    }
    endpoint(OUTPUT | {"NotificationConfig": notification})
    clients("s3").create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    clients("s3").put_object(Bucket="bucket", Key="in/1.jpg", Body=b"image")
    request = {
        "EndpointName": "photos",
        "InputLocation": "s3://bucket/in/1.jpg",
        "ContentType": "image/jpeg",
        "Accept": "application/json",
        "InferenceId": "mine",
    }
    accepted = clients("sagemaker-runtime").invoke_endpoint_async(**request)
    told = message(clients, good_url)
    assert told.pop("eventTime") >= told.pop("receivedTime")
    parameters = {
        "contentType": "image/jpeg",
        "endpointName": "photos",
        "accept": "application/json",
        "inputLocation": "s3://bucket/in/1.jpg",
    }
    ending = {
        "awsRegion": REGION,
        "requestParameters": parameters,
        "inferenceId": "mine",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    place = accepted["OutputLocation"]
    assert told == ending | {
        "invocationStatus": "Completed",
        "responseParameters": {"contentType": "application/json", "outputLocation": place},
        "responseBody": {"content": base64.b64encode(GOOD.body).decode(), "encoding": "BASE64"},
    }

    containers.outcomes = [Reply(400, b"no", "text/plain", "", 0.01)]
    accepted = clients("sagemaker-runtime").invoke_endpoint_async(**request)
    told = message(clients, bad_url)
    assert told.pop("eventTime") >= told.pop("receivedTime")
    place = accepted["FailureLocation"]
    assert told == ending | {
        "invocationStatus": "Failed",
        "failureReason": "ClientError: Received client error (400) from primary. "
        "See the SageMaker Endpoint logs in your account for more information.",
        "responseParameters": {"contentType": "text/plain", "outputLocation": place},
    }
    ended(backend)


def test_a_topic_that_is_gone_does_not_lose_the_answer(asynchronous, endpoint, backend, caplog):
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:gone"
    endpoint(OUTPUT | {"NotificationConfig": {"SuccessTopic": topic}})
    accepted = asynchronous.submit(asked())
    ended(backend)
    assert lying(backend, accepted.output) == GOOD.body
    assert metrics(backend, "NotificationFailures") == [1.0]
