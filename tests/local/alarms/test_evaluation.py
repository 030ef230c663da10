"""Verdicts: AWS's own tables of missing data, the comparisons, the reasons."""

import pytest

from local.alarms.evaluation import Condition, Point, judge

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RETAIN = None
# From "Configuring how CloudWatch alarms treat missing data": the oldest first, - is missing,
# X breaches, 0 does not; then the verdict for each of TREATMENTS.
THREE_OF_THREE = [
    ("0-X-X", ("OK", "OK", "OK", "OK")),
    ("----0", ("OK", "OK", "OK", "OK")),
    ("-----", ("INSUFFICIENT_DATA", RETAIN, "ALARM", "OK")),
    ("0XX-X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("--X--", ("ALARM", RETAIN, "ALARM", "OK")),
]
TWO_OF_THREE = [
    ("0-X-X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("00X0X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0-X--", ("OK", "OK", "ALARM", "OK")),
    ("----0", ("OK", "OK", "ALARM", "OK")),
    ("---X-", ("ALARM", RETAIN, "ALARM", "OK")),
]
CASES = [
    (needed, points, treatment, verdict)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for points, verdicts in table
    for treatment, verdict in zip(TREATMENTS, verdicts, strict=True)
]


def read(points: str) -> list[Point | None]:
    values = {"X": 5.0, "0": 0.0}
    found = [
        Point(number * 60, values[mark]) if mark != "-" else None
        for number, mark in enumerate(points)
    ]
    return found[::-1]


@pytest.mark.parametrize(("needed", "points", "treatment", "verdict"), CASES)
def test_missing_data_are_treated_as_aws_documents(needed, points, treatment, verdict):
    condition = Condition("GreaterThanThreshold", 1.0, 3, needed, treatment)
    assert judge(condition, read(points), "OK").state == verdict


@pytest.mark.parametrize(
    ("comparison", "raised"),
    [
        ("GreaterThanThreshold", {2}),
        ("GreaterThanOrEqualToThreshold", {1, 2}),
        ("LessThanThreshold", {0}),
        ("LessThanOrEqualToThreshold", {0, 1}),
    ],
)
def test_every_comparison_is_with_the_threshold_one(comparison, raised):
    condition = Condition(comparison, 1.0, 1, 1)
    verdicts = {v: judge(condition, [Point(0, float(v))], "OK").state for v in (0, 1, 2)}
    assert {value for value, state in verdicts.items() if state == "ALARM"} == raised


def test_the_reason_is_in_the_words_of_aws():
    condition = Condition("GreaterThanThreshold", 1.0, 1, 1, "notBreaching")
    assert judge(condition, [Point(0, 3.0)], "OK").reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (01/01/70 00:00:00)] was greater "
        "than the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert judge(condition, [None], "ALARM").reason == (
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was "
        "treated as [NonBreaching]."
    )
