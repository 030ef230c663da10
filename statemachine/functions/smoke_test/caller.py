"""Ask the function in front as a caller does, and time it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

LONGEST = 30.0  # seconds that one answer may take, whatever the budget says
PARTS = 4  # of the whole time, one answer may take no more than one
MARGIN = 2.0  # seconds for telling the results
ATTEMPTS, PAUSE = 3, 1.0  # at a function or an endpoint that says it is busy; seconds between
BUSY = 429
TOO_MANY = "TooManyRequestsException"


class OutOfTime(Exception):
    """Another answer could take longer than there is time."""


@dataclass(frozen=True)
class Answer:
    """What came back: an HTTP status with its body, or the sentence that says why nothing did."""

    milliseconds: int
    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def is_busy(self) -> bool:
        return self.status == BUSY or self.fault.startswith(TOO_MANY)


class Caller:
    """Invokes `function`, the ARN of an alias, while there is time.

    `left` gives the seconds until this function itself is ended.
    """

    def __init__(
        self,
        function: str,
        left: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._function, self._left, self._sleep = function, left, sleep
        self._patience = min(LONGEST, left() / PARTS)
        config = Config(
            connect_timeout=min(5.0, self._patience),
            read_timeout=self._patience,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        region = os.environ["AWS_REGION"]
        self._aws = boto3.client("lambda", region_name=region, config=config)

    def check_time(self) -> None:
        """Raises OutOfTime unless one more answer may take as long as it may."""
        if self._left() <= self._patience + min(MARGIN, self._patience):
            raise OutOfTime

    def ask(self, event: Mapping[str, Any]) -> Answer:
        """The answer, and its time alone when the function was busy at first. Raises OutOfTime."""
        for _ in range(ATTEMPTS - 1):
            answer = self._ask(event)
            if not answer.is_busy:
                return answer
            self._sleep(PAUSE)
        return self._ask(event)

    def _ask(self, event: Mapping[str, Any]) -> Answer:
        self.check_time()
        payload, begun = json.dumps(event).encode(), time.monotonic()
        try:
            response = self._aws.invoke(FunctionName=self._function, Payload=payload)
            content = response["Payload"].read()
        except ReadTimeoutError:
            return Answer(_since(begun), fault=f"No answer within {self._patience:.1f} s.")
        except ClientError as error:
            about = error.response["Error"]
            return Answer(_since(begun), fault=f"{about['Code']}: {about['Message']}")
        except BotoCoreError as error:
            return Answer(_since(begun), fault=f"{type(error).__name__}: {error}")
        return _read(content, "FunctionError" in response, _since(begun))


def http_event(body: str, content_type: str) -> dict[str, Any]:
    """An event as an HTTP API makes it."""
    return {
        "version": "2.0",
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "headers": {"content-type": content_type},
        "body": body,
        "isBase64Encoded": False,
    }


def _read(content: bytes, has_failed: bool, milliseconds: int) -> Answer:
    try:
        found = json.loads(content)
        if has_failed:
            return Answer(milliseconds, fault=f"The function failed: {found['errorMessage']}")
        body = json.loads(found["body"])
        return Answer(milliseconds, int(found["statusCode"]), {**body})
    except (ValueError, TypeError, KeyError):
        return Answer(milliseconds, fault="The answer is no HTTP response with a JSON body.")


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
