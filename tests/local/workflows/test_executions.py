"""Executions: names, inputs, outcomes, histories."""

PASS = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


def test_an_execution_passes_its_input_through(aws):
    assert aws.output(PASS, {"breed": "pug"}) == {"breed": "pug"}
