"""A request as it goes to a neighbour: with that server's own key, and in the name of the caller.

The neighbour believes who calls because only its own user can read its key.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

from local.connection import HOST, Connection
from local.errors import ApiError
from local.iam.caller import Caller

GUEST = "X-Breedline-Guest"
IN_WSGI = "HTTP_X_BREEDLINE_GUEST"
TIMEOUT = 300  # seconds; an artifact may be large
OWN = {
    *("HTTP_HOST", "HTTP_CONNECTION", "HTTP_AUTHORIZATION", "HTTP_X_AMZ_SECURITY_TOKEN"),
    *("HTTP_EXPECT", "HTTP_TRANSFER_ENCODING", "HTTP_ACCEPT_ENCODING", IN_WSGI),
}  # what a connection says of itself
HOP_BY_HOP = {"connection", "date", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Message:
    """A request without its signature."""

    service: str
    region: str
    method: str
    target: str  # path and query
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What a neighbour answered; as a WSGI application it answers the same."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(f"{self.status} {self.reason}", list(self.headers))
        return [self.body]


def message_of(environ: Mapping[str, Any], service: str, region: str, body: bytes = b"") -> Message:
    """A request that came in; its parameters of a presigned URL stay behind."""
    path = quote(str(environ.get("PATH_INFO", "/")).encode("latin-1"), safe="/%")
    query = str(environ.get("QUERY_STRING", ""))
    kept = [part for part in query.split("&") if part and not part.startswith("X-Amz-")]
    return Message(
        service,
        region,
        environ["REQUEST_METHOD"],
        path + ("?" + "&".join(kept) if kept else ""),
        {
            **({"Content-Type": environ["CONTENT_TYPE"]} if environ.get("CONTENT_TYPE") else {}),
            **{
                name.removeprefix("HTTP_").replace("_", "-").title(): str(value)
                for name, value in environ.items()
                if name.startswith("HTTP_") and name not in OWN
            },
        },
        body,
    )


def guest_of(environ: Mapping[str, Any]) -> Caller | None:
    """In whose name a neighbour passed a request on; None for a request that nobody passed on."""
    text = environ.get(IN_WSGI)
    return Caller(**json.loads(text)) if text else None


def send(neighbour: Connection, guest: Caller, message: Message) -> Answer:
    """The neighbour's answer. Raises ApiError, ServiceUnavailable, when it does not answer."""
    scope = f"{neighbour.access_key}/19700101/{message.region}/{message.service}/aws4_request"
    headers = {
        **message.headers,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        GUEST: json.dumps(asdict(guest)),
    }
    client = http.client.HTTPConnection(HOST, neighbour.port, timeout=TIMEOUT)
    try:
        client.request(message.method, message.target, message.body or None, headers)
        answer = client.getresponse()
        kept = tuple(each for each in answer.getheaders() if each[0].lower() not in HOP_BY_HOP)
        return Answer(answer.status, answer.reason, kept, answer.read())
    except (OSError, http.client.HTTPException) as error:  # killed, perhaps while it answered
        raise stopped(neighbour.account) from error
    finally:
        client.close()


def stopped(account: str) -> ApiError:
    """On AWS no account is ever switched off."""
    return ApiError(
        "ServiceUnavailable",
        f"The embedded AWS of the account {account} does not run; start it with: "
        f"python definitions.py local start --account {account}",
        503,
    )


def as_error(answer: Answer) -> ApiError:
    """A refusal in the JSON of AWS."""
    fault = json.loads(answer.body)
    return ApiError(fault["__type"], fault["message"], answer.status)
