"""What a call of a Lambda function costs on the embedded AWS, beside a call of it in Python.

    python -m benchmarks.functions [--runs 20] [--json]

Each row is one handler, called five ways: in this process (the floor), in a warm environment, in a
cold one that is forked from a process which has imported boto3, in a cold one that is a fresh
Python, and through boto3 in a warm one. Medians, in milliseconds, of one run of this file on one
machine; each call but the floor writes its log and its metrics.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
import tempfile
import threading
import time
import types
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import boto3
from werkzeug.serving import make_server

from local.backend import open_backend
from local.functions.moto_doors import answer_invocations
from local.functions.processes import Starter
from local.functions.service import Functions, Scale

ACCOUNT, REGION = "123456789012", "eu-west-1"
HANDLERS = {
    "does nothing": "def answer(event, context):\n    return event\n",
    "makes a boto3 client": (
        "import boto3\nclient = boto3.client('s3')\ndef answer(event, context):\n    return event\n"
    ),
    "imports Pillow and numpy": (
        "import numpy\nimport PIL.Image\ndef answer(event, context):\n    return event\n"
    ),
}
EVENT = {"breed": "beagle"}


def measure(runs: int) -> list[dict[str, Any]]:
    """One row for each handler, in milliseconds."""
    return [_measure_handler(name, source, runs) for name, source in HANDLERS.items()]


def _measure_handler(name: str, source: str, runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        backend = open_backend(Path(folder), ACCOUNT, REGION, {"AWS_ENDPOINT_URL": "http://[::1]"})
        forking = Functions(backend, Scale(starter=Starter()))
        fresh = Functions(backend, Scale(starter=Starter(forking=False)))
        function = name.replace(" ", "-")
        _create(forking, function, source)
        row = {
            "handler": name,
            "floor": _median(runs, _in_this_process(source)),
            "warm": _median(runs, lambda: _call(forking, function)),
            "cold_forked": _median(runs, lambda: _call_cold(forking, function)),
            "cold_fresh": _median(runs, lambda: _call_cold(fresh, function)),
        }
        with _client(forking) as client:
            event = json.dumps(EVENT)
            row["warm_boto3"] = _median(
                runs, lambda: client.invoke(FunctionName=function, Payload=event)["Payload"].read()
            )
        forking.close()
        fresh.close()
        backend.store.close()
    return row


def _in_this_process(source: str) -> Callable[[], Any]:
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    module = types.ModuleType("handler")
    exec(compile(source, "handler.py", "exec"), module.__dict__)  # noqa: S102 - our own text
    return lambda: json.dumps(module.answer(json.loads(json.dumps(EVENT)), None))


def _median(runs: int, call: Callable[[], Any]) -> float:
    """The median of `runs` timed calls after one that is not counted."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return round(1000 * median(times[1:]), 3)


def _call(functions: Functions, name: str) -> None:
    answer = functions.run(functions.find(name), json.dumps(EVENT).encode())
    if answer.outcome.failed:
        raise SystemExit(answer.log_tail.decode())


def _call_cold(functions: Functions, name: str) -> None:
    functions.forget(functions.find(name).function.arn)
    _call(functions, name)


def _create(functions: Functions, name: str, source: str) -> None:
    answer_invocations(functions)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("handler.py", source)
    with _client(functions) as client:
        clients = {"region_name": REGION, "endpoint_url": client.meta.endpoint_url}
        iam = boto3.client("iam", **clients, **_KEYS)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="handler.answer",
            Role=f"arn:aws:iam::{ACCOUNT}:role/{name}",
            Code={"ZipFile": archive.getvalue()},
            MemorySize=512,
            Timeout=30,
        )


_KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}


@contextmanager
def _client(functions: Functions) -> Iterator[Any]:
    """A Lambda client of a server in this process."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    server = make_server(
        "127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.port}"
        yield boto3.client("lambda", region_name=REGION, endpoint_url=url, **_KEYS)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


COLUMNS = ("floor", "warm", "warm_boto3", "cold_forked", "cold_fresh")


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = measure(arguments.runs)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'handler':<26}" + "".join(f"{column.replace('_', ' '):>14}" for column in COLUMNS))
    for row in rows:
        print(f"{row['handler']:<26}" + "".join(f"{row[c]:>11.3f} ms" for c in COLUMNS))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # environments that are still ending need not be waited for
