"""The tuning service over stand-in training jobs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.tuning import TuningJobs
from tests.local.tuning.fake_training import FakeTrainingJobs, Outcome, Tuning


@pytest.fixture
def tuning(backend):
    """Build a Tuning from how training jobs behave: hyperparameters in, Outcome out."""

    def build(behave: Callable[[dict[str, str]], Outcome]) -> Tuning:
        jobs = FakeTrainingJobs(backend, behave)
        return Tuning(backend, jobs, TuningJobs(backend, jobs.create, jobs.call))

    return build
