"""Publishing, changing and deleting versions: what is published never changes."""

from __future__ import annotations

import pytest

ONE, TWO = (f"def answer(event, context):\n    return {number}" for number in (1, 2))


def test_publishing_without_a_change_gives_the_same_version(aws):
    aws.create(ONE)
    assert aws.publish(ONE) == "1"
    assert aws.publish(ONE) == "1"
    assert aws.publish(TWO) == "2"
    aws.functions.update_function_configuration(FunctionName="dogs", Timeout=19)
    published = aws.functions.publish_version(FunctionName="dogs", Description="slower")
    assert (published["Version"], published["Description"]) == ("3", "slower")
    assert aws.functions.publish_version(FunctionName="dogs")["Version"] == "3"
    aws.functions.update_function_configuration(FunctionName="dogs", Description="of spring")
    assert aws.functions.publish_version(FunctionName="dogs")["Version"] == "4"
    listed = aws.functions.list_versions_by_function(FunctionName="dogs")["Versions"]
    assert [version["Version"] for version in listed] == ["$LATEST", "1", "2", "3", "4"]


def test_a_published_version_keeps_its_code_and_configuration(aws):
    source = "import os\ndef answer(event, context):\n    return os.environ['BREED']"
    aws.create(source, Publish=True, Environment={"Variables": {"BREED": "pug"}}, Timeout=5)
    before = aws.functions.get_function_configuration(FunctionName="dogs", Qualifier="1")
    aws.functions.update_function_configuration(
        FunctionName="dogs", Environment={"Variables": {"BREED": "boxer"}}, Timeout=9
    )
    aws.functions.update_function_code(FunctionName="dogs", ZipFile=aws.archive(TWO), Publish=True)

    after = aws.functions.get_function_configuration(FunctionName="dogs", Qualifier="1")
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert after == before
    assert aws.invoke(Qualifier="1")[0] == "pug"
    assert aws.invoke(Qualifier="2")[0] == 2


def test_a_version_s_number_is_never_used_again(aws):
    aws.create(ONE)
    aws.publish(ONE)
    aws.publish(TWO)
    aws.functions.delete_function(FunctionName="dogs", Qualifier="2")
    assert aws.publish(ONE) == "3"
    with aws.refusal("ResourceNotFoundException"):
        aws.invoke(Qualifier="2")


def test_publishing_can_be_held_to_what_was_seen(aws):
    created = aws.create(ONE)
    with aws.refusal("InvalidParameterValueException") as said:
        aws.functions.publish_version(FunctionName="dogs", CodeSha256="other")
    assert "is different from current CodeSHA256 in $LATEST" in said["Message"]
    aws.functions.update_function_configuration(FunctionName="dogs", Timeout=19)
    with aws.refusal("PreconditionFailedException"):
        aws.functions.publish_version(FunctionName="dogs", RevisionId=created["RevisionId"])
    now = aws.functions.get_function_configuration(FunctionName="dogs")
    held = {"CodeSha256": now["CodeSha256"], "RevisionId": now["RevisionId"]}
    assert aws.functions.publish_version(FunctionName="dogs", **held)["Version"] == "1"


def test_every_change_gives_another_revision_that_changes_can_be_held_to(aws):
    first = aws.create(ONE)["RevisionId"]
    second = aws.functions.update_function_code(FunctionName="dogs", ZipFile=aws.archive(ONE))
    assert second["RevisionId"] != first
    held = {"FunctionName": "dogs", "RevisionId": first}
    with aws.refusal("PreconditionFailedException"):
        aws.functions.update_function_code(**held, ZipFile=aws.archive(TWO))
    with aws.refusal("PreconditionFailedException"):
        aws.functions.update_function_configuration(**held, Timeout=19)
    assert aws.invoke()[0] == 1
    aws.functions.update_function_code(
        FunctionName="dogs", RevisionId=second["RevisionId"], ZipFile=aws.archive(TWO)
    )
    assert aws.invoke()[0] == 2


def test_a_dry_run_changes_no_code(aws):
    before = aws.create(ONE)
    tried = aws.functions.update_function_code(
        FunctionName="dogs", ZipFile=aws.archive(TWO), DryRun=True
    )
    assert tried["CodeSha256"] != before["CodeSha256"]
    assert aws.invoke()[0] == 1
    now = aws.functions.get_function_configuration(FunctionName="dogs")
    assert now["RevisionId"] == before["RevisionId"]


def test_a_function_is_active_and_its_last_change_successful(aws):
    created = aws.create(ONE)
    changed = aws.functions.update_function_configuration(FunctionName="dogs", Timeout=19)
    for answer in (created, changed):
        assert (answer["State"], answer["LastUpdateStatus"]) == ("Active", "Successful")
    aws.functions.get_waiter("function_updated_v2").wait(FunctionName="dogs")


def test_published_versions_cannot_be_changed(aws):
    aws.create(ONE, Publish=True)
    with aws.refusal("InvalidParameterValueException"):
        aws.functions.update_function_configuration(FunctionName="dogs:1", Timeout=19)


def test_a_version_that_an_alias_needs_is_not_deleted(aws):
    aws.create(ONE, Publish=True)
    aws.publish(TWO)
    routing = {"AdditionalVersionWeights": {"2": 0.1}}
    aws.functions.create_alias(
        FunctionName="dogs", Name="live", FunctionVersion="1", RoutingConfig=routing
    )
    for version in ("1", "2"):
        with aws.refusal("ResourceConflictException") as said:
            aws.functions.delete_function(FunctionName="dogs", Qualifier=version)
        assert said["Message"] == (
            "Unable to delete version because the following aliases reference it: [live]"
        )
    with aws.refusal("InvalidParameterValueException"):
        aws.functions.delete_function(FunctionName="dogs", Qualifier="$LATEST")


def test_a_deleted_function_takes_all_that_belongs_to_it_along(aws):
    aws.create(ONE, Publish=True)
    aws.functions.create_alias(FunctionName="dogs", Name="live", FunctionVersion="1")
    aws.functions.put_function_concurrency(FunctionName="dogs", ReservedConcurrentExecutions=3)
    aws.functions.delete_function(FunctionName="dogs")
    with aws.refusal("ResourceNotFoundException"):
        aws.functions.list_aliases(FunctionName="dogs")
    aws.create(TWO)
    assert aws.functions.list_aliases(FunctionName="dogs")["Aliases"] == []
    answer = aws.functions.get_function_concurrency(FunctionName="dogs")
    assert "ReservedConcurrentExecutions" not in answer
    assert aws.publish(TWO) == "1"


def test_a_name_that_is_taken_is_refused(aws):
    aws.create(ONE)
    with aws.refusal("ResourceConflictException"):
        aws.create(TWO)


@pytest.mark.parametrize("more", [{"Timeout": 901}, {"MemorySize": 10_241}])
def test_limits_of_a_configuration_are_aws_s(aws, more):
    with aws.refusal("ValidationException"):
        aws.create(ONE, **more)


def test_variables_that_lambda_sets_itself_are_refused(aws):
    variables = {"Variables": {"AWS_REGION": "eu-west-2", "BREED": "pug"}}
    with aws.refusal("InvalidParameterValueException") as said:
        aws.create(ONE, Environment=variables)
    assert said["Message"].endswith("Reserved keys used in this request: AWS_REGION")


def test_variables_can_be_taken_away(aws):
    source = "import os\ndef answer(event, context):\n    return os.environ.get('BREED')"
    aws.create(source, Environment={"Variables": {"BREED": "pug"}})
    aws.functions.update_function_configuration(FunctionName="dogs", Environment={})
    assert aws.invoke()[0] is None
