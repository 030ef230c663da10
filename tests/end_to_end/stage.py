"""An endpoint of its own on the embedded AWS, with models so small that only serving is tested.

A stage is an environment of the settings: provisioned as `upsert` does, approved as the console
does, and deployed by the event. Its models know three pictures by their bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from PIL import Image

import settings
from commands.definition import apply_definition
from commands.following import await_deployment, deployments_so_far, follow_deployment
from commands.registry import decide
from commands.session import Session
from local.connection import Connection
from statemachine.names import ALIAS, Names

LABELS = ("red", "green", "blue")
PATIENCE = 240.0  # seconds; a busy machine is slow
SECTIONS = {
    "aws": """\
region = "eu-west-1"
account_id = "123456789012"
role_name = "breedline-execution"
""",
    "pipeline": """\
name = "{name}"
model_package_group = "{name}"
""",
    "tuning.ranges": """\
learning_rate = {{ type = "continuous", min = 0.001, max = 0.1, scaling = "Logarithmic" }}
""",
    "retry": "interval_seconds = 1\n",
    "rollout": """\
canary_percent = 50
canary_wait_seconds = 15
bake_seconds = 2
poll_seconds = 1
""",
    "alarms": """\
period_seconds = 10
latency_p90_ms = 300
""",
    "smoke": "latency_budget_ms = 20000\n",
    "function": "provisioned_concurrency = 0\n",
    "scaling": """\
min_capacity = 2
max_capacity = 4
scale_out_cooldown_seconds = 0
scale_in_cooldown_seconds = 0
""",
}
HANDLERS = """
import hashlib, json, os, time
from sagemaker_inference import errors

def model_fn(model_dir):
    with open(os.path.join(model_dir, "labels.json")) as file:
        return json.load(file)

def transform_fn(model, body, content_type, accept):
    body = body.encode() if isinstance(body, str) else bytes(body)
    if body[:3] != b"\\xff\\xd8\\xff" and body[:4] != b"\\x89PNG":
        raise errors.BaseInferenceToolkitError(400, "That is no image.", "Bad Request")
    {fault}
    label = model["labels"].get(hashlib.sha256(body).hexdigest(), model["names"][0])
    index = model["names"].index(label)
    answer = {{"label": label, "index": index, "probability": 0.9}}
    version = int(os.environ["BREEDLINE_MODEL_VERSION"])
    return json.dumps(answer | {{"top_k": [answer], "model_version": version}}), accept
"""
FAULTS = {
    "none": "pass",
    "slow": "time.sleep(0.5)",
    "errors": "raise ValueError('out of order')",
    "wrong": "model['names'] = ['violet']; model['labels'] = {}",
}
SILENT = "def model_fn(model_dir):\n    raise ValueError('the weights are torn')\n"


def pictures() -> dict[str, bytes]:
    """A JPEG of each label's colour."""
    found = {}
    for label in LABELS:
        written = io.BytesIO()
        Image.new("RGB", (64, 64), label).save(written, "JPEG")
        found[label] = written.getvalue()
    return found


@dataclass
class Stage:
    """One environment, and the version of the package that it registered last."""

    connection: Connection
    session: Session
    uploads: int = 0

    @property
    def names(self) -> Names:
        return Names(self.session.settings)

    def client(self, service: str) -> Any:
        return self.session.client(service)

    def register(self, fault: str = "none") -> str:
        """A model package that waits for approval; its ARN."""
        bucket, self.uploads = self.session.settings.bucket, self.uploads + 1
        place = f"executions/test-{self.uploads}"
        s3 = self.client("s3")
        s3.put_object(Bucket=bucket, Key=f"{place}/model.tar.gz", Body=_archive(fault))
        self._put_samples(bucket, f"{place}/samples")
        image = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
        answer = self.client("sagemaker").create_model_package(
            ModelPackageGroupName=self.session.settings.pipeline.model_package_group,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [
                    {"Image": image, "ModelDataUrl": f"s3://{bucket}/{place}/model.tar.gz"}
                ],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            CustomerMetadataProperties={"smoke-samples": f"s3://{bucket}/{place}/samples"},
        )
        return str(answer["ModelPackageArn"])

    def deploy(self, arn: str) -> dict[str, Any]:
        """Approve a package and follow the deployment that its event starts."""
        before = deployments_so_far(self.session)
        decide(self.session, arn, "Approved")
        return follow_deployment(self.session, await_deployment(self.session, arn, before))

    def predict(self, picture: bytes) -> dict[str, Any]:
        """What the function in front answers: {"statusCode", "body"}."""
        return self.ask({"image": base64.b64encode(picture).decode()})

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        """The function's answer to any event."""
        answer = self.client("lambda").invoke(
            FunctionName=self.names.predict, Qualifier=ALIAS, Payload=json.dumps(event)
        )
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found | {"body": json.loads(found["body"])}

    def executions(self) -> list[dict[str, Any]]:
        """Executions of the pipeline, each with its parameters."""
        sagemaker = self.client("sagemaker")
        found = sagemaker.list_pipeline_executions(PipelineName=self.names.endpoint)
        arns = [one["PipelineExecutionArn"] for one in found["PipelineExecutionSummaries"]]
        return [
            sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            | sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
            for arn in arns
        ]

    def endpoint(self) -> dict[str, Any]:
        described: dict[str, Any] = self.client("sagemaker").describe_endpoint(
            EndpointName=self.names.endpoint
        )
        return described

    def instances(self) -> int:
        return int(self.endpoint()["ProductionVariants"][0]["CurrentInstanceCount"])

    def approval(self, arn: str) -> tuple[str, str]:
        found = self.client("sagemaker").describe_model_package(ModelPackageName=arn)
        return found["ModelApprovalStatus"], found.get("ApprovalDescription", "")

    def alarms_are_quiet(self) -> bool:
        """None of the guards rings (any more)."""
        found = self.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{self.names.endpoint}-")
        return all(alarm["StateValue"] != "ALARM" for alarm in found["MetricAlarms"])

    @contextmanager
    def load(self, rate: float) -> Iterator[Load]:
        """Ask the endpoint so many times a second while the block runs."""
        running = Load(self.names.endpoint, rate, self.connection)
        running.start()
        try:
            yield running
        finally:
            running.stop()

    def _put_samples(self, bucket: str, place: str) -> None:
        s3, samples = self.client("s3"), []
        for label, content in pictures().items():
            s3.put_object(Bucket=bucket, Key=f"{place}/{label}.jpg", Body=content)
            digest = hashlib.sha256(content).hexdigest()
            sample = {"file": f"{label}.jpg", "label": label, "probability": 0.9}
            samples.append({**sample, "sha256": digest})
        body = json.dumps({"samples": samples, "model": {}}).encode()
        s3.put_object(Bucket=bucket, Key=f"{place}/samples.json", Body=body)


@dataclass
class Load:
    """Requests on a schedule; each answer's model version, or what went wrong."""

    endpoint: str
    rate: float
    connection: Connection
    workers: int = 12
    versions: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        # Not one attempt more: a lost request is to be seen.
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=self.workers)
        options = self.connection.client_options()
        self._client = boto3.client("sagemaker-runtime", config=config, **options)
        self._picture, began = pictures()["red"], time.monotonic()
        self._threads = [
            threading.Thread(target=self._ask, args=(began, number))
            for number in range(self.workers)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, began: float, number: int) -> None:
        """Every so many-th request of the schedule."""
        while True:
            late = began + number / self.rate - time.monotonic()
            if self._over.wait(max(0.0, late)):
                return
            number += self.workers
            try:
                answer = self._client.invoke_endpoint(
                    EndpointName=self.endpoint, Body=self._picture, ContentType="image/jpeg"
                )
                self.versions.append(json.loads(answer["Body"].read())["model_version"])
            except Exception as error:  # noqa: BLE001 - whatever it is, it was no answer
                self.failures.append(str(error))


def open_stages(
    connection: Connection, folder: Path, stages: Mapping[str, Mapping[str, str]]
) -> dict[str, Stage]:
    """An environment for each name, provisioned; `stages` has the lines of its own by section."""
    written = folder / "stages.toml"
    written.write_text("".join(settings_of(name, more) for name, more in stages.items()))
    return {name: open_stage(connection, settings.load(name, written), folder) for name in stages}


def settings_of(name: str, more: Mapping[str, str]) -> str:
    """A stage's part of a file of settings."""
    sections = dict(SECTIONS)
    for section, lines in more.items():
        sections[section] = sections.get(section, "") + lines + "\n"
    return "".join(
        f"[{name}.{section}]\n{lines.format(name=name)}" for section, lines in sections.items()
    )


def open_stage(connection: Connection, loaded: settings.Settings, folder: Path) -> Stage:
    """The environment of some settings, provisioned."""

    def make(service: str, **options: Any) -> Any:
        config = Config(read_timeout=PATIENCE, max_pool_connections=20, **options)
        return boto3.client(service, config=config, **connection.client_options())

    stage = Stage(connection, Session(loaded, make, folder, True))
    apply_definition(stage.session)
    return stage


def until(holds: Any, patience: float = PATIENCE) -> None:
    """Wait until `holds()`."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)


def _archive(fault: str) -> bytes:
    handlers = SILENT if fault == "silent" else HANDLERS.format(fault=FAULTS[fault])
    labels = {hashlib.sha256(content).hexdigest(): name for name, content in pictures().items()}
    files = {
        "code/inference.py": handlers.encode(),
        "labels.json": json.dumps({"names": list(LABELS), "labels": labels}).encode(),
    }
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()
