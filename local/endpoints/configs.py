"""Endpoint configurations: what an endpoint is made from, checked when created.

A configuration never changes: an endpoint is updated by naming another one. What the embedded AWS
would not act on is refused by name instead of being kept and forgotten.
"""

from __future__ import annotations

import re
from typing import Any

from local.backend import Action, Backend
from local.errors import validation_error
from local.listing import Listing
from local.models import KIND as MODEL
from local.objects import split_uri
from local.store import DocumentExists, NoSuchDocument, public

KIND = "EndpointConfig"
EVENT = "SageMaker Endpoint Config State Change"
DESCRIBED = (
    "EndpointConfigName",
    "ProductionVariants",
    "DataCaptureConfig",
    "KmsKeyId",
    "AsyncInferenceConfig",
)
CONFIGS = Listing(
    answer="EndpointConfigs",
    name="EndpointConfigName",
    summary=("EndpointConfigName", "EndpointConfigArn", "CreationTime"),
)
COMPONENTS = "it belongs to inference components, which are not run here"
NOT_RUN = {
    "ShadowProductionVariants": "shadow variants are not run here",
    "ExplainerConfig": "answers are not explained here",
    "MetricsConfig": "metrics come every second here anyway",
    "CrossRegionTrafficConfig": "there is one region here",
    "ExecutionRoleArn": f"{COMPONENTS}; a model has a role of its own",
    "VpcConfig": f"{COMPONENTS}; a model has a VpcConfig of its own",
    "EnableNetworkIsolation": f"{COMPONENTS}; a model has one of its own",
}
NOT_RUN_IN_VARIANTS = {
    "ManagedInstanceScaling": f"{COMPONENTS}; register a scalable target instead",
    "InstancePools": "a variant has one instance type here",
    "CoreDumpConfig": "core dumps are not kept here",
    "EnableSSMAccess": "there is no instance to log on to here",
    "AcceleratorType": "Elastic Inference is no more",
    "CapacityReservationConfig": "nothing is reserved here",
    "AcceleratorPartitionLayouts": "accelerators are not divided here",
}
ROUTING = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")
MEMORY_STEP = 1024  # MiB
# Families whose instances bring disks: all of these, and others with a d behind their number.
OWN_DISKS = re.compile(r"ml\.(g[567]e?|p5e?n?|p6\S*|trn\d\w*|[a-z]+\d[a-z]*d[a-z]*)\.\w+")


class Configs:
    """CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store
        self.actions: dict[str, Action] = {
            "CreateEndpointConfig": self._create,
            "DescribeEndpointConfig": self._describe,
            "ListEndpointConfigs": self._list,
            "DeleteEndpointConfig": self._delete,
        }

    def recover(self) -> None:
        """Nothing of a configuration can be half done."""

    def find(self, name: str) -> dict[str, Any]:
        """The configuration as DescribeEndpointConfig tells it; raises ApiError when unknown."""
        try:
            return public(self._store.get(KIND, name))
        except NoSuchDocument as error:
            raise validation_error(
                f'Could not find endpoint configuration "{self._arn(name)}".'
            ) from error

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        check_request(request)
        self._check_models(request)
        name, arn = request["EndpointConfigName"], self._arn(request["EndpointConfigName"])
        document = {key: request[key] for key in DESCRIBED if key in request} | {
            "EndpointConfigArn": arn,
            "CreationTime": self._backend.now(),
            "ProductionVariants": [
                {"InitialVariantWeight": 1.0, **variant}
                for variant in request["ProductionVariants"]
            ],
        }
        if "DataCaptureConfig" in document:
            document["DataCaptureConfig"] = {"EnableCapture": True, **document["DataCaptureConfig"]}
        try:
            self._store.create(KIND, name, document)
        except DocumentExists as error:
            raise validation_error(
                f'Cannot create already existing endpoint configuration "{arn}".'
            ) from error
        self._backend.tags.attach(arn, request.get("Tags"))
        self._announce(name, arn)
        return {"EndpointConfigArn": arn}

    def _check_models(self, request: dict[str, Any]) -> None:
        for variant in request["ProductionVariants"]:
            model = self._store.find(MODEL, variant["ModelName"])
            if model is None:
                arn = self._backend.arn(f"model/{variant['ModelName']}")
                raise validation_error(f'Could not find model "{arn}".')
            if "ServerlessConfig" in variant:
                _check_serverless_model(model)

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.find(request["EndpointConfigName"])

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return CONFIGS.respond(self._store.list(KIND), request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointConfigName"]
        arn = self.find(name)["EndpointConfigArn"]
        self._store.delete(KIND, name)
        self._backend.tags.remove_all(arn)
        self._announce(name, arn)
        return {}

    def _announce(self, name: str, arn: str) -> None:
        detail = {"EndpointConfigName": name, "EndpointConfigArn": arn}
        self._backend.events.emit(EVENT, detail, [arn])

    def _arn(self, name: str) -> str:
        return self._backend.arn(f"endpoint-config/{name}")


def check_request(request: dict[str, Any]) -> None:
    """Raise an ApiError for what no endpoint can be made from, whatever the models are."""
    _refuse(request, NOT_RUN, "An endpoint configuration")
    variants = request["ProductionVariants"]
    for variant in variants:
        _check_variant(variant)
    names = [variant["VariantName"] for variant in variants]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise validation_error(f"Variant names must be unique; {', '.join(twice)} is there twice.")
    if not sum(variant.get("InitialVariantWeight", 1.0) for variant in variants):
        raise validation_error("Every InitialVariantWeight is 0; give one variant a weight.")
    _check_key(request)
    if any("ServerlessConfig" in variant for variant in variants):
        _check_serverless(request)
    if "AsyncInferenceConfig" in request:
        _check_asynchronous(request)
    if "DataCaptureConfig" in request:
        _check_capture(request["DataCaptureConfig"])


def _refuse(given: dict[str, Any], reasons: dict[str, str], what: str) -> None:
    for key, reason in reasons.items():
        if given.get(key):
            raise validation_error(f"{what} takes no {key}: {reason}. Leave it out.")


def _check_variant(variant: dict[str, Any]) -> None:
    name = variant["VariantName"]
    _refuse(variant, NOT_RUN_IN_VARIANTS, f"Variant {name}")
    if "ModelName" not in variant:
        raise validation_error(
            f"Variant {name} has no ModelName: inference components are not run here."
        )
    on_instances = "InstanceType" in variant or "InitialInstanceCount" in variant
    if on_instances == ("ServerlessConfig" in variant):
        raise validation_error(
            f"Variant {name} needs either InstanceType and InitialInstanceCount, "
            "or a ServerlessConfig."
        )
    if on_instances and not ("InstanceType" in variant and "InitialInstanceCount" in variant):
        raise validation_error(f"Variant {name} needs both InstanceType and InitialInstanceCount.")
    strategy = variant.get("RoutingConfig", {}).get("RoutingStrategy", ROUTING[0])
    if strategy not in ROUTING:
        raise validation_error(
            f"The RoutingStrategy {strategy} of variant {name} is not run here; "
            f"use {' or '.join(ROUTING)}."
        )


def _check_key(request: dict[str, Any]) -> None:
    """A volume key is for instances whose volume is not their own disk."""
    if "KmsKeyId" not in request:
        return
    for variant in request["ProductionVariants"]:
        if OWN_DISKS.fullmatch(variant.get("InstanceType", "")):
            raise validation_error(
                f"KmsKeyId cannot encrypt the disks of {variant['InstanceType']}, which encrypts "
                "them itself; leave KmsKeyId out."
            )


def _check_serverless(request: dict[str, Any]) -> None:
    variants = request["ProductionVariants"]
    if len(variants) > 1:
        raise validation_error("A serverless endpoint has one production variant.")
    for key in ("DataCaptureConfig", "AsyncInferenceConfig", "KmsKeyId"):
        if key in request:
            raise validation_error(f"A serverless endpoint takes no {key}; leave it out.")
    config = variants[0]["ServerlessConfig"]
    if config["MemorySizeInMB"] % MEMORY_STEP:
        raise validation_error(
            f"MemorySizeInMB {config['MemorySizeInMB']} is not a multiple of {MEMORY_STEP}; "
            "use 1024, 2048, 3072, 4096, 5120 or 6144."
        )
    if config.get("ProvisionedConcurrency", 0) > config["MaxConcurrency"]:
        raise validation_error(
            f"ProvisionedConcurrency {config['ProvisionedConcurrency']} is more than "
            f"MaxConcurrency {config['MaxConcurrency']}."
        )


def _check_serverless_model(model: dict[str, Any]) -> None:
    name = model["ModelName"]
    for key in ("VpcConfig", "EnableNetworkIsolation"):
        if model.get(key):
            raise validation_error(
                f"A serverless endpoint cannot have {key}; create model {name} without it."
            )
    if len(model.get("Containers") or ()) > 1:
        raise validation_error(
            f"A serverless endpoint runs one container, and model {name} has several."
        )


def _check_asynchronous(request: dict[str, Any]) -> None:
    if len(request["ProductionVariants"]) > 1:
        raise validation_error("An asynchronous endpoint has one production variant.")
    output = request["AsyncInferenceConfig"]["OutputConfig"]
    if "S3OutputPath" not in output:
        raise validation_error("The OutputConfig of AsyncInferenceConfig needs an S3OutputPath.")
    for key in ("S3OutputPath", "S3FailurePath"):
        if key in output:
            _check_place(key, output[key])


def _check_capture(config: dict[str, Any]) -> None:
    _check_place("DestinationS3Uri", config["DestinationS3Uri"])
    modes = [option["CaptureMode"] for option in config["CaptureOptions"]]
    if twice := sorted({mode for mode in modes if modes.count(mode) > 1}):
        raise validation_error(f"CaptureOptions names {', '.join(twice)} twice.")


def _check_place(key: str, uri: str) -> None:
    try:
        split_uri(uri)
    except ValueError as error:
        raise validation_error(f"{key}: {error}") from error
