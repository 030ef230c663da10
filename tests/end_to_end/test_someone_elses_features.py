"""A feature group made, filled and queried with the plain SageMaker SDK, unchanged."""

import time
import uuid

import pytest

BUCKET = "someone-elses-features"
ROLE = "arn:aws:iam::123456789012:role/someone"


@pytest.fixture
def session(sdk):
    from sagemaker import Session

    sdk.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": sdk.region_name}
    )
    return Session(
        boto_session=sdk,
        sagemaker_client=sdk.client("sagemaker"),
        sagemaker_featurestore_runtime_client=sdk.client("sagemaker-featurestore-runtime"),
        default_bucket=BUCKET,
    )


@pytest.fixture
def houses():
    import pandas

    return pandas.DataFrame(
        {
            "house": pandas.Series(["a", "b", "c"], dtype="string"),
            "price": [100.5, 200.0, 300.25],
            "rooms": [1, 2, 3],
            "time": [1_700_000_000.0] * 3,
        }
    )


def test_a_data_frame_becomes_records_and_a_query_a_data_frame(session, houses):
    from sagemaker.feature_store.feature_group import FeatureGroup

    group = FeatureGroup(f"houses-{uuid.uuid4().hex[:8]}", sagemaker_session=session)
    group.load_feature_definitions(data_frame=houses)
    group.create(
        s3_uri=f"s3://{BUCKET}/store",
        record_identifier_name="house",
        event_time_feature_name="time",
        role_arn=ROLE,
        enable_online_store=True,
    )
    deadline = time.monotonic() + 20
    while group.describe()["FeatureGroupStatus"] == "Creating":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    group.ingest(data_frame=houses, max_workers=2, wait=True)
    found = {each["FeatureName"]: each["ValueAsString"] for each in group.get_record("b")}
    assert (float(found["price"]), found["rooms"]) == (200.0, "2")

    query = group.athena_query()
    query.run(
        query_string=f'SELECT house, price FROM "{query.table_name}" WHERE rooms > 1 ORDER BY 1',  # noqa: S608
        output_location=f"s3://{BUCKET}/answers",
    )
    while query.get_query_execution()["QueryExecution"]["Status"]["State"] != "SUCCEEDED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    answer = query.as_dataframe()
    assert answer.to_dict("list") == {"house": ["b", "c"], "price": [200.0, 300.25]}
    group.delete()
