"""What stands in a command's way is one sentence with the way out; the rest is done for real.

The tests build upon each other's account: each adds the next thing that a command misses.
"""

import pytest

REFUSING = """
import base64, json
def handler(event, context):
    if base64.b64decode(event["image"]).startswith(b"broken"):
        raise ValueError("the function broke")
    if not base64.b64decode(event["image"]).startswith(b"\\xff\\xd8"):
        message = "The body is neither JPEG nor PNG."
        body = {"error": {"code": "UnsupportedImage", "message": message}}
        return {"statusCode": 415, "body": json.dumps(body)}
    body = {"label": "beagle", "probability": 0.75, "model_version": 2}
    return {"statusCode": 200, "body": json.dumps(body)}
"""
TO_RUNNING = "run `python definitions.py upsert` first."


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "dog.jpg"
    path.write_bytes(b"\xff\xd8 a picture, as far as the function looks")
    return str(path)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no picture")
    return str(path)


def said(done):
    """The one sentence of a command that failed."""
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1, done.err
    return done.err.strip()


def test_what_upsert_has_not_made_yet_is_named(call, picture):
    assert said(call("predict", picture)).endswith(TO_RUNNING)
    assert said(call("rollback")).endswith(TO_RUNNING)
    assert said(call("approve", "--wait")).endswith(TO_RUNNING)
    assert "`python definitions.py start` begins one." in said(call("watch"))


def test_a_function_without_a_live_version_says_that_approve_deploys_one(account, call, picture):
    account.make_function(REFUSING)
    sentence = said(call("predict", picture))
    assert "No version is live behind the function 'breedline-predict' yet" in sentence
    assert "approve" in sentence


def test_one_refused_image_fails_the_command_with_the_functions_own_sentence(
    account, call, picture, text
):
    client = account.client("lambda")
    client.publish_version(FunctionName="breedline-predict")
    client.create_alias(FunctionName="breedline-predict", Name="live", FunctionVersion="1")
    done = call("predict", picture, text)
    assert done.code == 1
    assert "beagle (0.7500)" in done.out
    assert "version 2" in done.out
    assert "refused with 415: The body is neither JPEG nor PNG." in done.out
    answer = call("predict", picture, "--json")
    assert answer.code == 0
    assert answer.result["predictions"][0]["label"] == "beagle"


def test_a_file_that_is_missing_stops_before_any_image_is_sent(call, picture, tmp_path):
    assert "absent.jpg cannot be read" in said(
        call("predict", picture, str(tmp_path / "absent.jpg"))
    )


def test_a_function_that_breaks_is_one_sentence(call, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"broken")
    assert said(call("predict", str(broken))) == (
        "The function 'breedline-predict' failed: the function broke"
    )


def test_a_version_that_is_not_there_is_named_beside_those_that_are(account, call):
    account.make_machine("rollback", {"Type": "Pass", "End": True})
    assert said(call("approve", "7")).endswith("versions there: none.")
    account.make_package()
    for command in (("approve", "7"), ("rollback", "--to", "7")):
        assert said(call(*command)) == (
            "Version 7 is not in the group 'breedline'; versions there: 1."
        )


def test_a_rollback_is_followed_to_its_end_with_what_was_asked(account, call):
    result = {"outcome": "RolledBack", "version": 1, "asked.$": "$"}
    account.make_machine("rollback", {"Type": "Pass", "Parameters": result, "End": True})
    done = call("rollback", "--to", "1", "--reason", "It barks.")
    assert done.code == 0
    assert "Outcome: RolledBack, version 1" in done.out
    output = call("rollback", "--json").result["output"]
    assert output["asked"] == {"to_version": None, "reason": "Asked for with definitions.py"}


def test_a_rollback_that_fails_exits_with_the_machines_reason(account, call):
    failing = {"Type": "Fail", "Error": "NothingIsLive", "Cause": "There is no endpoint."}
    account.make_machine("rollback", failing)
    done = call("rollback")
    assert done.code == 1
    assert done.out.splitlines()[-1] == "NothingIsLive: There is no endpoint."


def test_watch_follows_the_newest_execution_of_all_and_any_by_its_arn(account, call):
    newest = account.client("stepfunctions").start_execution(
        stateMachineArn=account.make_machine("retrain", {"Type": "Pass", "End": True})
    )["executionArn"]
    done = call("watch", "--json")
    assert (done.code, done.result["execution_arn"]) == (0, newest)
    failed = call("status", "--json").result["deployments"][0]["arn"]
    done = call("watch", failed)
    assert done.code == 1
    assert "Only" in done.err  # the state, as progress
    assert "NothingIsLive" in done.out


def test_stop_and_retry_are_for_the_pipeline_alone(call):
    deployment = "arn:aws:states:eu-west-1:123456789012:execution:breedline-deploy:x"
    for command in ("stop", "retry"):
        assert "is no execution of the pipeline" in said(call(command, deployment))


def test_waiting_for_a_version_that_is_approved_already_is_refused_with_the_ways_out(account, call):
    account.make_machine("deploy", {"Type": "Pass", "End": True})
    account.make_package("Approved")
    sentence = said(call("approve", "2", "--wait"))
    assert "Version 2 is Approved already" in sentence
    assert "rollback --to 2" in sentence


def test_approve_takes_the_newest_pending_version_and_rejects_one_by_number(call):
    assert call("approve", "--json").result["version"] == 1
    assert "no version that waits for approval" in said(call("approve"))
    assert "Version 1 is Rejected" in call("approve", "1", "--reject").out
    packages = call("status", "--json").result["model_packages"]
    assert {p["version"]: p["approval"] for p in packages} == {1: "Rejected", 2: "Approved"}


def test_status_lists_what_ran_last_by_kind(call):
    lines = call("status").out.splitlines()
    assert "No endpoint yet." in lines
    assert "breedline-latency       not deployed" in lines
    kinds = [line.split()[:2] for line in lines if ":execution:" in line]
    assert ["rollback", "FAILED"] in kinds
    assert kinds[-1] == ["retrain", "SUCCEEDED"]


def test_the_clock_goes_forward_and_tells_the_time(call):
    done = call("local", "advance", "3600")
    assert done.code == 0
    assert "Its schedules take it for" in done.out
    assert "wants a number of seconds" in said(call("local", "advance"))
    assert "takes no seconds" in said(call("local", "stop", "5"))
