"""What handlers are called with and what becomes of what they return: one case a line or so.

`test_handlers` runs them here against what is written; `test_serving_conformance` runs them under
AWS's own toolkit as well and compares.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUNNER = Path(__file__).parent / "handler_runner.py"
INSIDE = Path(__file__).parents[3] / "local" / "endpoints" / "inside"
NEUTRAL = b"The model could not answer; its log says why."
JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"

LOAD = "def model_fn(model_dir):\n    return 'model'\n"
IMPORTS = "import json\nimport numpy as np\nfrom sagemaker_inference import *\n"


@dataclass(frozen=True)
class Case:
    """One request to one model. `files` are TorchScript that doubles; status 0: it does not load.

    `differs` names what AWS's toolkit does otherwise, on purpose.
    """

    name: str
    handlers: str = ""
    body: bytes = b"[1, 2]"
    content_type: str | None = JSON
    accept: str | None = "*/*"
    environment: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    program: str = "inference.py"
    status: int = 200
    answer: bytes | None = None
    answered_type: str | None = None
    phrase: str | None = None
    told: dict[str, str] = field(default_factory=dict)
    differs: dict[str, str] = field(default_factory=dict)

    def as_request(self, model: Path) -> dict[str, Any]:
        sent = {"Content-Type": self.content_type, "Accept": self.accept}
        headers = {name: value for name, value in sent.items() if value is not None}
        return {
            "model": str(model),
            "body": base64.b64encode(self.body).decode(),
            "headers": headers | self.headers,
            "environment": self.environment,
            "files": self.files,
        }


def npy(values: Any, kind: str = "float32", pickled: bool = False) -> bytes:
    import numpy

    packed = io.BytesIO()
    numpy.save(packed, numpy.array(values, dtype=kind), allow_pickle=pickled)
    return packed.getvalue()


def transform(body: str) -> str:
    """Handlers whose transform_fn has this body."""
    return f"{LOAD}{IMPORTS}def transform_fn(model, body, content_type, accept):\n    {body}\n"


def steps(predict: str = "return data", **others: str) -> str:
    """Handlers with a predict_fn of this body, and other functions given in full."""
    return "\n".join(
        [LOAD, IMPORTS, f"def predict_fn(data, model):\n    {predict}", *others.values()]
    )


TELL_BODY = transform("return json.dumps([type(body).__name__, len(body), content_type, accept])")
TELL_INPUT = steps(
    "return data", output="def output_fn(data, accept):\n    return f'{data.dtype} {data.tolist()}'"
)
FOUR = f"""{IMPORTS}
def model_fn(model_dir): return [3]
def input_fn(body, content_type): return [body, content_type]
def predict_fn(data, model): return data + model
def output_fn(prediction, accept): return json.dumps(prediction + [accept])
"""
CONTEXTS = f"""{IMPORTS}
def model_fn(model_dir, context): return context.system_properties["model_dir"] == model_dir
def input_fn(body, content_type, context): return [context.get_request_id()]
def predict_fn(data, model, context): return data + [model, context.get_request_header(0, "Accept")]
def output_fn(prediction, accept, context): return json.dumps(prediction + [context.model_name])
"""
AROUND = f"""{IMPORTS}
calls = []
def pre_model_fn(model_dir): calls.append("before")
def model_fn(model_dir): calls.append("load"); return "model"
def model_warmup_fn(model_dir, model): calls.append("after " + model)
def transform_fn(model, body, content_type, accept): return json.dumps(calls)
"""
NETWORK = f"""{IMPORTS}
import torch
class Network(torch.nn.Module):
    def forward(self, x):
        return torch.tensor([self.training, torch.is_grad_enabled()])
def model_fn(model_dir): return Network()
"""
DUCK = """
class Duck(Exception):
    status_code, message, phrase = 400, "quack", "Quack"
"""
MASKED = {"body": "their client is told the exception and its traceback"}
PICKLED = dict.fromkeys(("status", "body", "content_type"), "theirs pickles and unpickles")
UNTOLD = {"body": "their words"}

CASES: list[Case] = [
    Case("four functions", FOUR, answer=b'["[1, 2]", "application/json", 3, "application/json"]'),
    Case("a context for each", CONTEXTS, answer=b'["request", true, "*/*", "model"]'),
    Case("around the loading", AROUND, answer=b'["before", "load", "after model"]'),
    Case(
        "transform_fn with a context",
        f"{LOAD}def transform_fn(model, body, content_type, accept, context):\n"
        "    return context.get_request_id()",
        answer=b"request",
    ),
    *(
        Case(
            f"the body of {kind}",
            TELL_BODY,
            content_type=kind,
            answer=json.dumps([name, 6, kind, JSON]).encode(),
        )
        for kind, name in [
            (JSON, "str"),
            (CSV, "str"),
            ("application/json; charset=utf-8", "bytearray"),
            ("text/plain", "bytearray"),
            ("image/jpeg", "bytearray"),
            (NPY, "bytearray"),
        ]
    ),
    Case(
        "an empty body",
        TELL_BODY,
        b"",
        content_type=CSV,
        accept=CSV,
        answer=b'["str", 0, "text/csv", "text/csv"]',
    ),
    Case("bytes that are no text", TELL_BODY, b"\xff", status=500, answer=NEUTRAL, differs=MASKED),
    *(
        Case(f"Accept {accept!r}", TELL_BODY, accept=accept, answered_type=used)
        for accept, used in [
            ("*/*", JSON),
            (None, JSON),
            ("", JSON),
            (CSV, CSV),
            ("image/png, */*", "image/png, */*"),
        ]
    ),
    Case(
        "the environment's Accept",
        TELL_BODY,
        environment={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": CSV},
        answered_type=CSV,
    ),
    *(
        Case(f"the answer {value}", transform(f"return {value}"), answer=answer, answered_type=kind)
        for value, answer, kind in [
            ("'text'", b"text", JSON),
            ("'h\\u00f6flich'", "höflich".encode(), JSON),
            ("b'bytes'", b"bytes", JSON),
            ("bytearray(b'array')", b"array", JSON),
            ("{'a': [1]}", b'{\n  "a": [\n    1\n  ]\n}', JSON),
            ("7", b"7", JSON),
            ("None", b"null", JSON),
            ("('text', 'text/html')", b"text", "text/html"),
            ("(b'', 'image/png')", b"", "image/png"),
        ]
    ),
    Case(
        "an answer that is no body",
        transform("return object()"),
        status=503,
        answer=b"The model's handlers answer with an object of type object; return bytes or text.",
        differs=UNTOLD,
    ),
    Case(
        "a tensor for an answer",
        transform("import torch; return torch.ones(1)"),
        status=503,
        answer=b"The model's handlers answer with an object of type Tensor; return bytes or text.",
        differs=PICKLED,
    ),
    Case(
        "an error with a status",
        transform("raise errors.BaseInferenceToolkitError(404, 'no such breed', 'Not\\r\\nHere')"),
        status=404,
        phrase="Not\r\nHere",
        answer=b"no such breed",
    ),
    Case(
        "a generic error",
        transform("raise errors.GenericInferenceToolkitError(415)"),
        status=415,
        answer=b"Invalid Request",
        phrase="Invalid Request",
    ),
    Case(
        "an error with a status of a class of its own",
        transform("raise Own(422, 'too small', 'Unprocessable')")
        + "class Own(errors.BaseInferenceToolkitError):\n    pass\n",
        status=422,
        answer=b"too small",
    ),
    Case(
        "an error that only looks like one with a status",
        transform("raise Duck()") + DUCK,
        status=500,
        answer=NEUTRAL,
        differs=MASKED,
    ),
    Case(
        "any error", transform("raise ValueError('x')"), status=500, answer=NEUTRAL, differs=MASKED
    ),
    Case(
        "a handler with too few arguments",
        f"{LOAD}def input_fn(body): return body\n",
        status=500,
        answer=NEUTRAL,
        differs=MASKED,
    ),
    Case(
        "a handler's status and content type",
        f"{LOAD}def transform_fn(model, body, content_type, accept, context):\n"
        "    context.set_response_status(202, 'Later')\n"
        "    context.set_response_content_type(0, 'text/html')\n"
        "    return 'soon'",
        status=202,
        phrase="Later",
        answer=b"soon",
        answered_type=JSON,
    ),
    Case(
        "custom attributes",
        f"{LOAD}def transform_fn(model, body, content_type, accept, context):\n"
        "    name = 'X-Amzn-SageMaker-Custom-Attributes'\n"
        "    context.set_response_header(0, name, context.get_request_header(0, name) + '!')\n"
        "    return ''",
        headers={"X-Amzn-SageMaker-Custom-Attributes": "trace"},
        told={"X-Amzn-SageMaker-Custom-Attributes": "trace!"},
    ),
    Case("JSON by default", TELL_INPUT, answer=b"torch.float32 [1.0, 2.0]"),
    Case(
        "CSV by default",
        TELL_INPUT,
        b"1,2\n3,4",
        CSV,
        answer=b"torch.float32 [[1.0, 2.0], [3.0, 4.0]]",
    ),
    Case("one line of CSV", TELL_INPUT, b"1,2", CSV, answer=b"torch.float32 [1.0, 2.0]"),
    Case("NPY by default", TELL_INPUT, npy([1, 2]), NPY, answer=b"torch.float32 [1.0, 2.0]"),
    Case("whole numbers in NPY", TELL_INPUT, npy([1], "int64"), NPY, answer=b"torch.int64 [1]"),
    Case("broken JSON", TELL_INPUT, b"{", status=500, answer=NEUTRAL, differs=MASKED),
    Case(
        "a content type that no default reads",
        TELL_INPUT,
        content_type="image/jpeg",
        status=500,
        answer=b"The default handlers neither read nor write 'image/jpeg'; "
        b"define input_fn for such requests, output_fn for such answers.",
        differs=UNTOLD,
    ),
    Case(
        "objects in NPY",
        transform("return str(decoder.decode(body, content_type).tolist())"),
        npy([{"a": 1}], "object", pickled=True),
        NPY,
        status=500,
        answer=NEUTRAL,
        differs=PICKLED,
    ),
    *(
        Case(
            f"the default answer as {accept}",
            steps("return data * 2"),
            b"[[1, 2]]",
            accept=accept,
            answer=answer,
            answered_type=accept,
        )
        for accept, answer in [
            (JSON, b"[[2.0, 4.0]]"),
            (CSV, b"2.0,4.0\n"),
            (NPY, npy([[2.0, 4.0]], "float64")),
            (f"image/png, {CSV}", b"2.0,4.0\n"),
        ]
    ),
    Case(
        "an Accept that no default writes",
        steps(),
        accept="image/png",
        status=500,
        answer=b"The default handlers neither read nor write 'image/png'; "
        b"define input_fn for such requests, output_fn for such answers.",
        differs=UNTOLD,
    ),
    *(
        Case(f"the prediction {value}", steps(f"return {value}"), answer=answer)
        for value, answer in [
            ("np.arange(3)", b"[0, 1, 2]"),
            ("{'label': 'beagle', 'p': np.float64(0.5)}", b'{"label": "beagle", "p": 0.5}'),
            ("data[0]", b"1.0"),
        ]
    ),
    Case(
        "a prediction that is no JSON",
        steps("return {1}"),
        status=500,
        answer=NEUTRAL,
        differs=MASKED,
    ),
    Case(
        "objects for NPY",
        steps("return [{'a': 1}]"),
        accept=NPY,
        status=500,
        answer=NEUTRAL,
        differs=PICKLED,
    ),
    Case("prediction by default", NETWORK, answer=b"[false, false]"),
    Case("no handlers at all", files=("model.pt",), answer=b"[2.0, 4.0]"),
    Case("TorchScript of another name", files=("dogs.pth",), answer=b"[2.0, 4.0]"),
    Case(
        "TorchScript and handlers",
        steps("return model(data) + 1").replace(LOAD, ""),
        files=("model.pt",),
        answer=b"[3.0, 5.0]",
    ),
    Case(
        "handlers of another name",
        transform("return 'served'"),
        program="serve.py",
        environment={"SAGEMAKER_PROGRAM": "serve.py"},
        answer=b"served",
    ),
    Case("two kinds of handlers", transform("return 1") + "input_fn = transform_fn\n", status=0),
    Case("neither a model nor model_fn", "x = 1\n", status=0),
    Case("two models", files=("a.pt", "b.pt"), status=0),
    Case("a model that fails to load", "def model_fn(model_dir): raise KeyError('x')\n", status=0),
    Case("handlers that do not compile", "def model_fn(:\n", status=0),
]


def lay(case: Case, folder: Path) -> Path:
    """The case's handlers, as they lie in an unpacked model."""
    (folder / "code").mkdir(parents=True)
    if case.handlers:
        (folder / "code" / case.program).write_text(case.handlers)
    return folder


def run(
    cases: Iterable[Case], folder: Path, python: str, whose: str, *path: str
) -> list[dict[str, Any]]:
    """The results of all cases, one process for all, `whose` being ours or toolkit."""
    requests = [case.as_request(folder / str(n)) for n, case in enumerate(cases)]
    done = subprocess.run(
        [python, str(RUNNER), whose, *path],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results: list[dict[str, Any]] = json.loads(done.stdout)
    for result in results:
        if "body" in result:
            result["body"] = base64.b64decode(result["body"])
    return results


def run_here(cases: list[Case], folder: Path) -> list[dict[str, Any]]:
    return run(cases, folder, sys.executable, "ours", str(INSIDE))
