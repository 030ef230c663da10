"""Open-loop load: what a stalled endpoint is charged for."""

import threading

from commands.load import arrivals, hold


def test_requests_leave_at_random_times_the_same_at_each_call():
    times = arrivals(20, 3)
    assert len(times) == 60
    assert times == sorted(times) == arrivals(20, 3)
    assert 0 <= times[0] <= times[-1] <= 3
    gaps = {round(later - time, 6) for time, later in zip(times, times[1:], strict=False)}
    assert len(gaps) > 30
    assert len(arrivals(0.1, 1)) == 1


def test_a_stall_is_charged_to_all_that_was_due_meanwhile():
    released = threading.Event()

    def send(number):
        if number == 0:
            released.wait(0.2)

    first, *others = hold(send, [0.0, 0.01, 0.02], workers=1, patience=5)
    assert first.latency >= 0.2
    for request in others:
        assert request.latency >= request.lag >= 0.15  # though each was answered at once


def test_with_workers_to_spare_a_stall_holds_nobody_up():
    released = threading.Event()

    def send(number):
        if number == 0:
            released.wait(5)
        else:
            released.set()  # which only a second worker can do

    first, other = hold(send, [0.0, 0.0], workers=2, patience=5)
    assert first.error is other.error is None


def test_what_cannot_leave_in_time_is_an_error_and_is_not_sent():
    sent, wait = [], threading.Event()

    def send(number):
        sent.append(number)
        wait.wait(0.1)

    requests = hold(send, [0.0] * 5, workers=1, patience=0.05)
    assert sent == [0]
    assert [bool(request.error) for request in requests] == [False, True, True, True, True]
    assert requests[1].error == "It could not leave within 0.05 s."


def test_whatever_goes_wrong_is_kept_with_its_request():
    def send(number):
        if number == 1:
            raise OSError("refused")

    assert [r.error for r in hold(send, [0.0, 0.0, 0.0], 3, 5)] == [None, "refused", None]


def test_a_load_that_is_stopped_ends_before_its_schedule():
    stop = threading.Event()
    requests = hold(lambda number: stop.set(), [0.0, 3_600.0], 1, 5, stop)
    assert requests[0].error is None
    assert len(requests) <= 2
