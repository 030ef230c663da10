"""A flow joins states by name, and does not compile where a name leads nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from statemachine.sdk import quiet_sdk

with quiet_sdk():
    from statemachine.asl import Expression, Rules, template
    from statemachine.flow import Flow, Judge, Road
from statemachine.patience import Looks
from statemachine.retries import SAGEMAKER


def flow() -> Flow:
    made = Flow("aws", Road("Broken", 3))
    made.fail("Broken", Expression("$failure.error"), Expression("$failure.cause"))
    return made


def compiled(made: Flow) -> dict[str, Any]:
    return dict(made.definition("Call", "A test", 60)["States"])


def test_a_task_gets_its_time_limit_its_retriers_and_the_road():
    made = flow()
    made.task("Call", "sagemaker:describeModel", {"ModelName": Expression("$name")}, next="Done")
    made.pass_("Done", output={"outcome": "Done"}, next=None)
    state = compiled(made)["Call"]
    assert state["Resource"] == "arn:aws:states:::aws-sdk:sagemaker:describeModel"
    assert state["Parameters"] == {"ModelName.$": "$name"}
    assert state["TimeoutSeconds"] == 60
    assert state["ResultPath"] is None
    (catcher,) = state["Catch"]
    assert catcher["ErrorEquals"] == ["States.ALL"]
    failure = {"state": "Call", "phase": 3, "error.$": "$.Error", "cause.$": "$.Cause"}
    assert catcher["Assign"] == {"failure": failure}


def test_expected_errors_and_judged_ones_come_before_the_road():
    made = flow()
    judge = Judge(SAGEMAKER, "Judge", told="seen")
    expected = {"SageMaker.ResourceNotFoundException": "Done"}
    made.task("Call", "sagemaker:describeModel", {}, next="Done", expect=expected, judge=judge)
    made.choice("Judge", [(Rules.StringEquals("$seen.cause", "gone"), "Done")], default="Broken")
    made.pass_("Done", next=None)
    first, second, last = compiled(made)["Call"]["Catch"]
    assert (first["Next"], "Assign" in first) == ("Done", False)
    assert (second["Next"], set(second["Assign"])) == ("Judge", {"seen"})
    assert (last["Next"], last["ErrorEquals"]) == ("Broken", ["States.ALL"])


def test_a_road_holds_within_its_block_only():
    made = flow()
    with made.failing(Road("Other", told="unrestored", also={"stuck": True})):
        made.task("Call", "sns:publish", {}, next="Again")
    made.task("Again", "sns:publish", {}, next="Other")
    made.pass_("Other", next=None)
    states = compiled(made)
    (catcher,) = states["Call"]["Catch"]
    assert (catcher["Next"], catcher["Assign"]["stuck"]) == ("Other", True)
    assert states["Again"]["Catch"][0]["Next"] == "Broken"
    assert states["Call"]["Resource"] == "arn:aws:states:::sns:publish"


def test_a_wait_counts_its_looks_and_gives_up():
    made = flow()
    made.pass_("Call", next="Await")
    looks = Looks(seconds=2, quick=3, slow=9, times=5)
    made.wait("Await", looks, count="looks", next="Call", too_long="Broken")
    states = compiled(made)
    assert [states[name]["Seconds"] for name in ("AwaitBriefly", "AwaitLonger")] == [2, 9]
    assert states["AwaitBriefly"]["Assign"] == {"looks.$": "States.MathAdd($looks, 1)"}
    rules = states["Await"]["Choices"]
    assert [(r["NumericGreaterThanEquals"], r["Next"]) for r in rules] == [
        (5, "Broken"),
        (3, "AwaitLonger"),
    ]


def test_each_item_is_called_one_after_the_other():
    made = flow()
    action, item = "ssm:deleteParameter", {"Name": Expression("$.Name")}
    made.each("Call", "$names", action, item, expect=("Ssm.ParameterNotFound",), next="Done")
    made.pass_("Done", next=None)
    state = compiled(made)["Call"]
    assert state["MaxConcurrency"] == 1
    assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "INLINE"}
    assert state["ItemProcessor"]["States"]["CallOne"]["Catch"][0]["Next"] == "CallNone"
    assert state["Catch"][0]["Next"] == "Broken"


def test_bugs_of_ours_end_the_compilation():
    made = flow()
    made.pass_("Call", next="Nowhere")
    with pytest.raises(LookupError, match="there is no state Nowhere"):
        compiled(made)
    made = flow()
    made.pass_("Call", next=None)
    with pytest.raises(LookupError, match="no state leads to Broken"):
        compiled(made)
    with pytest.raises(LookupError, match="two states are called Call"):
        made.pass_("Call", next=None)


def test_a_template_marks_what_is_known_only_when_the_machine_runs():
    value = {"a": Expression("$.x"), "b": [{"c": Expression("$y")}, 1], "d": "$.no-path"}
    assert template(value) == {"a.$": "$.x", "b": [{"c.$": "$y"}, 1], "d": "$.no-path"}
