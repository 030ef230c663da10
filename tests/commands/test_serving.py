"""What the commands around the endpoint refuse before they ask anything, and what they wait for."""

import dataclasses
from argparse import Namespace
from types import SimpleNamespace

import pytest

import definitions
import settings
from commands.approval import approve
from commands.following import await_deployment
from commands.predict import LARGEST_IMAGE, describe_answer, read_image
from commands.session import Session
from errors import BreedlineError

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/breedline/2"
OTHER = PACKAGE[:-1] + "1"


class StepFunctions:
    """Knows the input of each execution of one state machine, newest last."""

    exceptions = SimpleNamespace(StateMachineDoesNotExist=LookupError)

    def __init__(self, **inputs):
        self.inputs = inputs

    def list_executions(self, stateMachineArn, maxResults):  # noqa: N803
        found = [
            {"executionArn": arn, "status": "RUNNING", "startDate": number}
            for number, arn in enumerate(self.inputs)
        ]
        return {"executions": found}

    def describe_execution(self, executionArn):  # noqa: N803
        return {"input": self.inputs[executionArn]}


def session(client=None, **triggers):
    loaded = settings.load("local")
    changed = dataclasses.replace(loaded.triggers, **triggers)
    return Session(
        dataclasses.replace(loaded, triggers=changed),
        lambda service, **options: client,
        None,
        False,
    )


def started_for(package):
    return f'{{"model_package_arn": "{package}"}}'


def test_the_deployment_of_this_approval_is_told_from_others():
    machine = StepFunctions(
        earlier=started_for(PACKAGE), someone=started_for(OTHER), ours=started_for(PACKAGE)
    )
    assert await_deployment(session(machine), PACKAGE, {"earlier"}) == "ours"


def test_of_an_event_that_came_twice_the_first_deployment_is_followed():
    machine = StepFunctions(first=started_for(PACKAGE), second=started_for(PACKAGE))
    assert await_deployment(session(machine), PACKAGE, set()) == "first"


def test_an_execution_that_someone_started_with_another_form_of_input_is_passed_over():
    machine = StepFunctions(ours=started_for(PACKAGE), someone="[]")
    assert await_deployment(session(machine), PACKAGE, set()) == "ours"


def test_a_deployment_that_never_begins_names_the_rule_and_the_queue():
    machine = StepFunctions(earlier=started_for(PACKAGE))
    with pytest.raises(BreedlineError) as refused:
        await_deployment(session(machine), PACKAGE, {"earlier"}, patience=0.01)
    assert "breedline-approval" in str(refused.value)
    assert "breedline-undelivered" in str(refused.value)


@pytest.mark.parametrize(
    ("reject", "trigger", "said"),
    [(True, True, "--reject"), (False, False, "triggers.deploy_on_approval")],
)
def test_waiting_for_what_will_not_come_is_refused_before_anything_is_approved(
    reject, trigger, said
):
    asked = Namespace(wait=True, reject=reject, version=1, reason="")
    with pytest.raises(BreedlineError, match=said):
        approve(session(None, deploy_on_approval=trigger), asked)


def test_an_image_that_cannot_be_read_or_sent_is_named(tmp_path):
    with pytest.raises(BreedlineError, match="absent.jpg cannot be read"):
        read_image(tmp_path / "absent.jpg")
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(LARGEST_IMAGE + 1))
    with pytest.raises(BreedlineError, match="large.jpg has 4.4 MB"):
        read_image(large)


def test_an_answer_in_a_few_words():
    assert describe_answer({"label": "beagle", "probability": 0.98765}) == "beagle (0.9877)"
    assert describe_answer({"status": 415, "error": "No image."}) == "refused with 415: No image."


@pytest.mark.parametrize("version", ["0", "-1", "two", "1.5"])
def test_versions_count_from_one(version, capsys):
    with pytest.raises(SystemExit) as caught:
        definitions.main(["rollback", f"--to={version}"])
    assert caught.value.code == 2
    assert f"'{version}' is no version" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-3", "soon", "inf", "nan"])
def test_times_are_positive_numbers(number, capsys):
    with pytest.raises(SystemExit) as caught:
        definitions.main(["local", "advance", number])
    assert caught.value.code == 2
    assert number in capsys.readouterr().err
