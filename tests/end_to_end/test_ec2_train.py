"""`ec2-train`: one instance from its start to its end, under policies that are enforced."""

import pytest

import sample_data
import settings
from provision.data import sync_folder
from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.stage import until

BUCKET = settings.load("local").bucket
PHOTOS = f"InputDataUri=s3://{BUCKET}/data/few"
EASY = ("--param", PHOTOS, "--param", "Epochs=1", "--param", "AccuracyThreshold=0")


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A command line with a deployed pipeline and a few photos in the bucket."""
    enforcing = {"BREEDLINE_ENFORCE_IAM": "1"}
    made = CommandLine(tmp_path_factory.mktemp("ec2") / "state", enforcing)
    made.json("upsert")
    folder, s3 = tmp_path_factory.mktemp("photos"), made.client("s3")
    sample_data.draw(folder / "few", images_per_class=10, classes=["fish", "snail"])
    sync_folder(s3, folder / "few", BUCKET, "data/few")
    s3.put_object(Bucket=BUCKET, Key="data/words/a/readme.txt", Body=b"no photo")
    yield made
    made.run("local", "stop")


def key_of(uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


def instances_of(line, name):
    wanted = [{"Name": "tag:ec2-training", "Values": [name]}]
    answer = line.client("ec2").describe_instances(Filters=wanted)
    return [one for each in answer["Reservations"] for one in each["Instances"]]


def test_a_training_ends_with_a_package_that_waits_for_approval(line):
    done = line.json("ec2-train", "--name", "first", *EASY, "--wait")
    assert (done["status"], done["instance_state"]) == ("Succeeded", "terminated")
    package = line.client("sagemaker").describe_model_package(
        ModelPackageName=done["model_package_arn"]
    )
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == done["model"]
    s3 = line.client("s3")
    for uri in (done["model"], done["evaluation"]):
        assert s3.head_object(**key_of(uri))["ContentLength"] > 0
    samples = package["CustomerMetadataProperties"]["smoke-samples"]
    assert s3.head_object(**key_of(f"{samples}/samples.json"))["ContentLength"] > 0

    again = line.json("ec2-train", "--name", "first")
    assert again["instance_id"] == done["instance_id"]
    (instance,) = instances_of(line, "first")
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_failure_inside_ends_the_instance_and_is_told(line):
    words = f"InputDataUri=s3://{BUCKET}/data/words"
    failed = line.json("ec2-train", "--name", "words", "--param", words, "--wait", code=1)
    assert (failed["status"], failed["instance_state"]) == ("Failed", "terminated")
    assert failed["reason"].startswith("prepare failed (exit status 1)")
    log = line.client("s3").get_object(Bucket=BUCKET, Key="executions/ec2/words/log.txt")
    assert failed["reason"] in log["Body"].read().decode()


def test_a_training_can_be_ended_by_its_name(line):
    started = line.json("ec2-train", "--name", "short", *EASY)
    stopped = line.json("ec2-train", "--name", "short", "--stop")
    assert stopped["terminated"] == [started["instance_id"]]
    (instance,) = instances_of(line, "short")
    assert instance["State"]["Name"] == "terminated"
    told = line.run("ec2-train", "--name", "short", "--stop")
    assert (told.returncode, told.stderr) == (
        1,
        "No instance trains 'short'; there is nothing to stop.\n",
    )


def test_spot_capacity_that_is_taken_back_is_told_as_such(line):
    started = line.json("ec2-train", "--name", "taken", *EASY, "--spot")
    until(lambda: instances_of(line, "taken")[0]["State"]["Name"] == "running")
    line.json("local", "interrupt", started["instance_id"])
    ended = line.json("ec2-train", "--name", "taken", "--wait", code=1)
    assert (ended["status"], ended["lifecycle"]) == ("Interrupted", "spot")
    assert (ended["reason"], ended["instance_state"]) == (
        "EC2 takes the spot capacity back.",
        "terminated",
    )
    assert line.client("ec2").describe_launch_templates()["LaunchTemplates"] == []
