"""What a client is told when a model, and not the service, has failed."""

from __future__ import annotations

from typing import Any

from local.endpoints.invocation import Reply
from local.errors import ApiError

CONTAINER = "primary"
MOST_TOLD = 65_536  # bytes of a container's own words that are passed on
NO_ANSWER = 0  # the status of a container that did not answer
TIMED_OUT = (
    f"Your invocation timed out while waiting for a response from container {CONTAINER}. Review "
    "the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


class ModelError(ApiError):
    """The container answered with a status outside 2xx, or not at all."""

    def __init__(self, message: str, status: int, original: str, log_arn: str) -> None:
        super().__init__("ModelError", message, 424)
        self.fields: dict[str, Any] = {
            "OriginalStatusCode": status,
            "OriginalMessage": original,
            "LogStreamArn": log_arn,
        }


class ModelErrors:
    """Puts failures of models into AWS's words; they name the log of the endpoint."""

    def __init__(self, account: str, region: str) -> None:
        self._account, self._region = account, region

    def refused(self, endpoint: str, reply: Reply) -> ModelError:
        """The container answered, with a status outside 2xx."""
        if len(reply.body) > MOST_TOLD:
            return self._error(endpoint, reply.status, None)
        return self._error(endpoint, reply.status, reply.body.decode(errors="replace"))

    def timed_out(self, endpoint: str) -> ModelError:
        return self._error(endpoint, NO_ANSWER, TIMED_OUT)

    def gone(self, endpoint: str) -> ModelError:
        """The container ended while it had the request."""
        return self._error(
            endpoint,
            NO_ANSWER,
            f"Amazon SageMaker could not get a response from the {endpoint} endpoint. "
            "Its container ended before it answered.",
        )

    def _error(self, endpoint: str, status: int, original: str | None) -> ModelError:
        side = "client" if 400 <= status < 500 else "server"
        said = (
            " and could not load the entire response body"
            if original is None
            else f' with message "{original}"'
        )
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        message = (
            f"Received {side} error ({status}) from {CONTAINER}{said}. "
            f"See log group {group} in account {self._account} for more information."
        )
        log_arn = f"arn:aws:logs:{self._region}:{self._account}:log-group:{group}"
        return ModelError(message, status, original or "", log_arn)
