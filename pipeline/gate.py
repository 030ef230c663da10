"""The Gate and its refusal: at least the threshold, and not worse than the champion."""

from __future__ import annotations

from typing import Any

from pipeline.context import Context
from pipeline.evaluate import ACCURACY, ACCURACY_TO_BEAT, CHAMPION_ACCURACY, figure


def gate_step(context: Context, register: Any) -> Any:
    """Gate: Register when both conditions hold, else Reject."""
    from sagemaker.workflow.condition_step import ConditionStep
    from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo

    # The definition language has no arithmetic, so that evaluate.py subtracts the tolerance.
    bars = (context.parameters["AccuracyThreshold"], figure(ACCURACY_TO_BEAT))
    return ConditionStep(
        name="Gate",
        conditions=[ConditionGreaterThanOrEqualTo(figure(ACCURACY), bar) for bar in bars],
        if_steps=[register],
        else_steps=[_reject_step(context)],
    )


def _reject_step(context: Context) -> Any:
    from sagemaker.workflow.fail_step import FailStep
    from sagemaker.workflow.functions import Join

    tolerance = context.settings.pipeline.champion_tolerance
    message = [
        "The model is rejected: its test accuracy is ",
        figure(ACCURACY),
        "; the threshold is ",
        context.parameters["AccuracyThreshold"],
        ", and the approved champion's accuracy is ",
        figure(CHAMPION_ACCURACY),
        f" (tolerance {tolerance:g}; 0 where there is no champion).",
    ]
    return FailStep(name="Reject", error_message=Join(on="", values=message))
