"""Runs inside a transform job's process: the model's four handlers over each input file.

Run as `python transform_worker.py PLAN`; PLAN is a JSON file written by `transform_run`. Stands
alone: it imports nothing of the embedded AWS.
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    handlers = Handlers(load_program(plan["program"]), plan)
    for name in plan["names"]:
        try:
            answers = [handlers.answer(body) for body in bodies(plan, name)]
        except Exception as error:
            reason = f"{name}: {type(error).__name__}: {error}"
            Path(plan["failure"]).write_text(reason, encoding="utf-8")
            raise
        target = Path(plan["answers"], f"{name}.out")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(assembled(answers, plan["assemble"]))
        print(f"{name}: {len(answers)} answered", flush=True)


def load_program(path: str) -> ModuleType:
    """Import the handlers' file, with the modules beside it in reach."""
    if not Path(path).is_file():
        sys.exit(f"The model data has no code/{Path(path).name}; put the handlers there.")
    sys.path[0] = str(Path(path).parent)  # in place of this file's own folder
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec and spec.loader  # noqa: S101 - the file is there
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Handlers:
    """model_fn, input_fn, predict_fn and output_fn of one program, called as serving calls them."""

    def __init__(self, program: ModuleType, plan: dict[str, Any]) -> None:
        if not hasattr(program, "model_fn"):
            sys.exit(f"{program.__file__} defines no model_fn(model_dir).")
        self._input = getattr(program, "input_fn", lambda body, kind: json.loads(body))
        self._predict = getattr(program, "predict_fn", lambda data, model: model(data))
        self._output = getattr(program, "output_fn", lambda answer, accept: json.dumps(answer))
        self._model = program.model_fn(plan["model"])
        self._content_type, self._accept = plan["content_type"], plan["accept"]

    def answer(self, body: bytes) -> bytes:
        data = self._input(body, self._content_type)
        answer = self._output(self._predict(data, self._model), self._accept)
        if isinstance(answer, tuple):  # (body, content type), as some handlers answer
            answer = answer[0]
        return answer if isinstance(answer, bytes) else str(answer).encode()


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
