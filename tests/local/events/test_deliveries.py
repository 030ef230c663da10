"""Deliveries are tried again, end in the dead-letter queue, and survive a killed server."""

import threading
import time

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local.events.deliveries import KIND, Deliveries
from local.events.delivery import Delivery, DeliveryError, as_delivery_error
from local.metrics import Metrics
from local.store import Store

ACCOUNT, REGION = "123456789012", "eu-west-1"
PATIENCE = 60
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"


def delivery(**target):
    return Delivery(
        event={"id": "1", "detail-type": "t"},
        region=REGION,
        source_arn=f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r",
        bus="default",
        target={"Id": "1", "Arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t", **target},
        accepted=time.time(),
        ingested="2026-11-24T00:00:00Z",
    )


def refusal(code, status):
    answer = {"Error": {"Code": code, "Message": "no"}}
    return ClientError({**answer, "ResponseMetadata": {"HTTPStatusCode": status}}, "Call")


class Room:
    """Deliveries to a target that fails as it is told to."""

    def __init__(self, folder):
        self.store = Store(folder / "state.sqlite")
        self.faults = []
        self.tries = 0
        self.buried = []
        self.ended = threading.Event()
        self.deliveries = Deliveries(
            self._send, self._bury, self.store, Metrics(ACCOUNT, REGION), first_wait=0.01
        )

    def _send(self, sent):
        self.tries += 1
        if self.faults:
            raise self.faults.pop(0)
        self.ended.set()

    def _bury(self, sent, error, retries, exhausted):
        self.buried.append((error.code, retries, exhausted))
        self.ended.set()

    def wait(self):
        assert self.ended.wait(PATIENCE)


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path)
    yield made
    made.deliveries.close()


def test_a_busy_target_is_tried_until_it_takes_the_event(room):
    room.faults = [refusal("ThrottlingException", 400), refusal("InternalFailure", 500)]
    room.deliveries.submit(delivery())
    room.wait()
    assert room.tries == 3
    assert room.buried == []


def test_retries_are_counted_out(room):
    room.faults = [refusal("InternalFailure", 500)] * 9
    policy = {"MaximumRetryAttempts": 2}
    room.deliveries.submit(delivery(RetryPolicy=policy, DeadLetterConfig={"Arn": QUEUE}))
    room.wait()
    assert room.tries == 3
    assert room.buried == [("ERROR_FROM_TARGET", 2, "MaximumRetryAttempts")]


def test_an_event_grows_too_old(room):
    room.faults = [refusal("InternalFailure", 500)] * 9
    policy = {"MaximumEventAgeInSeconds": 0}
    room.deliveries.submit(delivery(RetryPolicy=policy, DeadLetterConfig={"Arn": QUEUE}))
    room.wait()
    assert room.buried == [("ERROR_FROM_TARGET", 0, "MaximumEventAgeInSeconds")]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (refusal("AccessDeniedException", 403), "NO_PERMISSIONS"),
        (refusal("StateMachineDoesNotExist", 400), "NO_RESOURCE"),
        (refusal("AWS.SimpleQueueService.NonExistentQueue", 400), "NO_RESOURCE"),
        (refusal("ValidationException", 400), "ERROR_FROM_TARGET"),
    ],
)
def test_what_another_try_cannot_change_is_not_tried_again(room, fault, code):
    room.faults = [fault]
    room.deliveries.submit(delivery(DeadLetterConfig={"Arn": QUEUE}))
    room.wait()
    assert room.tries == 1
    assert room.buried == [(code, 0, "")]


def test_a_target_that_cannot_be_reached_is_tried_again():
    error = as_delivery_error(EndpointConnectionError(endpoint_url="http://x"))
    assert (error.code, error.final) == ("SDK_CLIENT_ERROR", False)


def test_a_broken_dead_letter_queue_disturbs_nobody(room):
    def broken(*arguments):
        raise DeliveryError("NO_RESOURCE", "gone", final=True)

    room.deliveries._dead_letters = broken
    room.faults = [refusal("AccessDenied", 403)]
    room.deliveries.submit(delivery(DeadLetterConfig={"Arn": QUEUE}))
    room.deliveries.submit(delivery())
    room.wait()


def test_what_was_on_its_way_is_taken_up_by_the_next_server(room, tmp_path):
    room.faults = [refusal("InternalFailure", 500)]
    room.deliveries._first_wait = 1_000.0
    room.deliveries.submit(delivery())
    ends = time.monotonic() + PATIENCE
    while room.tries < 1:
        assert time.monotonic() < ends
        time.sleep(0.01)
    room.deliveries.close()
    room.store.close()

    again = Room(tmp_path)
    again.deliveries.recover()
    again.wait()
    ends = time.monotonic() + PATIENCE
    while again.store.list(KIND):
        assert time.monotonic() < ends
        time.sleep(0.01)
    again.deliveries.close()
