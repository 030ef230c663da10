"""The endpoints' API: what is asked is checked here, and then carried out by `operations`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from local.alarms.states import missing
from local.backend import Action, Backend
from local.endpoints.answering import Answering
from local.endpoints.capture import Capture
from local.endpoints.changes import resized, retaining, with_capture
from local.endpoints.configs import Configs
from local.endpoints.deployment import read_deployment
from local.endpoints.documents import (
    DELETING,
    ENDPOINTS,
    FAILED,
    IN_SERVICE,
    KIND,
    UPDATING,
    describe_pending,
    describe_traffic,
    new_document,
    wanted,
)
from local.endpoints.measures import Measures
from local.endpoints.operations import Call, Operations
from local.endpoints.scaled import is_scaled
from local.endpoints.utilisation import Utilisation
from local.endpoints.variants import Variant, read_variants
from local.errors import validation_error
from local.store import Document, DocumentExists, public


class Endpoints:
    """CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, DeleteEndpoint and
    UpdateEndpointWeightsAndCapacities; `answering` has those that answer."""

    def __init__(self, backend: Backend, call: Call, configs: Configs) -> None:
        self._backend = backend
        self._store = backend.store
        self._configs = configs
        self._measures = Measures(backend)
        self._capture = Capture(backend)
        self._lock = threading.Lock()  # between looking at a status and changing it
        self.answering = Answering(
            backend.account, self._measures, self._capture, self._is_returning
        )
        self._utilisation = Utilisation(backend)
        self._operations = Operations(backend, call, self.answering, self._utilisation)
        self.actions: dict[str, Action] = {
            "CreateEndpoint": self._create,
            "DescribeEndpoint": self._describe,
            "ListEndpoints": self._list,
            "UpdateEndpoint": self._update,
            "UpdateEndpointWeightsAndCapacities": self._resize,
            "DeleteEndpoint": self._delete,
        }

    def recover(self) -> None:
        """Bring back what served before the server stopped."""
        self._operations.recover()

    def close(self) -> None:
        """Write down what is still in memory; the processes end with the server."""
        self._operations.stop()
        self._utilisation.close()
        self._capture.close()
        self._measures.close()

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name, config = request["EndpointName"], self._config(request)
        arn = self._backend.arn(f"endpoint/{name}")
        if "DeploymentConfig" in request:
            self._check_alarms(request)
        document = new_document(name, arn, config, self._backend.now())
        try:
            self._store.create(KIND, name, document)
        except DocumentExists as error:
            raise validation_error(f'Cannot create already existing endpoint "{arn}".') from error
        self._backend.tags.attach(arn, request.get("Tags"))
        self._operations.announce(document)
        self._operations.begin(name, partial(self._operations.create, name))
        return {"EndpointArn": arn}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._find(request["EndpointName"])
        shown = public(document)
        if served := self.answering.find(document["EndpointName"]):
            shown["ProductionVariants"] = self._described(
                document, describe_traffic(served.traffic)
            )
            if pending := describe_pending(served.traffic, document.get("_pending", 0.0)):
                shown["PendingDeploymentSummary"] = pending
        return shown

    def _described(
        self, document: Document, variants: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """What serves now, beside what was asked for last."""
        asked = {one["name"]: one for one in document["_wanted"]}
        for variant in variants:
            if (one := asked.get(variant["VariantName"])) and "DesiredInstanceCount" in variant:
                variant["DesiredInstanceCount"] = one["count"]
                variant["DesiredWeight"] = one["weight"]
        return variants

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return ENDPOINTS.respond(self._store.list(KIND), request)

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        name, config = request["EndpointName"], self._config(request)
        self._check_alarms(request)
        with self._lock:
            document = self._at_rest(name)
            variants = retaining(request, read_variants(config), document)
            self._check_types(name, document, variants)
            given = request.get("DeploymentConfig")
            if given is None and request.get("RetainDeploymentConfig"):
                given = document.get("LastDeploymentConfig")
            deployment = read_deployment(given, min(v.count for v in variants))
            kept = {} if given is None else {"LastDeploymentConfig": given}
            self._move(name, UPDATING, _pending=self._backend.now(), **kept)
        effective = with_capture(request, config, document)
        work = partial(self._operations.update, name, effective, variants, deployment)
        self._operations.begin(name, work)
        return {"EndpointArn": document["EndpointArn"]}

    def _resize(self, request: dict[str, Any]) -> dict[str, Any]:
        name, asked = request["EndpointName"], request["DesiredWeightsAndCapacities"]
        with self._lock:
            document = self._at_rest(name)
            if document["EndpointStatus"] == FAILED:
                raise validation_error(f'Endpoint "{document["EndpointArn"]}" has failed.')
            variants = resized(document, asked)
            self._move(name, UPDATING, _wanted=wanted(variants))
        self._operations.begin(name, partial(self._operations.resize, name, variants))
        return {"EndpointArn": document["EndpointArn"]}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        with self._lock:
            self._at_rest(name)
            self._move(name, DELETING)
        self._operations.begin(name, partial(self._operations.delete, name))
        return {}

    def _move(self, name: str, status: str, **fields: Any) -> None:
        def change(document: Document) -> None:
            document.pop("FailureReason", None)
            now = self._backend.now()
            document.update(EndpointStatus=status, LastModifiedTime=now, **fields)

        self._operations.announce(self._store.update(KIND, name, change))

    def _find(self, name: str) -> Document:
        document = self._store.find(KIND, name)
        if document is None:
            arn = self._backend.arn(f"endpoint/{name}")
            raise validation_error(f'Could not find endpoint "{arn}".')
        return document

    def _at_rest(self, name: str) -> Document:
        """The endpoint's document, unless something is under way."""
        document = self._find(name)
        if document["EndpointStatus"] not in (IN_SERVICE, FAILED):
            raise validation_error(
                f'Cannot update in-progress endpoint "{document["EndpointArn"]}".'
            )
        return document

    def _config(self, request: dict[str, Any]) -> Document:
        return self._configs.find(request["EndpointConfigName"])

    def _check_alarms(self, request: dict[str, Any]) -> None:
        rollback = (request.get("DeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
        names = [alarm["AlarmName"] for alarm in rollback.get("Alarms", [])]
        if lacking := missing(self._backend.account, self._backend.region, names):
            raise validation_error(f"Could not find the alarms {', '.join(lacking)}.")

    def _check_types(self, name: str, document: Document, variants: Sequence[Variant]) -> None:
        """SageMaker does not change the instance type of a variant that scales."""
        before = {v.name: v.instance_type for v in read_variants(document["_config"])}
        account, region = self._backend.account, self._backend.region
        for variant in variants:
            kept = before.get(variant.name, variant.instance_type) == variant.instance_type
            if not kept and is_scaled(account, region, name, variant.name):
                raise validation_error(
                    f"The instance type of the variant {variant.name} cannot change while it is "
                    "registered with Application Auto Scaling; deregister it first."
                )

    def _is_returning(self, name: str) -> bool:
        """It was in service when the server stopped, and its processes are not there yet."""
        document = self._store.find(KIND, name)
        return document is not None and document["EndpointStatus"] in (IN_SERVICE, UPDATING)
