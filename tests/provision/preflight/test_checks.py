"""All checks together, on an account from moto that is sound, and on one with ten faults."""

from botocore.exceptions import ClientError
from moto.sns.models import sns_backends

from provision.preflight import checks
from provision.preflight.checks import CHECKS, run_checks

UNSAID = ["unchecked"] * 2  # moto has no images of AWS's
MISSING = "sagemaker:CreateTrainingJob"


def levels(found):
    return [finding.level for findings in found.values() for finding in findings]


def test_a_sound_account_has_nothing_to_find_but_what_cannot_be_known(sound):
    found = sound.check()
    assert [*found] == ["images"]
    assert levels(found) == UNSAID


def test_ten_planted_faults_are_ten_findings(world, monkeypatch):
    # 1: the settings mean another account
    world.change(aws={"account_id": "111122223333"})
    # 2: a subnet from which nothing leads anywhere
    world.put_network(endpoints=False)
    # 3: a key that nobody made
    world.change(aws={"kms_key": "alias/lost"})
    # 4: a GPU type of which the account may have none
    world.change(training={"instance_type": "ml.g5.xlarge"})
    # 5: a framework that is not patched any more
    world.change(images={"training_version": "2.5.1", "training_python": "py311"})
    # 6: a role without an action that it needs
    world.put_role("pipeline", "breedline-execution", without=MISSING)
    # 7: a role that another service may assume
    principal = {"Service": "ec2.amazonaws.com"}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    world.put_role("jobs", "jobs", trust={"Version": "2012-10-17", "Statement": [trust]})
    # 8: no data
    world.put_data("s3://pictures/animals")
    # 9: a bucket of another account
    monkeypatch.setenv("MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS", "false")
    world.in_another_account("s3").create_bucket(
        Bucket=world.settings.bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    # 10: an address whose owner has not answered
    world.put_topic()
    for subscription in sns_backends["123456789012"]["eu-west-1"].subscriptions.values():
        subscription.arn = "PendingConfirmation"

    found = world.check()
    said = {
        name: [(one.level, one.about) for one in findings if one.level != "unchecked"]
        for name, findings in found.items()
    }
    subnet = world.settings.aws.subnets[0]
    assert {name: findings for name, findings in said.items() if findings} == {
        "credentials": [("fault", "account")],
        "roles": [("fault", "role jobs")],
        "permissions of the roles": [("fault", "role breedline-execution")],
        "instance quotas": [("fault", "quota ml.g5.xlarge for training job usage")],
        "support of the images": [("warning", "image pytorch-training 2.5")],
        "bucket": [("fault", "bucket breedline-artifacts")],
        "key": [("fault", "key alias/lost")],
        "data": [("fault", "data s3://pictures/animals")],
        "network": [("fault", f"subnet {subnet}")],
        "notices": [("warning", "e-mail ada@example.com")],
    }
    assert levels(found).count("fault") + levels(found).count("warning") == 10
    policy = found["permissions of the roles"][0].policy
    assert [statement["Action"] for statement in policy["Statement"]] == [[MISSING]]
    assert all(one.remedy for findings in found.values() for one in findings)


def test_what_may_not_be_read_is_said_and_the_other_checks_go_on(sound, monkeypatch):
    def refuse(subject):
        refusal = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise ClientError(refusal, "DescribeRegions")
        yield

    monkeypatch.setitem(checks.CHECKS, "region", refuse)
    done = run_checks(sound.subject)
    assert [check.name for check in done] == [*CHECKS]
    found = next(check.findings for check in done if check.name == "region")
    assert [(one.level, one.problem) for one in found] == [
        ("unchecked", "DescribeRegions was refused (AccessDenied)")
    ]
