"""Cores are shared first come, first served, and never lent twice."""

import threading

import pytest

from local.capacity import Capacity, instance_cores


@pytest.mark.parametrize(
    ("instance_type", "cores"),
    [("ml.m5.large", 2), ("ml.t3.medium", 1), ("ml.m5.xlarge", 4), ("ml.g4dn.12xlarge", 48)],
)
def test_an_instance_type_tells_its_cores(instance_type, cores):
    assert instance_cores(instance_type) == cores


def test_hosts_of_one_job_divide_the_machine():
    capacity = Capacity(cores=2)
    assert capacity.cores_per_host("ml.g4dn.xlarge", hosts=1) == 2
    assert capacity.cores_per_host("ml.g4dn.xlarge", hosts=2) == 1
    assert capacity.cores_per_host("ml.g4dn.xlarge", hosts=5) == 1


def test_cores_are_never_lent_twice():
    capacity = Capacity(cores=2)
    busy, most, lock = 0, 0, threading.Lock()
    pause = threading.Event()

    def work(cores):
        nonlocal busy, most
        with capacity.hold(cores):
            with lock:
                busy += cores
                most = max(most, busy)
            pause.wait(0.01)
            with lock:
                busy -= cores

    threads = [threading.Thread(target=work, args=(1 + n % 2,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    assert most == 2


def test_more_than_the_machine_has_means_all_of_it():
    with Capacity(cores=2).hold(8) as granted:
        assert granted


def test_a_job_stopped_while_it_waits_holds_nothing():
    capacity = Capacity(cores=1)
    with capacity.hold(1), capacity.hold(1, stopped=lambda: True) as granted:
        assert not granted
    with capacity.hold(1) as granted:
        assert granted
