"""What cannot be served yet is refused by name, never answered as if it could."""

import boto3
import pytest
from botocore.exceptions import ClientError

from local.connection import ensure_server, stop_server


@pytest.fixture
def connection(tmp_path):
    connection, _ = ensure_server(tmp_path / "state", "eu-west-1")
    yield connection
    stop_server(tmp_path / "state")


def test_endpoints_are_refused_with_one_sentence(connection):
    sagemaker = boto3.client("sagemaker", **connection.client_options())
    runtime = boto3.client("sagemaker-runtime", **connection.client_options())
    with pytest.raises(ClientError, match="does not serve endpoints yet"):
        sagemaker.create_endpoint(EndpointName="photos", EndpointConfigName="photos")
    with pytest.raises(ClientError, match="does not serve endpoints yet") as caught:
        runtime.invoke_endpoint(EndpointName="photos", Body=b"", ContentType="image/jpeg")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
