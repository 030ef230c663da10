"""What the function writes: one line of JSON for each request, and one metric for each answer.

Neither holds anything of what was asked: no image, no payload, no address.
"""

from __future__ import annotations

import json
import time
import traceback
from typing import Any

NAMESPACE, METRIC, DIMENSION = "Breedline", "Confidence", "Endpoint"


def write_request(status: int, **facts: Any) -> None:
    """One request: how it ended, for whom and how long it took."""
    level = "INFO" if status < 400 else "WARNING" if status < 500 else "ERROR"
    _write({"level": level, "event": "request", "status": status, **facts})


def write_fault(request_id: str, error: BaseException) -> None:
    """A fault of ours: its type and where, without the values that it came of."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
    name = type(error).__name__
    _write(
        {"level": "ERROR", "event": "fault", "request_id": request_id, "type": name, "at": where}
    )


def write_confidence(endpoint: str, probability: float) -> None:
    """The top label's probability, in CloudWatch's embedded metric format."""
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": METRIC, "Unit": "None"}],
    }
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    _write({"_aws": about, DIMENSION: endpoint, METRIC: probability})


def _write(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)
