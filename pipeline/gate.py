"""The Gate and its refusal: at least the threshold, and not worse than the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.context import Context
from pipeline.evaluate import ACCURACY, ACCURACY_TO_BEAT, CHAMPION_ACCURACY, figure


@dataclass(frozen=True)
class Bar:
    """What a model is held to: a parameter, and paths of figures in the evaluation report.

    `word` names the figure; `without` stands in the champion's place where there is none.
    """

    word: str
    measured: str
    threshold: str
    to_beat: str
    champion: str
    without: str


IMAGES = Bar("accuracy", ACCURACY, "AccuracyThreshold", ACCURACY_TO_BEAT, CHAMPION_ACCURACY, "0")


def gate_step(context: Context, register: Any, bar: Bar = IMAGES) -> Any:
    """Gate: Register when both conditions hold, else Reject."""
    from sagemaker.workflow.condition_step import ConditionStep
    from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo

    # The definition language has no arithmetic, so that evaluate.py subtracts the tolerance.
    bars = (context.parameters[bar.threshold], figure(bar.to_beat))
    measured = figure(bar.measured)
    return ConditionStep(
        name="Gate",
        conditions=[ConditionGreaterThanOrEqualTo(measured, least) for least in bars],
        if_steps=[register],
        else_steps=[_reject_step(context, bar)],
    )


def _reject_step(context: Context, bar: Bar) -> Any:
    from sagemaker.workflow.fail_step import FailStep
    from sagemaker.workflow.functions import Join

    tolerance = context.settings.pipeline.champion_tolerance
    message = [
        f"The model is rejected: its test {bar.word} is ",
        figure(bar.measured),
        "; the threshold is ",
        context.parameters[bar.threshold],
        f", and the approved champion's {bar.word} is ",
        figure(bar.champion),
        f" (tolerance {tolerance:g}; {bar.without} where there is no champion).",
    ]
    return FailStep(name="Reject", error_message=Join(on="", values=message))
