"""Execution environments: loaded once, called often, ended when they fail, idle or are stale."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.functions.service import Scale

COUNTING = """
import os, tempfile
calls = 0
def answer(event, context):
    global calls
    calls += 1
    return {"calls": calls, "pid": os.getpid(), "tmp": tempfile.gettempdir(),
            "stream": context.log_stream_name, "kind": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]}
"""


def test_what_a_module_holds_lasts_from_call_to_call(aws):
    aws.create(COUNTING)
    first, second = aws.invoke()[0], aws.invoke()[0]
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"]
    assert first["kind"] == "on-demand"


def test_only_a_cold_call_reports_its_initialisation(aws):
    aws.create(COUNTING)
    aws.invoke()
    aws.invoke()
    cold, warm = [line for line in aws.log() if line.startswith("REPORT")]
    duration, billed, init = (
        float(re.findall(rf"\t{name}: ([\d.]+) ms", cold)[0])
        for name in ("Duration", "Billed Duration", "Init Duration")
    )
    assert duration + init <= billed < duration + init + 1.1
    assert "Init Duration" not in warm
    assert re.search(r"Max Memory Used: \d+ MB", warm)


def test_each_line_is_in_the_log_of_its_own_call(aws):
    source = """
import os, sys, threading
def answer(event, context):
    for number in range(200):
        print(event, "out", number)
        print(event, "err", number, file=sys.stderr)
    os.write(1, f"{event} raw without an end".encode())
"""
    aws.create(source)
    for event in ("first", "second"):
        _, answer = aws.invoke(event)
        request = answer["ResponseMetadata"]["RequestId"]
        log = aws.log()
        begin = log.index(f"START RequestId: {request} Version: $LATEST")
        printed = log[begin + 1 : log.index(f"END RequestId: {request}")]
        expected = [f"{event} {kind} {n}" for n in range(200) for kind in ("out", "err")]
        assert printed == [*expected, f"{event} raw without an end"]


def test_calls_at_the_same_time_have_environments_of_their_own(aws, tmp_path):
    source = """
import os, pathlib, tempfile, time
def answer(event, context):
    pathlib.Path(event["folder"], str(os.getpid())).touch()
    while len(os.listdir(event["folder"])) < 3:
        time.sleep(0.02)
    return [os.getpid(), tempfile.gettempdir(), context.log_stream_name]
"""
    aws.create(source, Timeout=60)
    folder = tmp_path / "calls"
    folder.mkdir()
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(aws.invoke, {"folder": str(folder)}) for _ in range(3)]
        seen = [answer.result()[0] for answer in answers]
    for kind in zip(*seen, strict=True):
        assert len(set(kind)) == 3
    assert set(aws.logs()) == {stream for _, _, stream in seen}


def test_an_environment_has_a_folder_for_its_files_that_goes_with_it(aws, functions):
    aws.create(COUNTING)
    seen, _ = aws.invoke()
    assert Path(seen["tmp"]).is_dir()
    functions.close()
    aws.wait_for(lambda: not Path(seen["tmp"]).exists() and aws.ended(seen["pid"]))


@pytest.mark.parametrize("change", ["code", "configuration"])
def test_a_change_ends_what_was_warm(aws, change):
    aws.create(COUNTING)
    before, _ = aws.invoke()
    if change == "code":
        aws.functions.update_function_code(FunctionName="dogs", ZipFile=aws.archive(COUNTING))
    else:
        aws.functions.update_function_configuration(FunctionName="dogs", Timeout=19)
    aws.wait_for(lambda: aws.ended(before["pid"]))
    after, _ = aws.invoke()
    assert (after["calls"], after["pid"] != before["pid"]) == (1, True)


def test_a_change_leaves_published_versions_warm(aws):
    aws.create(COUNTING, Publish=True)
    aws.invoke(Qualifier="1")
    aws.functions.update_function_code(FunctionName="dogs", ZipFile=aws.archive("x = 1"))
    assert aws.invoke(Qualifier="1")[0]["calls"] == 2


def test_a_call_that_is_under_way_outlives_a_change(aws, tmp_path):
    source = """
import os, pathlib, time
def answer(event, context):
    pathlib.Path(event["begun"]).touch()
    while not pathlib.Path(event["gate"]).exists():
        time.sleep(0.02)
    return os.getpid()
"""
    aws.create(source, Timeout=60)
    event = {"begun": str(tmp_path / "begun"), "gate": str(tmp_path / "gate")}
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(aws.invoke, event)
        aws.wait_for((tmp_path / "begun").exists)
        aws.functions.update_function_code(FunctionName="dogs", ZipFile=aws.archive(COUNTING))
        newer, _ = aws.invoke()
        (tmp_path / "gate").touch()
        older, _ = answer.result()
    assert newer["calls"] == 1
    assert older != newer["pid"]
    assert aws.invoke()[0]["calls"] == 2  # the newer one is the one that is warm
    aws.functions.delete_function(FunctionName="dogs")
    aws.wait_for(lambda: aws.ended(older) and aws.ended(newer["pid"]))


def test_a_crash_ends_an_environment_and_the_next_call_has_a_new_one(aws):
    source = """
import os
calls = 0
def answer(event, context):
    global calls
    calls += 1
    if event.get("crash"):
        os._exit(7)
    return calls
"""
    aws.create(source)
    assert [aws.invoke()[0], aws.invoke()[0]] == [1, 2]
    error, answer = aws.invoke({"crash": True})
    request = answer["ResponseMetadata"]["RequestId"]
    assert error == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request} Error: Runtime exited with error: exit status 7",
    }
    assert aws.invoke()[0] == 1


def test_a_warm_environment_that_dies_between_calls_is_replaced(aws):
    aws.create(COUNTING)
    before, _ = aws.invoke()
    os.kill(before["pid"], signal.SIGKILL)
    aws.wait_for(lambda: aws.ended(before["pid"]))
    after, answer = aws.invoke()
    assert "FunctionError" not in answer
    assert after["pid"] != before["pid"]


def test_a_module_that_fails_is_loaded_anew_by_every_call(aws, tmp_path):
    note = tmp_path / "loaded"
    source = f"""
with open({str(note)!r}, "a") as file:
    file.write("x")
raise RuntimeError("no dogs")
"""
    aws.create(source)
    for times in (1, 2):
        error, answer = aws.invoke()
        assert answer["FunctionError"] == "Unhandled"
        assert (error["errorType"], error["errorMessage"]) == ("RuntimeError", "no dogs")
        assert error["requestId"] == answer["ResponseMetadata"]["RequestId"]
        assert error["stackTrace"][0].splitlines()[0].endswith("in <module>")
        assert note.read_text() == "x" * times


def test_a_call_over_its_memory_limit_is_killed(aws):
    source = """
import time
kept = []
def answer(event, context):
    while True:
        kept.append(bytearray(b"x" * 1_000_000))
        time.sleep(event)
"""
    aws.create(source, MemorySize=128, Timeout=60)
    for pause in (0.002, 0):
        error, answer = aws.invoke(pause)
        request = answer["ResponseMetadata"]["RequestId"]
        assert error == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {request} Error: "
            "Runtime exited with error: signal: killed",
        }
    for log in aws.logs().values():
        assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in log[-1]
        assert log[-1].endswith("Status: error\tError Type: Runtime.ExitError")


def test_a_short_excess_of_memory_is_found_out_too(aws):
    aws.create("def answer(event, context):\n    return len(b'x' * 300_000_000)", MemorySize=128)
    assert aws.invoke()[0]["errorType"] == "Runtime.ExitError"
    aws.functions.update_function_configuration(FunctionName="dogs", MemorySize=1024)
    assert aws.invoke()[0] == 300_000_000


def test_memory_of_child_processes_counts(aws):
    child = "import time; kept = b'x' * 300_000_000; time.sleep(60)"
    source = f"""
import subprocess, sys
def answer(event, context):
    subprocess.run([sys.executable, "-c", {child!r}])
"""
    aws.create(source, MemorySize=256, Timeout=50)
    error, _ = aws.invoke()
    assert error["errorMessage"].endswith("signal: killed")


def test_large_events_and_answers_arrive_whole(aws):
    aws.create("def answer(event, context):\n    return event", MemorySize=512)
    event = ["x" * 1000] * 5000
    assert aws.invoke(event)[0] == event


def test_an_answer_that_is_too_large_is_refused_and_the_environment_stays(aws):
    source = COUNTING + "    \ndef big(event, context):\n    return 'x' * 7_000_000\n"
    aws.create(source, Handler="handler.big", MemorySize=512)
    error, _ = aws.invoke()
    assert error["errorType"] == "Function.ResponseSizeTooLarge"
    assert aws.invoke()[0]["errorType"] == "Function.ResponseSizeTooLarge"
    assert "Init Duration" not in aws.log()[-1]


def test_the_log_names_the_request_that_logged(aws):
    source = """
import logging
def answer(event, context):
    logging.warning("seen")
"""
    aws.create(source)
    requests = [aws.invoke()[1]["ResponseMetadata"]["RequestId"] for _ in range(2)]
    logged = [line.split("\t") for line in aws.log() if line.startswith("[WARNING]")]
    assert [line[2] for line in logged] == requests


class TestIdle:
    """Environments are ended after half a second here."""

    @pytest.fixture
    def scale(self):
        return Scale(idle=0.5)

    def test_an_idle_environment_ends(self, aws):
        aws.create(COUNTING)
        seen, _ = aws.invoke()
        aws.wait_for(lambda: aws.ended(seen["pid"]))
        assert not Path(seen["tmp"]).exists()
        assert aws.invoke()[0]["calls"] == 1


def test_threads_that_a_handler_leaves_do_not_hold_its_answer(aws):
    source = """
import threading, time
def talk():
    while True:
        print("still here", flush=True)
def answer(event, context):
    threading.Thread(target=talk, daemon=True).start()
    return "done"
"""
    aws.create(source)
    assert aws.invoke()[0] == "done"


def test_nothing_is_left_running_when_the_functions_close(aws, functions):
    aws.create(COUNTING)
    with ThreadPoolExecutor(4) as pool:
        pids = {answer[0]["pid"] for answer in pool.map(lambda _: aws.invoke(), range(8))}
    functions.close()
    aws.wait_for(lambda: all(map(aws.ended, pids)))


def test_many_calls_from_many_threads_all_get_their_own_answer(aws, functions):
    aws.create("def answer(event, context):\n    return event")
    target = functions.find("dogs")
    failures = []

    def call(thread: int) -> None:
        for number in range(50):
            event = [thread, number]
            answer = functions.run(target, json.dumps(event).encode())
            if json.loads(answer.outcome.payload) != event:
                failures.append((event, answer))

    threads = [threading.Thread(target=call, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
