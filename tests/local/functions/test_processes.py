"""How the process of an environment begins: forked where it may be, fresh where it must."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest

from local.functions.processes import Starter, can_fork
from local.functions.service import Scale

PARENT = """
import os, sys
def answer(event, context):
    with open(f"/proc/{os.getppid()}/cmdline") as file:
        parent = file.read()
    return {"forked": "zygote.py" in parent, "parent": os.getppid(), "pid": os.getpid(),
            "files": sorted(map(int, os.listdir("/proc/self/fd"))),
            "boto3": getattr(sys.modules.get("boto3"), "__file__", None)}
"""

forks = pytest.mark.skipif(not can_fork(), reason="only Linux can fork from a zygote")


class TestForking:
    """A starter of each test's own: its zygote may be killed."""

    @pytest.fixture
    def scale(self):
        return Scale(starter=Starter())

    @forks
    def test_an_ordinary_function_is_forked(self, aws):
        aws.create(PARENT)
        seen, _ = aws.invoke()
        assert seen["forked"]
        assert len(seen["files"]) == 5  # the three of every process, the control socket, the folder

    @forks
    def test_a_function_that_brings_a_module_of_the_zygote_s_gets_its_own(self, aws):
        code = {"ZipFile": aws.archive("import boto3\n" + PARENT, boto3="")}
        aws.create(PARENT, Code=code)
        seen, _ = aws.invoke()
        assert not seen["forked"]
        assert "site-packages" not in seen["boto3"]

    @forks
    def test_variables_that_python_reads_at_its_start_count(self, aws):
        source = "def answer(event, context):\n    return hash('dogs')"
        aws.create(source, Environment={"Variables": {"PYTHONHASHSEED": "0"}})
        first, _ = aws.invoke()
        aws.functions.update_function_configuration(FunctionName="dogs", Timeout=19)
        assert aws.invoke()[0] == first

    @forks
    def test_a_killed_zygote_takes_its_children_along_and_is_replaced(self, aws):
        aws.create(PARENT)
        before, _ = aws.invoke()
        os.kill(before["parent"], signal.SIGKILL)
        aws.wait_for(lambda: aws.ended(before["pid"]))
        after, _ = aws.invoke()
        assert after["forked"]
        assert after["parent"] != before["parent"]

    @forks
    def test_every_child_has_randomness_of_its_own(self, aws):
        source = (
            "import random\ndrawn = random.random()\ndef answer(event, context):\n    return drawn"
        )
        aws.create(source)
        first, _ = aws.invoke()
        aws.functions.update_function_configuration(FunctionName="dogs", Timeout=19)
        assert aws.invoke()[0] != first


class TestFresh:
    """Where nothing can be forked, as on a Mac."""

    @pytest.fixture
    def scale(self):
        return Scale(starter=Starter(forking=False), retry_delays=(0.01, 0.02))

    def test_a_fresh_process_serves_call_after_call(self, aws):
        source = """
import os
calls = 0
def answer(event, context):
    global calls
    calls += 1
    print("call", calls)
    return [calls, os.getpid()]
"""
        aws.create(source)
        first, second = aws.invoke()[0], aws.invoke()[0]
        assert (first[0], second[0]) == (1, 2)
        assert first[1] == second[1]
        assert [line for line in aws.log() if line.startswith("call")] == ["call 1", "call 2"]

    def test_it_fails_as_a_forked_one_does(self, aws):
        aws.create("def answer(event, context):\n    raise SystemExit(event)")
        messages = [aws.invoke(event)[0]["errorMessage"] for event in (3, 0, "words")]
        ends = [message.partition("Error: ")[2] for message in messages]
        assert ends == [
            "Runtime exited with error: exit status 3",
            "Runtime exited without providing a reason",
            "Runtime exited with error: exit status 1",
        ]

    def test_its_memory_is_its_own_and_not_the_server_s(self, aws):
        ballast = bytearray(os.urandom(1) * 400_000_000)
        aws.create("def answer(event, context):\n    return event", MemorySize=128)
        assert aws.invoke(json.dumps("dogs"))[0] == '"dogs"'
        assert len(ballast) == 400_000_000
        assert sys.platform != "linux" or "Max Memory Used: " in aws.log()[-1]
