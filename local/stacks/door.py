"""Where requests for CloudFormation come in: moto's core reads and writes them, ours answers them.

They do not go through moto's own CloudFormation, which loads most other services when it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError
from moto.core.request import Request
from moto.core.responses import ActionResult, BaseResponse
from werkzeug.wrappers import Response

from local.backend import Backend
from local.errors import ApiError
from local.gateway import CALLER, Environ, StartResponse, WsgiApp, presented_scope
from local.iam.caller import acting
from local.stacks.service import Stacks

MOMENTS = ("Time", "Timestamp")


class StacksDoor:
    """Stands before moto, for the process that serves."""

    def __init__(self, backend: Backend) -> None:
        self._stacks = Stacks(backend)
        answering = {
            re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower(): _method(call)
            for action, call in self._stacks.actions.items()
        }
        self._response: Any = type("StacksResponse", (_Response,), answering)

    def recover(self) -> None:
        """Go on with what a killed server had under way."""
        self._stacks.recover()

    def watch(self, app: WsgiApp) -> WsgiApp:
        """The application, with CloudFormation's requests answered here."""

        def watched(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            if presented_scope(environ)[0] != "cloudformation":
                return app(environ, start_response)
            with acting(environ.get(CALLER)):
                response = self._answer(Request(environ))
            answer: Iterable[bytes] = response(environ, start_response)
            return answer

        return watched

    def _answer(self, request: Request) -> Response:
        try:
            found = self._response.dispatch(request, request.url, dict(request.headers))
        except NotImplementedError as error:
            found = 400, {}, _fault("InvalidAction", f"The embedded AWS has no such: {error}")
        status, headers, body = found
        return Response(body, status, headers)


class _Response(BaseResponse):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True


def _method(call: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    def answer(response: Any) -> Any:
        try:
            found = call(dict(response._get_params()))
        except ApiError as error:
            raise CloudFormationError(error.code, error.message) from error
        return ActionResult(_with_moments(found))

    return answer


def _with_moments(value: Any, key: str = "") -> Any:
    """Times as the serializer wants them, and no empty texts."""
    if isinstance(value, dict):
        return {k: _with_moments(v, k) for k, v in value.items() if v != ""}
    if isinstance(value, list):
        return [_with_moments(item) for item in value]
    if key.endswith(MOMENTS) and isinstance(value, float):
        return datetime.fromtimestamp(value, timezone.utc)
    return value


def _fault(code: str, message: str) -> str:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{error}</ErrorResponse>"
