"""Whether a complete data set is heard."""

import pytest

from provision.preflight.triggers import check_triggers

BUCKET = "breedline-artifacts"


def problems(world):
    return [found.problem for found in check_triggers(world.bare)]


def put(world, uri, *names):
    world.data_uri = uri
    world.put_data(uri, *names)


def test_a_data_set_without_a_marker_means_to_start_nothing(world):
    assert problems(world) == []
    put(world, "s3://pictures/animals", "cat/1.jpg")
    assert problems(world) == []


def test_a_marker_directly_in_a_data_set_is_heard(world):
    put(world, f"s3://{BUCKET}/data/animals", "_READY")
    assert problems(world) == []


@pytest.mark.parametrize(
    "uri",
    [
        "s3://pictures/data/animals",
        f"s3://{BUCKET}/animals",
        f"s3://{BUCKET}/data",
        f"s3://{BUCKET}/data/animals/of/the/house",
    ],
)
def test_a_marker_elsewhere_starts_nothing_and_says_so(world, uri):
    put(world, uri, "_READY")
    (found,) = check_triggers(world.bare)
    assert (found.level, found.about) == ("warning", f"marker {uri}/_READY")
    assert found.problem == (
        f"it starts no retraining: only s3://{BUCKET}/data/<data set>/_READY does"
    )


def test_where_data_retrain_nothing_nothing_is_looked_for(world):
    world.change(triggers={"retrain_on_data": False})
    put(world, f"s3://{BUCKET}/animals", "_READY")
    assert problems(world) == []


def test_a_stacks_bucket_must_tell_eventbridge(world):
    put(world, f"s3://{BUCKET}/data/animals", "cat/1.jpg")
    s3 = world.clients("s3")
    s3.put_bucket_tagging(
        Bucket=BUCKET, Tagging={"TagSet": [{"Key": "foundation", "Value": "ours-foundation"}]}
    )
    (problem,) = problems(world)
    assert problem.endswith("and the stack 'ours-foundation' has it")
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    assert problems(world) == []
