"""The bucket tells EventBridge of its objects, and keeps what others set."""

from commands.selection import RESULTS
from statemachine.endpoint_config import capture_uri


def test_the_bucket_tells_eventbridge_of_its_objects(upsert, replan, clients, local):
    upsert()
    found = clients("s3").get_bucket_notification_configuration(Bucket=local.bucket)
    assert found["EventBridgeConfiguration"] == {}
    assert replan() == []


def test_other_peoples_notifications_are_kept(upsert, clients, local):
    upsert()
    topic = clients("sns").create_topic(Name="theirs")["TopicArn"]
    theirs = {"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}
    clients("s3").put_bucket_notification_configuration(
        Bucket=local.bucket, NotificationConfiguration={"TopicConfigurations": [theirs]}
    )
    (result,) = upsert()
    assert result.change.diff == ("events: false -> true",)
    found = clients("s3").get_bucket_notification_configuration(Bucket=local.bucket)
    assert [item["TopicArn"] for item in found["TopicConfigurations"]] == [topic]
    assert "EventBridgeConfiguration" in found


def test_what_endpoints_captured_and_queries_found_expires(upsert, replan, clients, local):
    upsert()
    rules = clients("s3").get_bucket_lifecycle_configuration(Bucket=local.bucket)["Rules"]
    expiry = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules}
    assert expiry == {"asynchronous/": 90, "capture/": 90, f"{RESULTS}/": 30}
    assert capture_uri(local) == f"s3://{local.bucket}/capture"


def test_other_peoples_lifecycle_rules_are_kept(upsert, replan, clients, local):
    upsert()
    theirs = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": "tmp/"},
        "Expiration": {"Days": 1},
    }
    clients("s3").put_bucket_lifecycle_configuration(
        Bucket=local.bucket, LifecycleConfiguration={"Rules": [theirs]}
    )
    (result,) = upsert()
    assert result.change.reason == "expiry days differ"
    rules = clients("s3").get_bucket_lifecycle_configuration(Bucket=local.bucket)["Rules"]
    assert theirs in rules
    assert replan() == []
