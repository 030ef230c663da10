"""Tiny models without torch: archives in a backend's S3, with handlers in plain Python."""

from __future__ import annotations

from pathlib import Path

from local.backend import Backend
from local.endpoints.container import Container
from local.endpoints.instance import Plan
from local.models import Models
from tests.local.jobs.conftest import pack

BUCKET = "models"
ROLE = "arn:aws:iam::123456789012:role/test"

LOAD = "def model_fn(model_dir):\n    return model_dir\n"

# Answers with the request's own words, upper case: a body that says which model has answered.
ECHO = f"""{LOAD}
def transform_fn(model, body, content_type, accept):
    text = body if isinstance(body, str) else bytes(body).decode()
    return text.upper(), "text/plain"
"""

# Fails by the body: "400" with a status of its own, "500" with any exception, "exit" for good.
FAILING = f"""{LOAD}
import os
from sagemaker_inference import errors
def transform_fn(model, body, content_type, accept):
    if body == b"400":
        raise errors.BaseInferenceToolkitError(400, "that is no dog", "Bad Request")
    if body == b"500":
        raise ValueError("the secret recipe")
    if body == b"exit":
        print("good bye", flush=True)
        os._exit(3)
    return body
"""

# Answers after as many seconds as the body says; says in the log when it begins.
SLOW = f"""{LOAD}
import time
def transform_fn(model, body, content_type, accept):
    print("begins", bytes(body).decode(), flush=True)
    time.sleep(float(body))
    return body
"""

EXITS_AT_LOAD = "def model_fn(model_dir):\n    raise ValueError('no weights in here')\n"
NEVER_HEALTHY = "import time\ndef model_fn(model_dir):\n    print('loading')\n    time.sleep(600)\n"


def version(text: str) -> str:
    """Handlers that answer everything with `text`."""
    return f"{LOAD}\ndef transform_fn(model, body, content_type, accept):\n    return {text!r}\n"


def put_archive(backend: Backend, name: str, handlers: str = ECHO, **files: str) -> str:
    """Store model data with these handlers; its URI."""
    content = {"code/inference.py": handlers, **files}
    backend.objects.write(BUCKET, f"{name}/model.tar.gz", pack(content))
    return f"s3://{BUCKET}/{name}/model.tar.gz"


def put_model(
    backend: Backend,
    name: str,
    handlers: str = ECHO,
    environment: dict[str, str] | None = None,
) -> None:
    """Create a SageMaker model with these handlers."""
    container = {
        "Image": "image",
        "ModelDataUrl": put_archive(backend, name, handlers),
        "Environment": environment or {},
    }
    request = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": ROLE}
    Models(backend).actions["CreateModel"](request)


def container(
    backend: Backend,
    handlers: str = ECHO,
    environment: dict[str, str] | None = None,
    name: str = "model",
) -> Container:
    """A container with these handlers, without a SageMaker model."""
    return Container(name, put_archive(backend, name, handlers), "image", environment or {})


def plan(backend: Backend, handlers: str = ECHO, **changes: object) -> Plan:
    """What one instance with these handlers runs."""
    environment = changes.pop("environment", None)
    given = {
        "endpoint": "endpoint",
        "variant": "AllTraffic",
        "container": container(backend, handlers, environment),  # type: ignore[arg-type]
        "instance_type": "ml.m5.large",
        "cores": 1,
        "startup_seconds": 20.0,
        "download_seconds": 20.0,
    }
    return Plan(**given | changes)  # type: ignore[arg-type]


def folder(backend: Backend, name: str = "instance") -> Path:
    """Where an instance may live."""
    return backend.folder / "endpoints" / "instances" / name
