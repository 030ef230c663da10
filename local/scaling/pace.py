"""How long a minute of scaling lasts: 60 seconds, as on AWS, or fewer to show it on a laptop.

Periods of alarms and cooldowns shrink alike, and so do thresholds of what is counted in a period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from errors import BreedlineError

VARIABLE = "BREEDLINE_SCALING_PERIOD"
MINUTE = 60
PERIODS = (10, 20, 30, MINUTE)  # seconds; alarms have no other periods below two minutes
COUNTED = ("Sum", "SampleCount")  # statistics that grow with the period


class InvalidPace(BreedlineError):
    """The variable names no period that alarms may have."""


@dataclass(frozen=True)
class Pace:
    """`period` seconds pass for one minute."""

    period: int = MINUTE

    def threshold(self, target: float, statistic: str) -> float:
        """What a target for a minute is for one period."""
        return target * self.period / MINUTE if statistic in COUNTED else target

    def seconds(self, seconds: float) -> float:
        """How long a time really lasts."""
        return seconds * self.period / MINUTE


def read_pace(environment: Mapping[str, str]) -> Pace:
    """The pace that the environment asks for; raises InvalidPace."""
    given = environment.get(VARIABLE, str(MINUTE))
    if given not in map(str, PERIODS):
        choices = ", ".join(map(str, PERIODS))
        raise InvalidPace(f"{VARIABLE} is '{given}'; it must be one of {choices} (seconds).")
    return Pace(int(given))
