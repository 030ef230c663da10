"""CPU and memory of real model servers, at times that the test sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest
from moto.cloudwatch.models import cloudwatch_backends

from local.endpoints import utilisation
from local.endpoints.instance import Instance
from local.endpoints.invocation import Invocation
from local.endpoints.utilisation import PROC, Utilisation
from local.functions.memory import resident_kb
from tests.local.endpoints import models
from tests.local.endpoints.serving import Serving

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc")
NOON = 1_800_000_000
SHARE = 5.0  # percent: half a second of ten

# Computes, in a child too, until the processes have used half a second of CPU.
BUSY = f"""{models.LOAD}
import os, time
def burn(seconds):
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        pass
def transform_fn(model, body, content_type, accept):
    child = os.fork()
    if not child:
        burn(0.25)
        os._exit(0)
    burn(0.25)
    os.waitpid(child, 0)
    return body, "text/plain"
"""


def points(backend, name):
    return [
        point
        for point in cloudwatch_backends[backend.account][backend.region].metric_data
        if point.namespace == "/aws/sagemaker/Endpoints" and point.name == name
    ]


def values(backend, name):
    return [point.value for point in points(backend, name)]


@pytest.fixture
def watched(backend) -> Iterator[Utilisation]:
    opened = Utilisation(backend)
    opened._closed.set()  # no thread: the test looks
    yield opened


@pytest.fixture
def instance(backend, watched) -> Iterator[Instance]:
    launcher = watched.launcher("dogs", "AllTraffic")
    plan = models.plan(backend, BUSY)
    started = Instance(backend, plan, models.folder(backend, "busy"), launcher)
    started.start()
    yield started
    started.stop(patience=0)


def test_the_cpu_of_an_instance_is_what_its_processes_used_since_the_last_look(
    backend, watched, instance
):
    watched.measure(NOON)
    assert values(backend, "CPUUtilization") == []  # of what time?
    instance.invoke(Invocation("dogs", b"woof"))
    watched.measure(NOON + 10)
    watched.measure(NOON + 20)
    busy, idle = values(backend, "CPUUtilization")
    assert busy > 0.9 * SHARE > idle >= 0


def test_memory_is_a_share_of_the_machine(backend, watched, instance):
    watched.measure(NOON)
    (share,) = values(backend, "MemoryUtilization")
    (process,) = watched._running
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024
    resident = resident_kb(process)
    assert resident is not None
    assert share == pytest.approx(100 * resident / whole, rel=0.2)
    (point,) = points(backend, "MemoryUtilization")
    assert {d.name: d.value for d in point.dimensions} == {
        "EndpointName": "dogs",
        "VariantName": "AllTraffic",
    }
    assert point.unit == "Percent"


def test_an_instance_that_has_ended_is_told_of_no_more(backend, watched, instance):
    instance.stop(patience=0)
    watched.measure(NOON)
    assert values(backend, "MemoryUtilization") == []
    assert watched._running == {}


def test_each_instance_of_an_endpoint_is_told_of(backend, monkeypatch):
    monkeypatch.setattr(utilisation, "EVERY", 0.1)
    serving = Serving(backend)
    try:
        serving.create(serving.config("two", variant={"InitialInstanceCount": 2}))

        def both(name):
            times = [point.timestamp for point in points(backend, name)]
            return any(times.count(moment) == 2 for moment in times)

        for name in ("CPUUtilization", "MemoryUtilization"):
            serving.until(partial(lambda name, found: both(name), name))
    finally:
        serving.close()
