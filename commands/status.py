"""`status`: what is live, what rings, what ran last."""

from __future__ import annotations

import argparse
import re
from typing import Any

from commands.endpoint import describe_endpoint, read_endpoint
from commands.execution import list_executions
from commands.following import list_deployments
from commands.output import emit, moment, table
from commands.registry import list_packages
from commands.scaling import describe_scaling, read_scaling
from commands.session import Session
from statemachine.alarms import alarms

LAST = 5
OF_SCALING = re.compile(r"^TargetTracking-.*-Alarm(High|Low)-[-0-9a-f]{36}$")


def status(session: Session, arguments: argparse.Namespace) -> int:
    """The endpoint, its scaling and alarms; the last executions, packages and deployments."""
    settings = session.settings
    scaling = read_scaling(session)
    result = {
        "environment": settings.environment,
        "pipeline": settings.pipeline.name,
        "endpoint": read_endpoint(session),
        "scaling": scaling,
        "alarms": read_alarms(session, scaling["alarms"] if scaling else []),
        "executions": list_executions(session, LAST),
        "model_packages": list_packages(session)[:LAST],
        "deployments": list_deployments(session, LAST),
        "retrainings": list_deployments(session, LAST, ["retrain"]),
    }
    emit(result, describe_status(result), session.as_json)
    return 0


def read_alarms(session: Session, of_scaling: list[str]) -> list[dict[str, Any]]:
    """The alarms of the settings and of scaling: {name, state, reason, since}.

    The state is None for one that the settings describe and that is not there.
    """
    names = [alarm["AlarmName"] for alarm in alarms(session.settings)] + of_scaling
    answer = session.client("cloudwatch").describe_alarms(AlarmNames=names)
    found = {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}
    return [
        {
            "name": name,
            "state": found.get(name, {}).get("StateValue"),
            "reason": found.get(name, {}).get("StateReason", ""),
            "since": found.get(name, {}).get("StateUpdatedTimestamp"),
        }
        for name in names
    ]


def describe_status(result: dict[str, Any]) -> str:
    """The same as text, a paragraph each."""
    endpoint = [describe_endpoint(result["endpoint"])]
    if result["scaling"]:
        endpoint.append(describe_scaling(result["scaling"]))
    packages = [
        [f"version {p['version']}", p["approval"], p["arn"]] for p in _of(result, "model_packages")
    ]
    machines = _of(result, "deployments") + _of(result, "retrainings")
    parts = [
        f"Environment {result['environment']}, pipeline {result['pipeline']}",
        "\n".join(endpoint),
        table([_alarm(alarm) for alarm in result["alarms"]]),
        table(packages) or "No model package yet.",
        table([[d["kind"], *_run(d)] for d in machines]) or "No deployment yet.",
        table([_run(execution) for execution in result["executions"]])
        or "No execution yet; `python definitions.py start` begins one.",
    ]
    return "\n\n".join(part for part in parts if part)


def _of(result: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result[kind]
    return found


def _run(execution: dict[str, Any]) -> list[str]:
    return [execution["status"], moment(execution["started"]), execution["arn"]]


def _alarm(alarm: dict[str, Any]) -> list[str]:
    since = moment(alarm["since"]) if alarm["since"] else ""
    reason = alarm["reason"] if alarm["state"] == "ALARM" else ""
    name = OF_SCALING.sub(r"scaling, \1", alarm["name"])
    return [name, alarm["state"] or "not deployed", since, reason]
