"""The guards over what a real endpoint's requests leave in CloudWatch."""

from dataclasses import dataclass, replace

import boto3
import pytest
from moto import mock_aws

from local.alarms import Alarms
from local.alarms.moto_doors import REPLACED
from local.backend import Backend, open_backend
from local.endpoints.measures import Measures
from statemachine.alarms import GUARDS, alarms, guard_names

START = 1_800_000_000  # a whole period of any alarm
SLOW = 3.0  # seconds


@dataclass
class Endpoint:
    """Requests to the variant, and the states of its alarms when their periods are over."""

    backend: Backend
    settings: object

    def __post_init__(self):
        self.alarms = Alarms(self.backend, lambda arn, alarm, change: None)
        self.cloudwatch = boto3.client(
            "cloudwatch",
            region_name=self.backend.region,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        for request in alarms(self.settings):
            self.cloudwatch.put_metric_alarm(**request)

    def answer(self, status, times=20, seconds=0.05, periods=None):
        """Requests in as many periods as the alarms need."""
        limits = self.settings.alarms
        for period in range(periods or limits.evaluation_periods):
            at = START + period * limits.period_seconds
            measures = Measures(replace(self.backend, now=lambda at=at: float(at)))
            for _ in range(times):
                measures.record("breedline", "AllTraffic", 1, status, seconds, 0.001)
            measures.flush()

    def ringing(self):
        limits = self.settings.alarms
        self.alarms.evaluate(START + limits.evaluation_periods * limits.period_seconds)
        found = self.cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix("breedline-") for alarm in found}


@pytest.fixture
def endpoint(tmp_path, local, monkeypatch):
    for owner, name in REPLACED:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    with mock_aws():
        backend = open_backend(tmp_path / "state", local.aws.account_id, local.aws.region, {})
        limits = replace(local.alarms, evaluation_periods=2, max_errors=3)
        yield Endpoint(backend, replace(local, alarms=limits))
        backend.store.close()


def test_callers_cannot_ring_a_guard_with_bad_requests(endpoint):
    for refusal in (400, 413, 415):
        endpoint.answer(refusal)
    assert endpoint.ringing() == set()


@pytest.mark.parametrize("outcome", [500, 503, None])
def test_what_the_model_failed_on_rings_also_among_bad_requests(endpoint, outcome):
    endpoint.answer(400)
    endpoint.answer(outcome)
    own = {"errors-5xx"} if outcome else set()
    assert endpoint.ringing() == {"errors-model", *own}


def test_slow_answers_ring(endpoint):
    endpoint.answer(200, seconds=SLOW)
    assert endpoint.ringing() == {"latency"}


def test_good_requests_and_none_at_all_ring_nothing(endpoint):
    assert endpoint.ringing() == set()
    endpoint.answer(200)
    assert endpoint.ringing() == set()


def test_more_errors_than_are_allowed_ring_only_in_every_period(endpoint):
    endpoint.answer(500, times=4, periods=1)
    assert endpoint.ringing() == set()


def test_as_many_errors_as_are_allowed_ring_nothing_and_one_more_rings(endpoint):
    endpoint.answer(500, times=3)
    assert endpoint.ringing() == set()
    endpoint.answer(500, times=1)
    assert endpoint.ringing() == {"errors-5xx", "errors-model"}


def test_the_guards_are_among_the_alarms(local):
    named = {request["AlarmName"] for request in alarms(local)}
    assert set(guard_names(local)) == {f"breedline-{kind}" for kind in GUARDS} <= named
