"""The door opens for the server's own key only, and knows which room a request is for."""

import io
import json

import pytest

from local.errors import not_found
from local.gateway import Gateway
from local.sagemaker import SageMaker


class Groups:
    """A small service: one action that works, one that refuses, one that breaks."""

    def __init__(self):
        self.actions = {
            "ListModelPackageGroups": lambda request: {"ModelPackageGroupSummaryList": []},
            "DescribeModelPackageGroup": self._refuse,
            "DeleteModelPackageGroup": self._break,
        }

    def _refuse(self, request):
        raise not_found(f"{request['ModelPackageGroupName']} does not exist.")

    def _break(self, request):
        raise RuntimeError("a fault of ours")


def moto_app(environ, start_response):
    start_response("200 OK", [])
    return [b"moto"]


@pytest.fixture
def s3_changes():
    """One entry for each time the gateway said that S3 changed."""
    return []


@pytest.fixture
def gateway(s3_changes):
    sagemaker = SageMaker()
    sagemaker.add([Groups()])
    return Gateway("LOCALKEY", sagemaker, moto_app, lambda: s3_changes.append("changed"))


def request(
    gateway, action=None, body=None, key="LOCALKEY", service="sagemaker", method="POST", path="/"
):
    payload = json.dumps(body or {}).encode()
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/"
        f"{service}/aws4_request, SignedHeaders=host, Signature=0",
        "CONTENT_LENGTH": str(len(payload)),
        "wsgi.input": io.BytesIO(payload),
    }
    if action:
        environ["HTTP_X_AMZ_TARGET"] = f"SageMaker.{action}"
    status = []
    answer = b"".join(gateway(environ, lambda line, headers: status.append(line)))
    return int(status[0].split()[0]), answer.decode()


def test_our_sagemaker_answers_its_own_actions(gateway):
    status, body = request(gateway, "ListModelPackageGroups")
    assert (status, json.loads(body)) == (200, {"ModelPackageGroupSummaryList": []})


def test_actions_we_do_not_answer_go_to_moto(gateway):
    assert request(gateway, "ListNotebookInstances") == (200, "moto")
    assert request(gateway, service="sts") == (200, "moto")


def test_requests_to_endpoints_go_to_the_runtime():
    def runtime(environ, start_response):
        start_response("200 OK", [])
        return [environ["PATH_INFO"].encode()]

    gateway = Gateway("LOCALKEY", SageMaker(), moto_app, lambda: None, runtime=runtime)
    path = "/endpoints/photos/invocations"
    assert request(gateway, path=path) == (200, path)
    assert request(gateway, path=path, service="s3") == (200, "moto")
    assert request(gateway, path=path, key="AKIAOTHER")[0] == 403


@pytest.mark.parametrize("service", ["sagemaker", "s3", "sts"])
def test_another_key_is_refused_at_every_service(gateway, service):
    status, body = request(gateway, "ListModelPackageGroups", key="AKIAOTHER", service=service)
    assert status == 403
    assert "moto" not in body
    assert "access key" in body


def test_an_unsigned_request_is_refused(gateway):
    status = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/bucket/key"}
    gateway(environ, lambda line, headers: status.append(line))
    assert status[0].startswith("403")


def test_a_presigned_url_carries_the_key_too(gateway):
    status = []
    query = "X-Amz-Credential=LOCALKEY%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    environ = {"REQUEST_METHOD": "GET", "QUERY_STRING": query}
    gateway(environ, lambda line, headers: status.append(line))
    assert status[0].startswith("200")


def test_a_refusal_has_its_code_and_sentence(gateway):
    status, body = request(gateway, "DescribeModelPackageGroup", {"ModelPackageGroupName": "cats"})
    assert status == 400
    assert json.loads(body) == {"__type": "ResourceNotFound", "message": "cats does not exist."}


def test_a_malformed_request_is_refused_before_the_service_sees_it(gateway):
    status, body = request(gateway, "DescribeModelPackageGroup", {"Name": "cats"})
    assert status == 400
    assert json.loads(body)["__type"] == "ValidationException"


def test_a_fault_of_ours_is_an_answer_and_not_a_broken_connection(gateway):
    status, body = request(gateway, "DeleteModelPackageGroup", {"ModelPackageGroupName": "cats"})
    assert status == 500
    assert "a fault of ours" in json.loads(body)["message"]


def test_only_changes_to_s3_mark_its_index(gateway, s3_changes):
    request(gateway, service="s3", method="GET")
    assert s3_changes == []
    request(gateway, service="s3", method="PUT")
    assert s3_changes == ["changed"]


def test_two_services_cannot_answer_the_same_action():
    sagemaker = SageMaker()
    with pytest.raises(ValueError, match="DeleteModelPackageGroup"):
        sagemaker.add([Groups(), Groups()])
