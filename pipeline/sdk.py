"""The sagemaker SDK, kept offline and quiet while it compiles.

`offline_session` yields a `PipelineSession` that knows its region and bucket and refuses every AWS
call. The SDK's configuration files, telemetry, deprecation notices and log lines are off for the
time of the `with` block only, and so are the user's AWS profiles: a user's own SDK defaults would
otherwise leak into the definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

from statemachine.sdk import quiet_sdk

# The SDK's defaults configuration, given as a value: no configuration file is read.
_CONFIGURATION = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


class _NoClient:
    """Stands where the SDK wants a boto3 client; any use of it is a bug in the compilation."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(f"compiling asked AWS for {self._service}.{name}; it must not")


class _NoSession:
    """Stands where the SDK wants a boto3 session."""

    def __init__(self, region: str) -> None:
        self.region_name = region

    def client(self, service_name: str, *_: Any, **__: Any) -> _NoClient:
        return _NoClient(service_name)

    resource = client


@contextmanager
def offline_session(region: str, bucket: str) -> Iterator[Any]:
    """A `PipelineSession` of `region` and `bucket` that cannot reach AWS."""
    with ExitStack() as stack:
        stack.enter_context(quiet_sdk())
        import boto3
        import sagemaker.utils

        aws = _NoSession(region)
        # Estimators make a client of the default session to look for Studio apps, and with it
        # a search for credentials that ends at the instance metadata address.
        stack.enter_context(_replaced(boto3, "DEFAULT_SESSION", aws))
        made = _session(aws, bucket)
        # The session has checked its configuration; the SDK would check it at each of its
        # seventy look-ups, for 70 ms apiece.
        stack.enter_context(
            _replaced(sagemaker.utils, "validate_sagemaker_config", lambda _configuration: None)
        )
        yield made


def _session(aws: _NoSession, bucket: str) -> Any:
    from sagemaker.workflow.pipeline_context import PipelineSession

    class OfflineSession(PipelineSession):  # type: ignore[misc]
        def default_bucket(self) -> str:
            # The SDK's own looks in S3 whether the bucket exists, or makes it.
            return bucket

    return OfflineSession(boto_session=aws, default_bucket=bucket, sagemaker_config=_CONFIGURATION)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
