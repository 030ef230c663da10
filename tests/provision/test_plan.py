"""The plan says what would change, and changes nothing."""

import dataclasses
import json
from collections import Counter

import pytest
from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.bucket import plan_bucket
from provision.change import Clients
from provision.plan import plan


def test_in_an_empty_account_everything_is_to_be_created(clients, local, described):
    made = plan(clients, local, described())
    counts = Counter(change.resource for change in made.changes)
    assert list(counts.items()) == [  # in the order of applying
        ("role", 5),
        ("bucket", 1),
        ("code-package", 3),
        ("model-package-group", 1),
        ("feature-group", 1),
        ("pipeline", 1),
        ("table", 1),
        ("topic", 1),
        ("queue", 1),
        ("log-group", 5),
        ("function", 2),
        ("alarm", 3),
        ("state-machine", 3),
        ("rule", 5),
    ]
    assert {change.kind for change in made.changes} == {"create"}
    assert not made.is_empty


def test_planning_changes_nothing(clients, local, described):
    before = plan(clients, local, described())
    assert clients("s3").list_buckets()["Buckets"] == []
    assert clients("sagemaker").calls == []
    assert str(plan(clients, local, described())) == str(before)


def test_a_second_upsert_without_changes_is_empty(upsert, clients, local, described):
    assert len(upsert()) == 33
    made = plan(clients, local, described())
    assert made.is_empty
    assert str(made).endswith("0 to create, 0 to update, 33 unchanged")


def test_a_changed_script_is_one_package_and_the_steps_that_run_it(upsert, replan, steps_folder):
    upsert()
    (steps_folder / "evaluate.py").write_text("import images  # changed\n")
    changed = replan()
    assert [(change.resource, change.kind) for change in changed] == [
        ("code-package", "create"),
        ("pipeline", "update"),
    ]
    (line, version) = changed[1].diff
    assert line.startswith(
        "definition.Steps.Evaluate.Arguments.ProcessingInputs[0].S3Input.S3Uri: "
    )
    assert version.startswith("tags.version: ")


def test_a_changed_setting_is_shown_where_it_acts(upsert, replan, local):
    upsert()
    pipeline = dataclasses.replace(local.pipeline, accuracy_threshold=0.97)
    (change,) = replan(dataclasses.replace(local, pipeline=pipeline))
    assert change.resource == "pipeline"
    assert change.reason == "definition, tags differ"
    assert change.diff[0] == ("definition.Parameters.AccuracyThreshold.DefaultValue: 0.8 -> 0.97")
    assert change.diff[1].startswith("tags.version: ")
    assert len(change.diff) == 2


def test_a_changed_owner_is_an_update_of_every_tagged_resource(upsert, replan, local):
    upsert()
    aws = dataclasses.replace(local.aws, owner="others")
    changed = replan(dataclasses.replace(local, aws=aws))
    assert len(changed) == 33 - 3  # code packages are named by content alone
    assert all("tags" in change.reason for change in changed)


def test_a_changed_role_is_an_update_of_the_pipeline(upsert, replan, clients, local):
    upsert()
    clients("sagemaker").pipelines["breedline"]["RoleArn"] = "arn:aws:iam::1:role/other"
    (change,) = replan()
    assert (change.resource, change.kind) == ("pipeline", "update")
    assert change.diff == (f'role_arn: "arn:aws:iam::1:role/other" -> "{local.role_arn}"',)


def test_other_peoples_tags_are_no_difference(upsert, replan, clients):
    upsert()
    for tags in clients("sagemaker").tags.values():
        tags["budget"] = "theirs"
    assert replan() == []


def test_a_bucket_that_lost_its_protection_is_an_update(upsert, replan, clients, local):
    upsert()
    clients("s3").delete_public_access_block(Bucket=local.bucket)
    (change,) = replan()
    assert (change.resource, change.kind) == ("bucket", "update")
    assert change.diff[0].startswith("public_access_block: none ->")


def test_a_bucket_of_another_account_is_one_sentence(local):
    class Closed:
        def head_bucket(self, **_request):
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")

    with pytest.raises(BreedlineError, match="choose another name with aws.bucket"):
        plan_bucket(Clients(lambda _service: Closed()), local)


def test_a_plan_is_json(clients, local, described):
    made = json.loads(json.dumps(plan(clients, local, described()).as_dict()))
    assert made["is_empty"] is False
    assert made["changes"][0] == {
        "kind": "create",
        "resource": "role",
        "name": "breedline-eu-west-1-endpoint",
        "reason": "it does not exist",
        "diff": [],
    }
