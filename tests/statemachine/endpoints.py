"""Endpoints without servers: SageMaker's statuses, and the failures that a test asks for."""

from __future__ import annotations

import threading
import time
from typing import Any

from local.backend import Action, Backend
from local.errors import validation_error

MOVING = 0.03  # seconds that a creation, an update or a deletion takes


class Endpoints:
    """The actions on endpoints and their configurations.

    A configuration whose name is in `bad` never comes to serve: an update to it is rolled back, and
    the creation of an endpoint with it fails. `updates` are the requests of UpdateEndpoint.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.RLock()
        self.configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.updates: list[dict[str, Any]] = []
        self.bad: dict[str, str] = {}
        self.actions: dict[str, Action] = {
            "CreateEndpointConfig": self._create_config,
            "DescribeEndpointConfig": self._describe_config,
            "DeleteEndpointConfig": self._delete_config,
            "CreateEndpoint": self._create,
            "UpdateEndpoint": self._update,
            "DescribeEndpoint": self._describe,
            "DeleteEndpoint": self._delete,
        }

    def recover(self) -> None:
        """Nothing outlives a test."""

    def _create_config(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointConfigName"]
        arn = self._backend.arn(f"endpoint-config/{name}")
        with self._lock:
            if name in self.configs:
                raise validation_error(
                    f'Cannot create already existing endpoint configuration "{arn}".'
                )
            self.configs[name] = {
                **request,
                "EndpointConfigArn": arn,
                "CreationTime": time.time(),
            }
        return {"EndpointConfigArn": arn}

    def _describe_config(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointConfigName"]
        if name not in self.configs:
            arn = self._backend.arn(f"endpoint-config/{name}")
            raise validation_error(f'Could not find endpoint configuration "{arn}".')
        return self.configs[name]

    def _delete_config(self, request: dict[str, Any]) -> dict[str, Any]:
        self._describe_config(request)
        del self.configs[request["EndpointConfigName"]]
        return {}

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name, config = request["EndpointName"], request["EndpointConfigName"]
        self._describe_config({"EndpointConfigName": config})
        arn = self._backend.arn(f"endpoint/{name}")
        with self._lock:
            if name in self.endpoints:
                raise validation_error(f'Cannot create already existing endpoint "{arn}".')
            outcome = {"EndpointStatus": "Failed" if config in self.bad else "InService"}
            if config in self.bad:
                outcome["FailureReason"] = self.bad[config]
            self._backend.tags.attach(arn, request.get("Tags"))
            self.endpoints[name] = {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": config,
                "EndpointStatus": "Creating",
                "CreationTime": time.time(),
                "LastModifiedTime": time.time(),
                "_variants": self._variants(config, None),
                "_then": outcome,
                "_at": time.monotonic() + MOVING,
            }
        return {"EndpointArn": arn}

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        name, config = request["EndpointName"], request["EndpointConfigName"]
        self._describe_config({"EndpointConfigName": config})
        with self._lock:
            endpoint = self._settled(name)
            if endpoint["EndpointStatus"] != "InService":
                raise validation_error(
                    f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".'
                )
            self.updates.append(request)
            retained = request.get("RetainAllVariantProperties", False)
            then: dict[str, Any] = {"EndpointStatus": "InService"}
            if config in self.bad:
                then["FailureReason"] = self.bad[config]
            else:
                then["EndpointConfigName"] = config
                kept = endpoint["_variants"] if retained else None
                then["_variants"] = self._variants(config, kept)
            endpoint.pop("FailureReason", None)
            endpoint.update(EndpointStatus="Updating", _then=then, _at=time.monotonic() + MOVING)
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            endpoint = self._settled(request["EndpointName"])
            shown = {key: value for key, value in endpoint.items() if not key.startswith("_")}
            if endpoint["EndpointStatus"] != "Creating":
                shown["ProductionVariants"] = endpoint["_variants"]
        return shown

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            endpoint = self._settled(request["EndpointName"])
            endpoint.update(EndpointStatus="Deleting", _then=None, _at=time.monotonic() + MOVING)
            self._backend.tags.remove_all(endpoint["EndpointArn"])
        return {}

    def _settled(self, name: str) -> dict[str, Any]:
        """The endpoint, with what has become of it meanwhile."""
        endpoint = self.endpoints.get(name)
        if endpoint and "_then" in endpoint and time.monotonic() >= endpoint["_at"]:
            then = endpoint.pop("_then")
            if then is None:
                del self.endpoints[name]
                endpoint = None
            else:
                endpoint.update(then)
        if endpoint is None:
            arn = self._backend.arn(f"endpoint/{name}")
            raise validation_error(f'Could not find endpoint "{arn}".')
        return endpoint

    def _variants(self, config: str, kept: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        variant = self.configs[config]["ProductionVariants"][0]
        shown = {"VariantName": variant["VariantName"], "CurrentWeight": 1.0, "DesiredWeight": 1.0}
        if "InstanceType" in variant:
            count = kept[0]["DesiredInstanceCount"] if kept else variant["InitialInstanceCount"]
            shown |= {"DesiredInstanceCount": count, "CurrentInstanceCount": count}
        return [shown]
