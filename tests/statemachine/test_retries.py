"""Transient errors are waited for, others are not."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from statemachine.retries import BRIEF, PATIENT, SAGEMAKER, TIMEOUT, TRANSIENT, retriers
from tests.statemachine.documents import action_of, machines_of, tasks_of

NAMES = {
    "sagemaker": "SageMaker",
    "dynamodb": "DynamoDB",
    "lambda": "Lambda",
    "applicationautoscaling": "ApplicationAutoScaling",
    "ssm": "Ssm",
    "sns": "SNS",
    "sfn": "Sfn",
    "s3": "S3",
}
BOTO = {"applicationautoscaling": "application-autoscaling", "sfn": "stepfunctions"}
EVERYWHERE = ("SdkClientException", "ThrottlingException", "ServiceUnavailableException")


@pytest.mark.parametrize("service", TRANSIENT)
def test_errors_have_the_name_of_their_service(service):
    for error in TRANSIENT[service]:
        assert error.startswith(f"{NAMES[service]}.")


@pytest.mark.parametrize("service", TRANSIENT)
def test_errors_are_those_of_the_services_model_or_of_every_service(service):
    """A misspelt name would never be waited for, and nobody would notice."""
    model = botocore.session.get_session().get_service_model(BOTO.get(service, service))
    known = {shape.name.removesuffix("Exception") for shape in model.error_shapes}
    for error in TRANSIENT[service]:
        name = error.partition(".")[2]
        own = name.removeprefix("AWS").removeprefix("Amazon").removesuffix("Exception")
        general = name in (*EVERYWHERE, "InternalFailureException")
        assert general or own == NAMES[service] or {own, f"{own}Error"} & known, error


def test_what_must_not_run_twice_is_not_repeated_when_nobody_knows_whether_it_ran():
    def errors(**fields: Any) -> Any:
        (retrier,) = retriers("lambda", **fields)
        return retrier["error_equals"]

    assert TIMEOUT not in errors(attempts=1, repeatable=False)
    assert TIMEOUT in errors(attempts=PATIENT, repeatable=True)


def test_a_state_that_looks_at_an_error_is_not_as_patient_as_the_others():
    for document in machines_of("local", "real-time").values():
        for name, task in tasks_of(document):
            (retrier,) = task["Retry"]
            looked_at = [
                each for each in task.get("Catch", ()) if each["ErrorEquals"] == [SAGEMAKER]
            ]
            if looked_at:
                assert retrier["MaxAttempts"] == BRIEF, name
            assert action_of(task)[0] in TRANSIENT


def test_an_expected_error_is_caught_and_not_waited_for():
    for document in machines_of("local", "real-time").values():
        for name, task in tasks_of(document):
            waited = {error for retrier in task["Retry"] for error in retrier["ErrorEquals"]}
            for catcher in task.get("Catch", ())[:-1]:
                for error in catcher["ErrorEquals"]:
                    assert error not in waited or error == SAGEMAKER, name
