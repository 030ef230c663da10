"""What every service of the embedded AWS is given: its memory, its neighbours, its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.capacity import Capacity
from local.events import Events
from local.iam.bucket_keys import key_of_bucket
from local.iam.calls import Calls, Watch
from local.iam.credentials import Credentials
from local.iam.needs import Place
from local.iam.roles import policies_of
from local.logs import Logs
from local.metrics import Metrics
from local.neighbours.places import Neighbours
from local.objects import Objects
from local.store import Store
from local.tags import Tags


@dataclass(frozen=True)
class Backend:
    """The parts that services share.

    `job_environment` holds the AWS_… variables that let a job's boto3 reach this server;
    `credentials` has those of a role, `calls` takes note of what roles do, `neighbours` are the
    other accounts of this machine.
    """

    folder: Path
    account: str
    region: str
    store: Store
    objects: Objects
    logs: Logs
    metrics: Metrics
    events: Events
    capacity: Capacity
    tags: Tags
    job_environment: Mapping[str, str]
    credentials: Credentials
    calls: Calls
    neighbours: Neighbours
    now: Callable[[], float] = field(default=time.time)

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource written as `training-job/name`."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource}"


def open_backend(
    folder: Path,
    account: str,
    region: str,
    job_environment: Mapping[str, str],
    watch: Watch | None = None,
) -> Backend:
    """Open (or begin) the state under `folder` and put the shared parts together."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "objects").mkdir(exist_ok=True)
    store = Store(folder / "state.sqlite")
    metrics = Metrics(account, region)
    credentials = Credentials(account, region, job_environment)
    calls = Calls(folder / "calls.jsonl", Place(account, region), policies_of, watch, key_of_bucket)
    neighbours = Neighbours(folder, account)
    return Backend(
        folder=folder,
        account=account,
        region=region,
        store=store,
        objects=Objects(folder / "objects", account, region, calls),
        logs=Logs(folder / "logs", account, region, calls),
        metrics=metrics,
        events=Events(account, region, store, metrics, credentials, calls, neighbours),
        capacity=Capacity(),
        tags=Tags(store),
        job_environment=job_environment,
        credentials=credentials,
        calls=calls,
        neighbours=neighbours,
    )


Action = Callable[[dict[str, Any]], dict[str, Any]]
