"""Runs cases of handlers, one process each: `python handler_runner.py ours|toolkit FOLDER…`.

Cases come as JSON on standard input, results go as JSON to standard output. The folders are put
on the search path: for `toolkit` those of torch, which its Python does not have itself.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any


def main() -> None:
    whose, *folders = sys.argv[1:]
    sys.path.extend(folders)
    cases = json.load(sys.stdin)
    save_models(cases)
    answer = {"ours": ours, "toolkit": toolkit}[whose]
    results = [run(answer, case) for case in cases]
    print(json.dumps(results))


def save_models(cases: list[dict[str, Any]]) -> None:
    """Write the TorchScript files of the cases: models that double."""
    import torch  # once for all cases, which are forks of this process

    class Doubling(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x * 2

    doubling = torch.jit.trace(Doubling(), torch.ones(2))
    for case in cases:
        for name in case["files"]:
            doubling.save(f"{case['model']}/{name}")


def run(answer: Callable[[dict[str, Any]], dict[str, Any]], case: dict[str, Any]) -> Any:
    """The result of a case in a process of its own."""
    ours_end, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours_end)
        with os.fdopen(theirs, "w") as pipe:
            os.dup2(2, 1)
            json.dump(result(answer, case), pipe)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours_end) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


def result(
    answer: Callable[[dict[str, Any]], dict[str, Any]], case: dict[str, Any]
) -> dict[str, Any]:
    os.environ.update(case["environment"])
    try:
        return answer(case)
    except Exception as error:  # noqa: BLE001 - the model did not load: that is the result
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}


def ours(case: dict[str, Any]) -> dict[str, Any]:
    from serving_handlers import Handlers

    handlers = Handlers(case["model"])
    body = bytearray(base64.b64decode(case["body"]))
    answered = handlers.answer(body, case["headers"], "request")
    return {
        "status": answered.status,
        "phrase": answered.phrase,
        "content_type": answered.content_type,
        "headers": answered.headers,
        "body": base64.b64encode(answered.body).decode(),
    }


class NoMetrics:
    request_ids = None

    def add_time(self, *_: Any) -> None:
        return


def toolkit(case: dict[str, Any]) -> dict[str, Any]:
    """AWS's own handler service in TorchServe's own service, with its own wire format."""
    sys.path.insert(0, f"{case['model']}/code")
    os.chdir(case["model"])  # it looks for other names than model.pt in the working folder
    from sagemaker_pytorch_serving_container.handler_service import HandlerService  # type: ignore[import-not-found]
    from ts.service import Service  # type: ignore[import-not-found]

    entry = HandlerService()
    service = Service("model", case["model"], None, entry.handle, None, 1, True, NoMetrics())
    service.set_cl_socket(None)
    entry.initialize(service.context)
    headers = [
        {"name": n.encode(), "value": v.encode("latin-1")} for n, v in case["headers"].items()
    ]
    value = bytearray(base64.b64decode(case["body"]))
    part = {"name": "body", "contentType": "", "value": value}
    batch = [{"requestId": b"request", "headers": headers, "parameters": [part]}]
    return read_frame(service.predict(batch))


def read_frame(frame: bytearray) -> dict[str, Any]:
    """What TorchServe's front end would read and send on."""
    at = 0

    def number() -> int:
        nonlocal at
        at += 4
        return int(struct.unpack("!i", frame[at - 4 : at])[0])

    def part() -> bytes:
        nonlocal at
        length = number()
        at += length
        return bytes(frame[at - length : at])

    code, _, _ = number(), part(), part()
    content_type, status, phrase = part().decode(), number(), part().decode()
    headers = {part().decode(): part().decode() for _ in range(number())}
    headers.pop("content-type", None)
    return {
        "status": status if code == 200 else code,
        "phrase": phrase,
        "content_type": content_type,
        "headers": headers,
        "body": base64.b64encode(part()).decode(),
    }


if __name__ == "__main__":
    main()
