"""What every service of the embedded AWS is given: its memory, its neighbours, its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.capacity import Capacity
from local.events import Events
from local.logs import Logs
from local.metrics import Metrics
from local.objects import Objects
from local.store import Store
from local.tags import Tags


@dataclass(frozen=True)
class Backend:
    """The parts that services share.

    `job_environment` holds the AWS_… variables that let a job's boto3 reach this server.
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
    now: Callable[[], float] = field(default=time.time)

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource written as `training-job/name`."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource}"


def open_backend(
    folder: Path, account: str, region: str, job_environment: Mapping[str, str]
) -> Backend:
    """Open (or begin) the state under `folder` and put the shared parts together."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "objects").mkdir(exist_ok=True)
    store = Store(folder / "state.sqlite")
    metrics = Metrics(account, region)
    return Backend(
        folder=folder,
        account=account,
        region=region,
        store=store,
        objects=Objects(folder / "objects", account, region),
        logs=Logs(folder / "logs", account, region),
        metrics=metrics,
        events=Events(account, region, store, metrics, job_environment),
        capacity=Capacity(),
        tags=Tags(store),
        job_environment=job_environment,
    )


Action = Callable[[dict[str, Any]], dict[str, Any]]
