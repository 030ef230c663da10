"""An instance of an endpoint: a real process that answers, queues, fails and ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.backend import Backend
from local.endpoints.container import Container
from local.endpoints.instance import Instance
from local.endpoints.invocation import InstanceGone, Invocation, ModelTimedOut, StartFailed
from local.jobs.warm import usable
from tests.local.endpoints import models
from tests.local.jobs.conftest import pack


def ask(instance: Instance, body: bytes | str, seconds: float = 20.0, **changes: str) -> Any:
    body = body.encode() if isinstance(body, str) else body
    return instance.invoke(Invocation("endpoint", body, **changes), seconds)


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    ends = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.005)
    return found


def lines(backend: Backend, instance: Instance) -> list[str]:
    group = backend.logs._backend.groups.get(instance.plan.log_group)
    stream = group.streams.get(instance.log_stream) if group else None
    return [event.message for event in stream.events] if stream else []


def process_of(instance: Instance) -> int:
    return instance._process._process.pid  # type: ignore[union-attr]


def test_it_answers_with_the_models_own_handlers(started):
    reply = ask(started(), "beagle")
    assert (reply.status, reply.body, reply.content_type) == (200, b"BEAGLE", "text/plain")
    assert 0 < reply.seconds < 20


def test_its_id_is_that_of_an_instance(started):
    instance = started()
    assert instance.id.startswith("i-") and len(instance.id) == 19
    assert instance.log_stream == f"AllTraffic/{instance.id}"


def test_large_bodies_pass_in_both_directions(started):
    body = os.urandom(1 << 20) * 24
    reply = ask(started(models.FAILING), body)
    assert reply.body == body


def test_custom_attributes_reach_the_handlers_and_come_back(started):
    handlers = f"""{models.LOAD}
NAME = "X-Amzn-SageMaker-Custom-Attributes"
def input_fn(body, content_type):
    return body
def predict_fn(data, model, context):
    context.set_response_header(0, NAME, context.get_request_header(0, NAME) + "\\r\\nX-Evil: 1")
    return sorted(context.get_all_request_header(0))
def output_fn(prediction, accept):
    return ",".join(prediction)
"""
    reply = ask(started(handlers), "x", custom_attributes="trace=7")
    assert reply.custom_attributes == "trace=7  X-Evil: 1"
    assert b"Secret" not in reply.body


def test_errors_keep_their_status_and_their_message_and_no_traceback(started, backend):
    instance = started(models.FAILING)
    refused, failed = ask(instance, "400"), ask(instance, "500")
    assert (refused.status, refused.body) == (400, b"that is no dog")
    assert (failed.status, failed.body) == (500, b"The model could not answer; its log says why.")
    until(lambda: "ValueError: the secret recipe" in lines(backend, instance))


def test_what_the_model_prints_is_in_the_endpoints_log(started, backend):
    instance = started(models.SLOW)
    ask(instance, "0")
    assert instance.plan.log_group == "/aws/sagemaker/Endpoints/endpoint"
    until(lambda: "begins 0" in lines(backend, instance))


def test_a_request_without_the_secret_is_refused(started):
    instance = started()
    client = http.client.HTTPConnection("127.0.0.1", instance._pools[0]._port, timeout=20)
    for headers in ({}, {"X-Breedline-Secret": "guess"}):
        client.request("POST", "/invocations", b"beagle", headers)
        response = client.getresponse()
        assert (response.status, response.read()) == (403, b"")
        client.close()


def test_a_ping_is_answered_while_a_request_is_computed(started, backend):
    instance = started(models.SLOW)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, instance, "0.3")
        until(lambda: "begins 0.3" in lines(backend, instance))
        assert instance.ping()
        assert instance.in_flight == 1
        assert slow.result().body == b"0.3"
    assert instance.in_flight == 0


@pytest.mark.parametrize(("workers", "most", "patience"), [("1", 1, 0.05), ("2", 2, 10.0)])
def test_as_many_requests_as_it_has_workers_are_computed_at_once(
    started, workers, most, patience, tmp_path
):
    (tmp_path / "now").mkdir()
    handlers = f"""{models.LOAD}
import os, pathlib, time
def transform_fn(model, body, content_type, accept):
    mine = pathlib.Path({str(tmp_path / "now")!r}, bytes(body).decode())
    mine.touch()
    ends = time.monotonic() + {patience}
    met = mine.parent.parent / "met"  # once two have met, nobody waits any more
    while (seen := len(list(mine.parent.iterdir()))) < 2 and time.monotonic() < ends:
        if met.exists():
            break
        time.sleep(0.005)
    if seen > 1:
        met.touch()
    time.sleep(0.02)
    mine.unlink()
    return str(seen)
"""
    instance = started(handlers, environment={"SAGEMAKER_MODEL_SERVER_WORKERS": workers})
    with ThreadPoolExecutor() as pool:
        seen = list(pool.map(lambda n: int(ask(instance, str(n)).body), range(4)))
    assert max(seen) == most


def test_a_late_answer_is_given_up_and_the_next_request_is_answered(started):
    instance = started(models.SLOW)
    with pytest.raises(ModelTimedOut, match="did not answer in time"):
        ask(instance, "0.2", seconds=0.05)
    assert instance.in_flight == 0
    assert ask(instance, "0").body == b"0"


def test_a_request_that_nobody_waits_for_is_not_begun(started, backend):
    instance = started(models.SLOW)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, instance, "0.3")
        until(lambda: "begins 0.3" in lines(backend, instance))
        with pytest.raises(ModelTimedOut):
            ask(instance, "9", seconds=0.02)
        first.result()
    ask(instance, "0")
    until(lambda: "begins 0" in lines(backend, instance))
    assert lines(backend, instance) == ["begins 0.3", "begins 0"]


def test_a_process_that_ends_takes_its_requests_with_it_and_says_so(started):
    instance = started(models.FAILING)
    told: list[Instance] = []
    instance.on_end(told.append)
    with pytest.raises(InstanceGone):
        ask(instance, "exit")
    until(lambda: told == [instance])
    assert not instance.alive()
    assert not instance.ping()
    with pytest.raises(InstanceGone):
        ask(instance, "beagle")


def test_one_who_asks_late_is_told_at_once_that_it_has_ended(started):
    instance = started()
    os.kill(process_of(instance), signal.SIGKILL)
    until(lambda: not instance.alive())
    told: list[Instance] = []
    instance.on_end(told.append)
    assert told == [instance]


def test_a_worker_that_ends_ends_the_instance(started):
    instance = started(models.FAILING, environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "2"})
    told = threading.Event()
    instance.on_end(lambda _: told.set())
    with ThreadPoolExecutor() as pool:
        gone = [pool.submit(ask, instance, "exit") for _ in range(2)]
        assert all(isinstance(one.exception(), InstanceGone) for one in gone)
    assert told.wait(20)


def test_stopping_lets_what_is_computed_end(started, backend):
    instance = started(models.SLOW)
    told: list[Instance] = []
    instance.on_end(told.append)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, instance, "0.3")
        until(lambda: "begins 0.3" in lines(backend, instance))
        instance.stop()
        assert slow.result().body == b"0.3"
    with pytest.raises(InstanceGone):
        ask(instance, "0")
    assert not instance.alive()
    assert not models.folder(backend, "0").exists()
    assert told == []


def test_stopping_without_patience_ends_what_is_computed(started, backend):
    instance = started(models.SLOW)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, instance, "60")
        until(lambda: "begins 60" in lines(backend, instance))
        instance.stop(patience=0.05)
        assert isinstance(slow.exception(), InstanceGone)


def test_a_server_told_to_end_answers_what_it_computes(started, backend):
    instance = started(models.SLOW)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(ask, instance, "0.3")
        until(lambda: "begins 0.3" in lines(backend, instance))
        os.kill(process_of(instance), signal.SIGTERM)
        assert slow.result().body == b"0.3"
    until(lambda: not instance.alive())


HEALTH = (
    "The primary container for production variant AllTraffic did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


def test_a_model_that_does_not_load_says_why(started):
    with pytest.raises(StartFailed) as failed:
        started(models.EXITS_AT_LOAD)
    assert str(failed.value) == f"{HEALTH} Its last words: ValueError: no weights in here"


def test_a_model_that_loads_for_ever_fails_after_its_time(started, backend):
    with pytest.raises(StartFailed) as failed:
        started(models.NEVER_HEALTHY, startup_seconds=0.2)
    assert str(failed.value).startswith(HEALTH)
    assert not models.folder(backend, "0").exists()


def test_a_start_can_be_called_off(backend):
    instance = Instance(backend, models.plan(backend, models.NEVER_HEALTHY), models.folder(backend))
    with pytest.raises(StartFailed, match="was stopped before it was healthy"):
        instance.start(stopped=lambda: True)
    assert not instance.alive()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": "s3://models/none.tar.gz"}, "There is no model data at s3://models/none.tar.gz"),
        ({"data": ""}, "has no ModelDataUrl"),
        ({"data": "s3://models/text.tar.gz"}, "cannot be unpacked"),
        (
            {"environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": "many"}},
            "sets SAGEMAKER_MODEL_SERVER_WORKERS to 'many'; give a whole number from 1",
        ),
        (
            {"environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://models/none.tar.gz"}},
            "There is no code package at s3://models/none.tar.gz",
        ),
    ],
)
def test_a_container_that_cannot_run_is_refused_with_one_sentence(backend, changes, reason):
    backend.objects.write("models", "text.tar.gz", b"no archive")
    given = {"model": "beagles", "data": models.put_archive(backend, "beagles"), **changes}
    plan = models.plan(backend, container=Container(**given))
    with pytest.raises(StartFailed, match=reason):
        Instance(backend, plan, models.folder(backend)).start()
    assert not models.folder(backend).exists()


def test_missing_requirements_are_named(backend):
    uri = models.put_archive(backend, "m", **{"code/requirements.txt": "no-such-package==1.0"})
    plan = models.plan(backend, container=Container("m", uri))
    with pytest.raises(StartFailed, match="asks for 'no-such-package==1.0'"):
        Instance(backend, plan, models.folder(backend)).start()


def test_the_models_variables_and_paths_are_those_of_a_container(started, backend):
    handlers = f"""{models.LOAD}
import json, os, sys
def transform_fn(model, body, content_type, accept):
    import beside
    names = ("MINE", "OMP_NUM_THREADS", "AWS_REGION", "BREEDLINE_SERVER_SECRET", "PLACE")
    own = [name for name in sys.modules if name.startswith("serving_")]
    return json.dumps([os.environ.get(name) for name in names] + [model, beside.X, own])
"""
    environment = {"MINE": "yes", "PLACE": "/opt/ml/model/code"}
    uri = models.put_archive(backend, "m", handlers, **{"code/beside.py": "X = 7"})
    instance = started(container=Container("m", uri, environment=environment), cores=3)
    told = json.loads(ask(instance, "x").body)
    mine, threads, region, secret, place, model, beside, own = told
    assert (mine, threads, region, secret, beside, own) == ("yes", "3", "eu-west-1", None, 7, [])
    assert place == f"{model}/code"


def test_handlers_come_from_a_code_package_too(backend, started):
    backend.objects.write("models", "code.tar.gz", pack({"serve.py": models.version("packaged")}))
    environment = {
        "SAGEMAKER_PROGRAM": "serve.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "s3://models/code.tar.gz",
    }
    assert ask(started(environment=environment), "x").body == b"packaged"


def test_model_data_may_be_a_prefix_of_files(backend, started):
    backend.objects.write("models", "open/code/inference.py", models.version("open").encode())
    container = Container("open", "s3://models/open/", prefix=True)
    assert ask(started(container=container), "x").body == b"open"


def test_instances_of_one_model_share_its_files(started, backend):
    started(), started(), started(models.version("two"))
    numbers = [
        (models.folder(backend, str(n)) / "opt/ml/model/code/inference.py").stat().st_ino
        for n in range(3)
    ]
    assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.skipif(not usable(), reason="needs Linux with pidfds, and torch")
def test_a_model_that_uses_torch_is_forked_with_it_and_has_its_cores_threads(started):
    handlers = """
import sys
early = "torch" in sys.modules
import torch
def model_fn(model_dir):
    return torch.nn.Linear(2, 2).eval()
def transform_fn(model, body, content_type, accept):
    with torch.inference_mode():
        return [early, torch.get_num_threads(), list(model(torch.ones(1, 2)).shape)]
"""
    environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
    instance = started(handlers, environment=environment, cores=2, startup_seconds=120.0)
    assert json.loads(ask(instance, "x").body) == [True, 1, [1, 2]]
