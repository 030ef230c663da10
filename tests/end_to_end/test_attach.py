"""`attach` from another process, to what the demonstration ran."""

import pytest


def step_arn(demonstration, name):
    steps = demonstration["pipeline"]["steps"]
    return next(step["arn"] for step in steps if step["name"] == name)


@pytest.mark.parametrize(
    ("step", "kind"),
    [("Prepare", "processing job"), ("Tune", "tuning job"), ("Train", "training job")],
)
def test_each_job_of_the_pipeline_is_found_by_its_name(command_line, demonstration, step, kind):
    arn = step_arn(demonstration, step)
    found = command_line.json("attach", arn.rpartition("/")[2])
    assert (found["kind"], found["arn"], found["status"]) == (kind, arn, "Completed")


def test_the_pipelines_execution_is_found_by_name_and_arn(command_line, demonstration):
    arn = demonstration["pipeline"]["arn"]
    for name in (arn, arn.rpartition("/")[2]):
        assert command_line.json("attach", name)["status"] == "Succeeded"


def test_the_deployment_is_found_by_name(command_line, demonstration):
    arn = demonstration["deployment"]["execution_arn"]
    assert command_line.json("attach", arn.rpartition(":")[2])["execution_arn"] == arn
