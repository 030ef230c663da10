"""The ways by which moto sends events and takes rules, led to ours. Replaced once a process.

moto delivers within the request that sends the event, to few kinds of target, for disabled rules
too, and checks little of what is put. What it stores stays its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import moto.events.models as events_models
import moto.events.responses as events_responses
import moto.s3.models as s3_models
import moto.s3.notifications as s3_notifications
import moto.s3.responses as s3_responses
import moto.scheduler.models as scheduler_models
import moto.sqs.models as sqs_models
from flask import has_request_context, request
from moto.core.exceptions import JsonRESTError

from local.events.bus import Events
from local.events.checks import (
    Refusal,
    check_destination,
    check_expression,
    check_pattern,
    check_rule,
    check_targets,
)
from local.events.pattern import compile_pattern
from local.events.s3 import KINDS, object_event

REPLACED: tuple[tuple[Any, str], ...] = (
    (events_models.EventsBackend, "put_events"),
    (events_models.EventsBackend, "put_rule"),
    (events_models.EventsBackend, "enable_rule"),
    (events_models.EventsBackend, "put_targets"),
    (events_models.Rule, "send_to_targets"),
    (events_responses.EventsHandler, "test_event_pattern"),
    (scheduler_models.EventBridgeSchedulerBackend, "create_schedule"),
    (scheduler_models.EventBridgeSchedulerBackend, "update_schedule"),
    (s3_models, "events_send_notification"),
    (s3_models.S3Backend, "_set_delete_marker"),
    (s3_notifications, "_send_event_bridge_message"),
    (s3_responses.S3Response, "get_bucket_notification"),
    (sqs_models.Queue, "_set_attributes"),
)
ORIGINAL = {(owner, name): getattr(owner, name) for owner, name in REPLACED}
# What moto sends for the tags and permissions of every new object; on AWS only a request of its
# own does.
OF_THEIR_OWN = {"s3:ObjectTagging:Put": "tagging", "s3:ObjectAcl:Put": "acl"}


def lead_moto(events: Events, schedule_changed: Callable[[], None]) -> None:
    """Let every event and rule of this process go through `events`."""
    doors = (
        _put_events(events),
        _after(_put_rule, schedule_changed),
        _after(_original(events_models.EventsBackend, "enable_rule"), schedule_changed),
        _put_targets,
        _send_to_targets(events),
        _test_event_pattern,
        _after(_checked("create_schedule"), schedule_changed),
        _after(_checked("update_schedule"), schedule_changed),
        _no_event,
        _set_delete_marker,
        _object_changed(events),
        _get_bucket_notification,
        _set_queue_attributes,
    )
    for (owner, name), ours in zip(REPLACED, doors, strict=True):
        setattr(owner, name, ours)


def _original(owner: Any, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = ORIGINAL[owner, name]
    return found


def _after(door: Callable[..., Any], then: Callable[[], None]) -> Callable[..., Any]:
    def both(*arguments: Any, **named: Any) -> Any:
        answer = door(*arguments, **named)
        then()
        return answer

    return both


def _refused(refusal: Refusal) -> JsonRESTError:
    return JsonRESTError(refusal.code, refusal.message)


def _put_events(events: Events) -> Callable[..., Any]:
    def put_events(backend: Any, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            return events.put(entries, backend.region_name)
        except Refusal as refusal:
            raise _refused(refusal) from refusal

    return put_events


def _put_rule(backend: Any, name: str, *arguments: Any, **given: Any) -> Any:
    try:
        check_rule(name, given.get("event_pattern"), given.get("scheduled_expression"))
    except Refusal as refusal:
        raise _refused(refusal) from refusal
    put = _original(events_models.EventsBackend, "put_rule")
    return put(backend, name, *arguments, **given)


def _put_targets(
    backend: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]
) -> None:
    rule = backend.describe_rule(name, event_bus_arn)
    try:
        if rule.managed_by is None:  # moto makes rules for its archives itself
            check_targets(list(rule.targets), targets)
    except Refusal as refusal:
        raise _refused(refusal) from refusal
    _original(events_models.EventsBackend, "put_targets")(backend, name, event_bus_arn, targets)


def _send_to_targets(events: Events) -> Callable[..., Any]:
    def send_to_targets(rule: Any, event: dict[str, Any], transform_input: bool = True) -> None:
        events.publish_to(rule, event, rule.region_name)  # a replay of an archive

    return send_to_targets


def _test_event_pattern(response: Any) -> str:
    pattern, event = response._get_param("EventPattern"), response._get_param("Event")
    try:
        check_pattern(pattern)
        parsed = json.loads(event)
    except Refusal as refusal:
        raise _refused(refusal) from refusal
    except ValueError as error:
        raise JsonRESTError("ValidationException", f"Event is not valid JSON: {error}") from error
    return json.dumps({"Result": compile_pattern(pattern).matches(parsed)})


def _checked(name: str) -> Callable[..., Any]:
    def put_schedule(backend: Any, **given: Any) -> Any:
        try:
            zone = given.get("schedule_expression_timezone") or "UTC"
            check_expression(given["schedule_expression"], zone)
            check_destination(given["target"])
        except Refusal as refusal:
            raise _refused(refusal) from refusal
        put = _original(scheduler_models.EventBridgeSchedulerBackend, name)
        return put(backend, **given)

    return put_schedule


def _no_event(*arguments: Any, **named: Any) -> None:
    """moto's form of a created bucket is none of AWS's."""


def _set_delete_marker(backend: Any, bucket_name: str, key_name: str) -> Any:
    marker = _original(s3_models.S3Backend, "_set_delete_marker")(backend, bucket_name, key_name)
    bucket = backend.get_bucket(bucket_name)
    happened = s3_notifications.S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT
    configuration = bucket.notification_configuration
    if configuration is not None and configuration.event_bridge is not None:
        # Looked up when it is called: the function is one of the doors.
        s3_notifications._send_event_bridge_message(backend.account_id, bucket, happened, marker)
    return marker


def _object_changed(events: Events) -> Callable[..., None]:
    def send(account: str, bucket: Any, happened: Any, key: Any) -> None:
        name = str(happened.value)
        if name not in KINDS or not _asked_for(name):
            return
        detail_type, detail = object_event(account, bucket, key, name)
        events.emit_in(bucket.region_name, detail_type, detail, [bucket.arn], "aws.s3")

    return send


def _asked_for(happened: str) -> bool:
    if happened == "s3:ObjectCreated:Put" and has_request_context():
        return "uploadId" not in request.args  # moto puts an object whose parts are complete, too
    parameter = OF_THEIR_OWN.get(happened)
    return parameter is None or (has_request_context() and parameter in request.args)


def _get_bucket_notification(response: Any) -> Any:
    """moto leaves the EventBridge configuration out of its answer."""
    answer = _original(s3_responses.S3Response, "get_bucket_notification")(response)
    bucket = response.backend.get_bucket(response.bucket_name)
    configuration = bucket.notification_configuration
    if configuration is None or configuration.event_bridge is None:
        return answer
    status, headers, body = answer
    return status, headers, _with_event_bridge(body)


def _set_queue_attributes(queue: Any, attributes: dict[str, Any], now: float | None = None) -> None:
    """moto forgets a queue's policy, which lets rules in, when another attribute is set alone."""
    kept = {"Policy": getattr(queue, "policy", None)}
    _original(sqs_models.Queue, "_set_attributes")(queue, {**kept, **attributes}, now)


def _with_event_bridge(body: str) -> str:
    before, end, after = body.rpartition("</NotificationConfiguration>")
    if end:
        return f"{before}<EventBridgeConfiguration/>{end}{after}"
    opening = body.rpartition("/>")[0]
    return f"{opening}><EventBridgeConfiguration/></NotificationConfiguration>"
