"""A model's own handlers, called as SageMaker's inference toolkit calls them.

model_fn once; then input_fn, predict_fn and output_fn, or transform_fn alone, for each request.
Each may take the context as one argument more. What a model leaves out is done by
`serving_defaults`. Where the toolkit would tell a client an exception's text and its traceback, a
client is told nothing of the model's inside: the traceback is printed, for the log.
"""

import importlib
import importlib.util
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import serving_defaults as defaults
import serving_formats as formats
import serving_toolkit
from serving_context import Context

DEFAULT_PROGRAM = "inference.py"
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
NEUTRAL = b"The model could not answer; its log says why."
TYPE_OF_ERRORS = "text/plain"


@dataclass(frozen=True)
class Result:
    """The answer to one request."""

    status: int
    body: bytes
    content_type: str
    phrase: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class Handlers:
    """One loaded model; one request at a time."""

    def __init__(self, model_dir: str, model_name: str = "model") -> None:
        """Import the program and load the model; raises what they raise."""
        self._errors = serving_toolkit.install()
        self._context = Context(model_name, model_dir, _gpu())
        self._default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", formats.JSON)
        self._arities: dict[Any, int] = {}
        program = _program(model_dir)
        self._input = getattr(program, "input_fn", None) or defaults.input_fn
        self._predict = getattr(program, "predict_fn", None) or defaults.predict_fn
        self._output = getattr(program, "output_fn", None) or defaults.output_fn
        self._transform = _transform_fn(program) or self._steps
        self._model = self._load(program, model_dir)

    def _load(self, program: ModuleType | None, model_dir: str) -> Any:
        before = getattr(program, "pre_model_fn", None)
        after = getattr(program, "model_warmup_fn", None)
        if before:
            self._call(before, model_dir)
        model = self._call(getattr(program, "model_fn", defaults.model_fn), model_dir)
        if after:
            self._call(after, model_dir, model)
        return model

    def answer(self, body: bytearray, headers: Mapping[str, str], request_id: str = "") -> Result:
        """Answer one request, whatever happens in it."""
        try:
            return self.respond(body, headers, request_id)
        except Exception as error:  # noqa: BLE001 - the edge between the model's code and ours
            traceback.print_exc()
            return self._failed(error)

    def respond(self, body: bytearray, headers: Mapping[str, str], request_id: str = "") -> Result:
        """Answer one request; raises what the handlers raise."""
        processor = self._context.begin(request_id, headers)
        content_type = processor.get_request_property("Content-Type") or ""
        answered, kind = self._answer(body, content_type, self._accept(headers))
        status = processor.get_response_status_code()
        phrase = processor.get_response_status_phrase() or ""
        return Result(status, _bytes(answered), kind, phrase, _told(processor))

    def _accept(self, headers: Mapping[str, str]) -> str:
        accept = headers.get("Accept") or headers.get("accept")
        return self._default_accept if not accept or accept == formats.ANY else accept

    def _answer(self, body: Any, content_type: str, accept: str) -> tuple[Any, str]:
        """The answer and its content type."""
        if content_type in formats.UTF8_TYPES:
            body = body.decode("utf-8")
        result = self._call(self._transform, self._model, body, content_type, accept)
        if isinstance(result, tuple):
            return result[0], str(result[1])
        return result, accept

    def _steps(self, model: Any, body: Any, content_type: str, accept: str) -> Any:
        data = self._call(self._input, body, content_type)
        prediction = self._call(self._predict, data, model)
        return self._call(self._output, prediction, accept)

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a handler, with the context when it takes one argument more."""
        if function not in self._arities:
            self._arities[function] = len(inspect.signature(function).parameters)
        extra = self._arities[function] - len(arguments)
        if extra not in (0, 1):
            raise TypeError(
                f"{function.__name__} takes {len(arguments) + extra} arguments; it is called with "
                f"{len(arguments)}, and the context if it takes one more."
            )
        return function(*arguments, *[self._context][:extra])

    def _failed(self, error: Exception) -> Result:
        if isinstance(error, self._errors):
            body = str(error.message).encode()
            return Result(int(error.status_code), body, TYPE_OF_ERRORS, str(error.phrase))
        if isinstance(error, _Unanswerable):
            return Result(503, str(error).encode(), TYPE_OF_ERRORS)
        known = isinstance(error, formats.UnsupportedFormatError)
        return Result(500, str(error).encode() if known else NEUTRAL, TYPE_OF_ERRORS)


def hide() -> None:
    """Take this folder and its modules out of the way of the model's own imports."""
    own = Path(__file__).resolve().parent
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != own]
    for file in own.glob("serving_*.py"):
        sys.modules.pop(file.stem, None)


class _Unanswerable(Exception):
    """A handler has returned what is no body."""


def _bytes(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    try:
        return json.dumps(value, indent=2).encode()
    except TypeError:
        name = type(value).__name__
        raise _Unanswerable(
            f"The model's handlers answer with an object of type {name}; return bytes or text."
        ) from None


def _told(processor: Any) -> dict[str, str]:
    """The headers that a handler has set and that reach a client."""
    headers = processor.get_response_headers().items()
    told = [str(value) for name, value in headers if name.lower() == CUSTOM_ATTRIBUTES.lower()]
    return {CUSTOM_ATTRIBUTES: told[-1]} if told else {}


def _program(model_dir: str) -> ModuleType | None:
    """The module with the handlers, or None when the model data has none."""
    name = os.environ.get("SAGEMAKER_PROGRAM", DEFAULT_PROGRAM).removesuffix(".py")
    code = str(Path(model_dir, "code"))
    if code not in sys.path:
        sys.path.insert(0, code)
    importlib.invalidate_caches()
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def _transform_fn(program: ModuleType | None) -> Callable[..., Any] | None:
    found = getattr(program, "transform_fn", None)
    others = [n for n in ("input_fn", "predict_fn", "output_fn") if getattr(program, n, None)]
    if found and others:
        raise ValueError(
            f"The handlers define transform_fn and also {', '.join(others)}; keep one kind."
        )
    return found


def _gpu() -> int | None:
    return 0 if os.environ.get("CUDA_VISIBLE_DEVICES") else None
