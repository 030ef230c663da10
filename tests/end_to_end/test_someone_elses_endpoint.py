"""An endpoint that is not ours, deployed with the plain SageMaker SDK, answers and goes."""

import contextlib
import io
import json
import tarfile
import time

import pytest

from tests.end_to_end.test_someone_elses_pipeline import BUCKET, ROLE, SCRIPTS

NAME = "someone-elses"


@pytest.fixture
def model_data(sdk):
    """A model archive without code: the SDK brings the script."""
    s3, content = sdk.client("s3"), json.dumps({"slope": 3, "offset": 7}).encode()
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": sdk.region_name}
        )
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        member = tarfile.TarInfo("model.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    s3.put_object(Bucket=BUCKET, Key="models/line.tar.gz", Body=written.getvalue())
    return f"s3://{BUCKET}/models/line.tar.gz"


def test_a_model_is_deployed_asked_updated_and_deleted_by_the_sdk(sdk, model_data, monkeypatch):
    import sagemaker
    from sagemaker.deserializers import JSONDeserializer
    from sagemaker.pytorch import PyTorchModel
    from sagemaker.serializers import JSONSerializer

    sleep = time.sleep  # the SDK looks twice a minute; a test need not wait for that
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.2)))
    model = PyTorchModel(
        model_data=model_data,
        role=ROLE,
        entry_point="serve.py",
        source_dir=str(SCRIPTS),
        framework_version="2.6",
        py_version="py312",
        sagemaker_session=sagemaker.Session(sdk, default_bucket=BUCKET),
    )
    predictor = model.deploy(
        initial_instance_count=1,
        instance_type="ml.m5.large",
        endpoint_name=NAME,
        serializer=JSONSerializer(),
        deserializer=JSONDeserializer(),
    )
    assert predictor.predict([1, 2]) == [10, 13]
    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large")
    client = sdk.client("sagemaker")
    (variant,) = client.describe_endpoint(EndpointName=NAME)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 2
    assert predictor.predict([3]) == [16]
    predictor.delete_model()
    predictor.delete_endpoint()
    client.get_waiter("endpoint_deleted").wait(EndpointName=NAME)
