"""Events that the embedded SageMaker sends to the default EventBridge bus, in AWS's form."""

from __future__ import annotations

import json
import logging
from typing import Any

from moto.events.models import events_backends

logger = logging.getLogger(__name__)


class Events:
    """Sends `aws.sagemaker` events, as SageMaker does when a status changes."""

    def __init__(self, account: str, region: str) -> None:
        self._backend: Any = events_backends[account][region]

    def emit(self, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
        """Send one event; a rule whose target cannot take it never disturbs the sender."""
        event = {
            "Source": "aws.sagemaker",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": resources,
            "EventBusName": "default",
        }
        try:
            self._backend.put_events([event])
        except Exception:  # noqa: BLE001 - moto's targets raise whatever their services raise
            logger.exception("the event '%s' could not be delivered", detail_type)
