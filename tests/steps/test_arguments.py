"""Numbers on a command line are held to their limits."""

import argparse

import pytest
from arguments import fraction, positive, share


def test_numbers_within_their_limits_are_read():
    assert (fraction("0.5"), share("0"), share("1"), positive("1")) == (0.5, 0.0, 1.0, 1)


@pytest.mark.parametrize(
    ("kind", "text"),
    [(fraction, "0"), (fraction, "1"), (share, "-0.1"), (share, "1.1"), (positive, "0")],
)
def test_numbers_outside_their_limits_are_refused_by_value(kind, text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"not {text}"):
        kind(text)


@pytest.mark.parametrize("kind", [fraction, share])
def test_what_is_no_number_is_refused(kind):
    with pytest.raises(argparse.ArgumentTypeError):
        kind("nan")
