"""Which actions of Lambda's API are answered here, and how a request gets there from moto."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import unquote

from moto.awslambda import urls
from moto.awslambda.responses import LambdaResponse

from local.functions.api import aliases, concurrency, event_invoke, versions
from local.functions.api.call import Answer, Call
from local.functions.service import Functions

HttpAnswer = tuple[int, dict[str, str], str]

ACTIONS: dict[str, Answer] = {
    "CreateFunction": versions.create_function,
    "UpdateFunctionCode": versions.update_function_code,
    "UpdateFunctionConfiguration": versions.update_function_configuration,
    "PublishVersion": versions.publish_version,
    "ListVersionsByFunction": versions.list_versions_by_function,
    "DeleteFunction": versions.delete_function,
    "CreateAlias": aliases.create_alias,
    "UpdateAlias": aliases.update_alias,
    "GetAlias": aliases.get_alias,
    "DeleteAlias": aliases.delete_alias,
    "ListAliases": aliases.list_aliases,
    "PutFunctionConcurrency": concurrency.put_function_concurrency,
    "GetFunctionConcurrency": concurrency.get_function_concurrency,
    "DeleteFunctionConcurrency": concurrency.delete_function_concurrency,
    "PutProvisionedConcurrencyConfig": concurrency.put_provisioned_concurrency_config,
    "GetProvisionedConcurrencyConfig": concurrency.get_provisioned_concurrency_config,
    "ListProvisionedConcurrencyConfigs": concurrency.list_provisioned_concurrency_configs,
    "DeleteProvisionedConcurrencyConfig": concurrency.delete_provisioned_concurrency_config,
    "GetAccountSettings": concurrency.get_account_settings,
    "PutFunctionEventInvokeConfig": event_invoke.put_function_event_invoke_config,
    "UpdateFunctionEventInvokeConfig": event_invoke.update_function_event_invoke_config,
    "GetFunctionEventInvokeConfig": event_invoke.get_function_event_invoke_config,
    "DeleteFunctionEventInvokeConfig": event_invoke.delete_function_event_invoke_config,
    "ListFunctionEventInvokeConfigs": event_invoke.list_function_event_invoke_configs,
}
# Paths that moto does not know.
PATHS = (
    r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency/?$",
    r"{0}/(?P<api_version>[^/]+)/account-settings/?$",
)
_changing = threading.Lock()  # one change at a time: moto's tables are not made for more


def add_paths() -> None:
    """Let moto hand over requests for the paths that it does not know."""
    for path in PATHS:
        urls.url_paths[path] = LambdaResponse.dispatch


def answer(functions: Functions, action: str, response: Any) -> HttpAnswer:
    """Perform one of the actions of the table; raises ApiError."""
    call = Call(functions, response.backend, _parameters(response))
    with _changing:
        status, content = ACTIONS[action](call)
    body = "" if content is None else json.dumps(content)
    return status, {"status": str(status), "Content-Type": "application/json"}, body


def _parameters(response: Any) -> dict[str, Any]:
    """The request's parameters, from its path, its query and its body."""
    path = {name: unquote(value) for name, value in (response.uri_match or {}).items()}
    query = {name: values[0] for name, values in response.querystring.items()}
    text = response.body.decode() if isinstance(response.body, bytes) else response.body
    body = json.loads(text) if text else {}
    return {**query, **body, **path}
