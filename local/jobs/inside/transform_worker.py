"""Runs inside a transform job's process: the model's own handlers over each input file.

Run as `python transform_worker.py PLAN`; PLAN is a JSON file written by `transform_run`. Stands
alone: it imports nothing of the embedded AWS but what stands alone too, the handlers of endpoints.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SERVING = Path(__file__).resolve().parents[2] / "endpoints" / "inside"


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    model = load(plan["model"])
    for name in plan["names"]:
        try:
            answers = [answer(model, body, plan, name) for body in bodies(plan, name)]
        except Exception as error:
            reason = f"{name}: {type(error).__name__}: {getattr(error, 'message', error)}"
            Path(plan["failure"]).write_text(reason, encoding="utf-8")
            raise
        target = Path(plan["answers"], f"{name}.out")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(assembled(answers, plan["assemble"]))
        print(f"{name}: {len(answers)} answered", flush=True)


def load(model: str) -> Any:
    """The loaded model with its handlers, as an endpoint would have it."""
    sys.path[0] = str(SERVING)  # in place of this file's own folder
    handlers = importlib.import_module("serving_handlers")
    handlers.hide()
    return handlers.Handlers(model)


def answer(model: Any, body: bytes, plan: dict[str, Any], name: str) -> bytes:
    """The model's answer to one request; raises what its handlers raise."""
    headers = {"Content-Type": plan["content_type"], "Accept": plan["accept"]}
    result = model.respond(bytearray(body), headers, name)
    if result.status >= 400:
        raise ValueError(f"the handlers answered with the status {result.status}")
    return bytes(result.body)


def bodies(plan: dict[str, Any], name: str) -> Iterator[bytes]:
    """The requests that one input file is cut into."""
    content = Path(plan["data"], name).read_bytes()
    if plan["split"] == "None":
        records = [content]
    elif plan["strategy"] == "SingleRecord":
        records = content.splitlines()
    else:
        records = list(batches(content.splitlines(), plan["max_bytes"]))
    for record in records:
        if len(record) > plan["max_bytes"]:
            raise ValueError(f"a record has {len(record)} bytes, more than MaxPayloadInMB")
        yield record


def batches(lines: list[bytes], most: int) -> Iterator[bytes]:
    """Lines joined to requests of at most `most` bytes."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and size + len(line) + 1 > most:
            yield b"\n".join(batch)
            batch, size = [], 0
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield b"\n".join(batch)


def assembled(answers: list[bytes], how: str) -> bytes:
    if how == "Line":
        return b"".join(answer.rstrip(b"\n") + b"\n" for answer in answers)
    return b"".join(answers)


if __name__ == "__main__":
    main()
