from __future__ import annotations

import pytest

from local.tuning.ranges import combinations, parse_ranges


def one(kind: str, **entry):
    ranges, faults = parse_ranges({kind: [{"Name": "x", **entry}]})
    assert faults == []
    return ranges[0]


def fault(kind: str, **entry) -> str:
    ranges, faults = parse_ranges({kind: [{"Name": "x", **entry}]})
    assert ranges == []
    return faults[0]


def continuous(low: str, high: str, scaling: str = "Auto"):
    return one("ContinuousParameterRanges", MinValue=low, MaxValue=high, ScalingType=scaling)


def test_auto_scaling_is_logarithmic_from_two_decades_on():
    assert continuous("0.001", "0.1").scaling == "Logarithmic"
    assert continuous("0.01", "0.1").scaling == "Linear"
    assert continuous("0", "100").scaling == "Linear"
    integer = one("IntegerParameterRanges", MinValue="1", MaxValue="256")
    assert integer.scaling == "Logarithmic"


def test_continuous_values_are_written_as_decimals_that_read_back_exactly():
    found = continuous("0.0000001", "1")
    assert found.unscale(1e-05) == "0.00001"
    for value in (1e-07, 0.1 + 0.2, 0.123456789012345678, 2 / 3):
        assert found.read(found.unscale(value)) == value


def test_reverse_logarithmic_searches_the_distance_from_one():
    found = continuous("0.9", "0.999", "ReverseLogarithmic")
    assert found.axis == pytest.approx((0.001, 0.1))
    assert float(found.unscale(0.01)) == pytest.approx(0.99)
    assert found.scale(0.99) == pytest.approx(0.01)
    assert float(found.unscale(found.axis[1])) == 0.9
    assert float(found.unscale(found.axis[0])) == 0.999


def test_integers_are_written_in_digits_and_categories_exactly_as_given():
    assert one("IntegerParameterRanges", MinValue="1", MaxValue="9").unscale(4) == "4"
    category = one("CategoricalParameterRanges", Values=['"resnet18"', '"resnet50"'])
    assert category.unscale('"resnet18"') == '"resnet18"'


def test_values_outside_a_range_cannot_be_read():
    with pytest.raises(ValueError, match=r"x 3.5 is not in 0.0..1.0"):
        continuous("0", "1").read("3.5")
    with pytest.raises(ValueError, match="not one of"):
        one("CategoricalParameterRanges", Values=["a"]).read("b")
    with pytest.raises(ValueError, match="not in 1..4"):
        one("IntegerParameterRanges", MinValue="1", MaxValue="4").read('"5"')


@pytest.mark.parametrize(
    ("kind", "entry", "sentence"),
    [
        ("Continuous", {"MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"}, "than 0"),
        ("Integer", {"MinValue": "0", "MaxValue": "9", "ScalingType": "Logarithmic"}, "than 0"),
        (
            "Continuous",
            {"MinValue": "0.5", "MaxValue": "1", "ScalingType": "ReverseLogarithmic"},
            "0 <= x < 1",
        ),
        (
            "Integer",
            {"MinValue": "0", "MaxValue": "0", "ScalingType": "ReverseLogarithmic"},
            "is an integer",
        ),
        ("Continuous", {"MinValue": "2", "MaxValue": "1"}, "not above MaxValue"),
        ("Continuous", {"MinValue": "0", "MaxValue": "inf"}, "must be finite"),
        ("Integer", {"MinValue": "1.5", "MaxValue": "3"}, "must be a whole number"),
        ("Continuous", {"MinValue": "low", "MaxValue": "1"}, "must be a number"),
        ("Categorical", {"Values": ["a", "a"]}, "each value once"),
        ("Continuous", {"MinValue": "0", "MaxValue": "1", "ScalingType": "Cubic"}, "use one of"),
    ],
)
def test_an_unsound_range_is_named_with_its_fault(kind, entry, sentence):
    text = fault(f"{kind}ParameterRanges", **entry)
    assert "'x'" in text
    assert sentence in text


def test_auto_parameters_and_repeated_names_are_faults():
    ranges = {
        "AutoParameters": [{"Name": "rate", "ValueHint": "0.1"}],
        "IntegerParameterRanges": [{"Name": "n", "MinValue": "1", "MaxValue": "2"}],
        "CategoricalParameterRanges": [{"Name": "n", "Values": ["1"]}],
    }
    _, faults = parse_ranges(ranges)
    assert len(faults) == 2
    assert "'rate'" in faults[0]
    assert "'n' has more than one range" in faults[1]


def test_combinations_multiply_and_a_continuous_range_has_none():
    integer = one("IntegerParameterRanges", MinValue="0", MaxValue="2")
    category = one("CategoricalParameterRanges", Values=["a", "b"])
    assert combinations((integer, category)) == 6
    assert combinations((integer, continuous("0", "1"))) is None
