"""Which operation a request is, seen as boto3 sends it."""

import io
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from local.iam.operations import Operation, read_operation

ROLE = "arn:aws:iam::111122223333:role/r"


@pytest.fixture
def seen():
    """Calls a client's method; returns what the request that leaves it is taken for."""

    def call(service, method, **parameters):
        client = boto3.client(
            service,
            region_name="eu-west-1",
            endpoint_url="http://127.0.0.1:1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )
        found = []

        def stop(request, **more):
            signing = client.meta.service_model.signing_name
            found.append(read_operation(_environ(request), signing))
            return AWSResponse(request.url, 599, {}, _Nothing())

        client.meta.events.register("before-send", stop)
        client.meta.events.register("needs-retry", lambda **more: None)
        with pytest.raises(client.exceptions.ClientError):
            getattr(client, method)(**parameters)
        return found[0]

    return call


class _Nothing:
    def stream(self, **more):
        return iter([b""])


def _environ(request):
    parts = urlsplit(request.url)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    content = body.encode() if isinstance(body, str) else body
    headers = {f"HTTP_{k.upper().replace('-', '_')}": _text(v) for k, v in request.headers.items()}
    return {
        **headers,
        "REQUEST_METHOD": request.method,
        "PATH_INFO": unquote(parts.path),
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
    }


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def test_json_by_its_target(seen):
    assert seen("sagemaker", "describe_endpoint", EndpointName="e") == Operation(
        "sagemaker", "DescribeEndpoint", {"EndpointName": "e"}
    )
    found = seen("cloudwatch", "describe_alarms", AlarmNames=["a", "b"])
    assert (found.service, found.name) == ("cloudwatch", "DescribeAlarms")
    assert found.parameters["AlarmNames"] == ["a", "b"]


def test_forms_by_their_action(seen):
    found = seen("sns", "publish", TopicArn="arn:aws:sns:eu-west-1:1:t", Message="m")
    assert (found.service, found.name) == ("sns", "Publish")
    assert found.parameters["TopicArn"] == "arn:aws:sns:eu-west-1:1:t"


@pytest.mark.parametrize(
    "method, given, name, parameters",
    [
        ("invoke", {"FunctionName": "f", "Qualifier": "live", "Payload": b"{}"}, "Invoke", {}),
        ("get_alias", {"FunctionName": "f", "Name": "live"}, "GetAlias", {"Name": "live"}),
        ("delete_function", {"FunctionName": "f", "Qualifier": "3"}, "DeleteFunction", {}),
        ("publish_version", {"FunctionName": "f"}, "PublishVersion", {}),
        (
            "update_function_configuration",
            {"FunctionName": "f", "Role": ROLE},
            "UpdateFunctionConfiguration",
            {"Role": ROLE},
        ),
    ],
)
def test_functions_by_method_and_path(seen, method, given, name, parameters):
    found = seen("lambda", method, **given)
    wanted = {key: value for key, value in given.items() if key != "Payload"}
    assert (found.service, found.name) == ("lambda", name)
    assert found.parameters == wanted


def test_an_endpoint_is_asked_by_its_path(seen):
    found = seen("sagemaker-runtime", "invoke_endpoint", EndpointName="e", Body=b"x")
    assert (found.service, found.name) == ("sagemaker", "InvokeEndpoint")
    assert found.parameters["EndpointName"] == "e"


def test_records_of_features_by_method_and_path(seen):
    found = seen(
        "sagemaker-featurestore-runtime",
        "put_record",
        FeatureGroupName="g",
        Record=[{"FeatureName": "f", "ValueAsString": "1"}],
    )
    assert (found.service, found.name) == ("sagemaker", "PutRecord")
    assert found.parameters["FeatureGroupName"] == "g"
    several = [{"FeatureGroupName": "g", "RecordIdentifiersValueAsString": ["1"]}]
    asked = seen("sagemaker-featurestore-runtime", "batch_get_record", Identifiers=several)
    assert (asked.name, asked.parameters["Identifiers"]) == ("BatchGetRecord", several)


@pytest.mark.parametrize(
    "method, given, name",
    [
        ("get_object", {"Key": "a/b c"}, "GetObject"),
        ("head_object", {"Key": "a/b c"}, "HeadObject"),
        ("put_object", {"Key": "a", "Body": b"x"}, "PutObject"),
        ("delete_object", {"Key": "a"}, "DeleteObject"),
        ("create_multipart_upload", {"Key": "a"}, "CreateMultipartUpload"),
        ("upload_part", {"Key": "a", "UploadId": "u", "PartNumber": 1, "Body": b"x"}, "UploadPart"),
        ("abort_multipart_upload", {"Key": "a", "UploadId": "u"}, "AbortMultipartUpload"),
        ("list_objects_v2", {"Prefix": "p/"}, "ListObjectsV2"),
        ("list_objects", {"Prefix": "p/"}, "ListObjectsV2"),
        ("head_bucket", {}, "HeadBucket"),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "x"}]}}, "DeleteObjects"),
        ("copy_object", {"Key": "a", "CopySource": "c/d"}, "CopyObject"),
    ],
)
def test_s3_by_method_and_query(seen, method, given, name):
    found = seen("s3", method, Bucket="photos", **given)
    assert (found.service, found.name) == ("s3", name)
    assert found.parameters["Bucket"] == "photos"
    if "Key" in given:
        assert found.parameters["Key"] == given["Key"]


def test_what_s3_is_told_beside_the_key_is_kept(seen):
    listed = seen("s3", "list_objects_v2", Bucket="b", Prefix="p/", Delimiter="/")
    assert listed.parameters == {"Bucket": "b", "Prefix": "p/", "Delimiter": "/"}
    deleted = seen("s3", "delete_objects", Bucket="b", Delete={"Objects": [{"Key": "x&y"}]})
    assert deleted.parameters["Keys"] == ["x&y"]
    copied = seen("s3", "copy_object", Bucket="b", Key="k", CopySource="c/d")
    assert copied.parameters["CopySource"] == "c/d"


def test_settings_of_a_bucket_are_told_apart_and_one_that_nobody_knows_has_no_name(seen):
    assert seen("s3", "get_bucket_policy", Bucket="photos").name == "GetBucketPolicy"
    assert seen("s3", "delete_bucket_lifecycle", Bucket="photos").name == "DeleteBucketLifecycle"
    assert seen("s3", "list_object_versions", Bucket="photos").name == "ListObjectVersions"
    assert seen("s3", "delete_bucket", Bucket="photos").name == "DeleteBucket"
    assert seen("s3", "get_bucket_logging", Bucket="photos").name == ""
