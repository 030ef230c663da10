"""The plan says what would change, and changes nothing."""

import dataclasses
import json

import pytest
from botocore.exceptions import ClientError

from errors import BreedlineError
from provision.apply import apply
from provision.bucket import plan_bucket
from provision.change import Clients
from provision.plan import plan


def kinds_of(made):
    return {(change.resource, change.kind) for change in made.changes}


def deploy(clients, loaded, described):
    definition, packages = described(loaded)
    return apply(plan(clients, loaded, definition, packages), clients)


def replan(clients, loaded, described):
    definition, packages = described(loaded)
    return plan(clients, loaded, definition, packages)


def of(made, resource):
    return next(change for change in made.changes if change.resource == resource)


def test_in_an_empty_account_everything_is_to_be_created(clients, local, described):
    made = replan(clients, local, described)
    assert [change.resource for change in made.changes] == [
        "bucket",
        "code-package",
        "code-package",
        "code-package",
        "model-package-group",
        "pipeline",
    ]
    assert {change.kind for change in made.changes} == {"create"}
    assert not made.is_empty


def test_planning_changes_nothing(clients, local, described):
    replan(clients, local, described)
    assert clients.s3.list_buckets()["Buckets"] == []
    assert clients.sagemaker.calls == []


def test_a_second_upsert_without_changes_is_empty(clients, local, described):
    deploy(clients, local, described)
    made = replan(clients, local, described)
    assert made.is_empty
    assert str(made).endswith("0 to create, 0 to update, 6 unchanged")


def test_a_changed_script_is_one_package_and_the_steps_that_run_it(
    clients, local, described, steps_folder
):
    deploy(clients, local, described)
    (steps_folder / "evaluate.py").write_text("import images  # changed\n")
    made = replan(clients, local, described)
    changed = [change for change in made.changes if change.kind != "no-op"]
    assert [(change.resource, change.kind) for change in changed] == [
        ("code-package", "create"),
        ("pipeline", "update"),
    ]
    (line, version) = changed[1].diff
    assert line.startswith(
        "definition.Steps.Evaluate.Arguments.ProcessingInputs[0].S3Input.S3Uri: "
    )
    assert version.startswith("tags.version: ")


def test_a_changed_setting_is_shown_where_it_acts(clients, local, described):
    deploy(clients, local, described)
    pipeline = dataclasses.replace(local.pipeline, accuracy_threshold=0.97)
    made = replan(clients, dataclasses.replace(local, pipeline=pipeline), described)
    change = of(made, "pipeline")
    assert change.reason == "definition, tags differ"
    assert change.diff[0] == ("definition.Parameters.AccuracyThreshold.DefaultValue: 0.8 -> 0.97")
    assert change.diff[1].startswith("tags.version: ")
    assert len(change.diff) == 2


def test_a_changed_role_is_an_update_of_the_pipeline(clients, local, described):
    deploy(clients, local, described)
    clients.sagemaker.pipelines["breedline"]["RoleArn"] = "arn:aws:iam::1:role/other"
    change = of(replan(clients, local, described), "pipeline")
    assert change.kind == "update"
    assert change.diff == (f'role_arn: "arn:aws:iam::1:role/other" -> "{local.role_arn}"',)


def test_other_peoples_tags_are_no_difference(clients, local, described):
    deploy(clients, local, described)
    for tags in clients.sagemaker.tags.values():
        tags["budget"] = "theirs"
    assert replan(clients, local, described).is_empty


def test_a_bucket_that_lost_its_protection_is_an_update(clients, local, described):
    deploy(clients, local, described)
    clients.s3.delete_public_access_block(Bucket=local.bucket)
    change = of(replan(clients, local, described), "bucket")
    assert change.kind == "update"
    assert change.diff[0].startswith("public_access_block: none ->")


def test_a_bucket_of_another_account_is_one_sentence(local):
    class Closed:
        def head_bucket(self, **_request):
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")

    with pytest.raises(BreedlineError, match="choose another name with aws.bucket"):
        plan_bucket(Clients(Closed(), None), local)


def test_a_plan_is_json(clients, local, described):
    made = json.loads(json.dumps(replan(clients, local, described).as_dict()))
    assert made["is_empty"] is False
    assert made["changes"][0] == {
        "kind": "create",
        "resource": "bucket",
        "name": local.bucket,
        "reason": "it does not exist",
        "diff": [],
    }
