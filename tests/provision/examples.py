"""Small documents of every kind, as the state machines' modules compile them."""

from __future__ import annotations

from typing import Any

from provision.archives import Archive
from settings import Settings
from statemachine.names import ROLE_ACTORS


def roles(_loaded: Settings) -> dict[str, Any]:
    principal = {"endpoint": "sagemaker", "workflow": "states", "events": "events"}
    return {
        actor: {
            "trust": document(
                Effect="Allow",
                Principal={"Service": f"{principal.get(actor, 'lambda')}.amazonaws.com"},
                Action="sts:AssumeRole",
            ),
            "policy": document(Effect="Allow", Action="logs:PutLogEvents", Resource="*"),
        }
        for actor in ROLE_ACTORS
    }


def document(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Sid": "Only", **statement}]}


def archives() -> dict[str, Archive]:
    source = b"def handler(event, context):\n    return event\n"
    return {
        "predict": Archive({"handler.py": source, "requests.py": b"LIMIT = 1\n"}),
        "smoke_test": Archive({"handler.py": source}),
    }


def machine(comment: str = "") -> dict[str, Any]:
    return {
        "Comment": comment,
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }


def machines() -> dict[str, Any]:
    return {kind: machine(kind) for kind in ("deploy", "rollback", "retrain")}
