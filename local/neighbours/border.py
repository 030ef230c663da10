"""What passes between accounts, and whether it may.

A request for another account's resource goes out to its server, once the caller's own policies
allowed it. One that comes in is held against the policy of the resource, which alone opens an
account to another. Both ways only for the operations named here; whatever else names a stranger's
resource finds nothing, as before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from urllib.parse import quote, unquote

from local.backend import Backend
from local.gateway import JSON_TYPE, Environ, StartResponse, WsgiApp
from local.iam.caller import Caller, account_itself
from local.iam.calls import context_of, denied, refused
from local.iam.evaluation import Request, lets_in
from local.iam.needs import Parameters, Place, needs
from local.iam.operations import Operation, read_operation
from local.iam.tables import TABLES
from local.neighbours.events import ROUTE, no_bus, put_request
from local.neighbours.loans import lent
from local.neighbours.messages import Answer, Message, guest_of, message_of
from local.neighbours.policies import ResourcePolicies

PACKAGE = ("sagemaker", "DescribeModelPackage")
DESCRIBE = "SageMaker.DescribeModelPackage"  # as a request's target says it
READING = {("s3", name) for name in ("GetObject", "HeadObject", "ListObjectsV2")}
COPY = ("s3", "CopyObject")
MISDIRECTED = Answer(421, "Misdirected Request", (("Content-Length", "0"),), b"")
Way = Callable[[Caller, Environ, Operation, str, WsgiApp], WsgiApp]


class Border:
    """The border of one account."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._account = backend.account
        self._policies = ResourcePolicies(backend.account, backend.store)
        self._ways: dict[tuple[str, str], Way] = {
            **dict.fromkeys(READING, self._read),
            COPY: self._copy,
            PACKAGE: self._describe,
        }

    def route(
        self, caller: Caller | None, environ: Environ, service: str, region: str, here: WsgiApp
    ) -> WsgiApp:
        """Who answers a request: `here`, or the account whose resource it names. Raises ApiError.

        `caller` is None for whoever has the server's own key: the user, or a neighbour.
        """
        if caller is None and (guest := guest_of(environ)):
            return self._admit(guest, environ, service, region, here)
        if service != "s3" and environ.get("HTTP_X_AMZ_TARGET") != DESCRIBE:
            return here  # unread: most requests stay, and models are asked often
        asked = read_operation(environ, service)
        way = self._ways.get((asked.service, asked.name))
        who = caller or account_itself(self._account)
        return way(who, environ, asked, region, here) if way else here

    def _read(
        self, who: Caller, environ: Environ, asked: Operation, region: str, here: WsgiApp
    ) -> WsgiApp:
        if self._backend.objects.has_bucket(str(asked.parameters["Bucket"])):
            return here
        _, answer = self._seek(who, message_of(environ, "s3", region))
        return answer or here

    def _copy(
        self, who: Caller, environ: Environ, asked: Operation, region: str, here: WsgiApp
    ) -> WsgiApp:
        source, _, version = str(asked.parameters["CopySource"]).partition("?")
        bucket, _, key = unquote(source).lstrip("/").partition("/")
        if self._backend.objects.has_bucket(bucket):
            return here
        target = quote(f"/{bucket}/{key}") + (f"?{version}" if version else "")
        owner, answer = self._seek(who, Message("s3", region, "GET", target))
        if answer is None or answer.status != 200:
            return answer or here

        def copied(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            with lent(owner, region, bucket, key, answer):
                return here(environ, start_response)

        return copied

    def _seek(self, who: Caller, message: Message) -> tuple[str, Answer | None]:
        """The account that has the bucket, and its answer: a bucket's name does not tell whose."""
        for neighbour in self._backend.neighbours.running():
            answer = self._backend.neighbours.ask(neighbour, who, message)
            if answer.status != MISDIRECTED.status:
                return neighbour.account, answer
        return "", None

    def _describe(
        self, who: Caller, environ: Environ, asked: Operation, region: str, here: WsgiApp
    ) -> WsgiApp:
        named = str(asked.parameters.get("ModelPackageName", "")).split(":")
        neighbour = self._backend.neighbours.find(named[4]) if len(named) > 5 else None
        if neighbour is None:
            return here
        body = json.dumps(asked.parameters).encode()
        message = message_of(environ, "sagemaker", region, body)
        return self._backend.neighbours.ask(neighbour, who, message)

    def _admit(
        self, guest: Caller, environ: Environ, service: str, region: str, here: WsgiApp
    ) -> WsgiApp:
        if environ.get("PATH_INFO") == ROUTE:
            return self._take_event(guest, environ, region)
        asked = read_operation(environ, service)
        if (asked.service, asked.name) not in {PACKAGE, *READING}:
            raise denied(f"{asked.service}:{asked.name} does not pass from account to account.")
        if asked.service == "s3" and not self._backend.objects.has_bucket(
            str(asked.parameters["Bucket"])
        ):
            return MISDIRECTED
        self._demand(guest, asked.service, asked.name, asked.parameters, region)
        return here

    def _take_event(self, guest: Caller, environ: Environ, region: str) -> WsgiApp:
        told = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        event, bus = told["event"], told["bus"]
        arn = Place(self._account, region).arn("events", f"event-bus/{bus}")
        if not self._backend.events.has_bus(bus, region):
            raise no_bus(arn)
        self._demand(guest, "events", "PutEvents", put_request(event, arn), region)
        if event["account"] != guest.account:  # as on AWS, no account hands on what it was sent
            raise denied(f"The account {guest.account} sends an event of {event['account']}.")
        self._backend.events.publish(event, region, bus, told["hops"])
        return Answer(200, "OK", (("Content-Type", JSON_TYPE),), b"{}")

    def _demand(
        self, guest: Caller, service: str, operation: str, parameters: Parameters, region: str
    ) -> None:
        place = Place(self._account, region)
        now = datetime.now(timezone.utc)
        for need in needs(TABLES, service, operation, parameters, place) or ():
            context = {**context_of(guest, place, now), **need.context}
            request = Request(need.action, need.resource, context, guest.arn)
            decision = lets_in(request, self._policies.of(need.resource))
            if not decision.allowed:
                raise denied(refused(guest, need, decision))
