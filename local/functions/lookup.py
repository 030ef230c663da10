"""Finding the version of a function that a call is for, in moto, as what can be run."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.exceptions import JsonRESTError

from local.errors import ApiError
from local.functions import naming
from local.functions.code import Code
from local.functions.errors import invalid_parameter
from local.functions.function import Function
from local.functions.records import LATEST, aliases

_VERSION = re.compile(r"\$LATEST|\d+")


@dataclass(frozen=True)
class Target:
    """A function that was found, its ARN as the caller meant it, and the qualifier in that."""

    function: Function
    arn: str
    qualifier: str = LATEST


class Lookup:
    """The functions of one account."""

    def __init__(self, account: str, region: str, code: Code) -> None:
        self._account, self._region = account, region
        self._code = code

    def find(self, name: str, qualifier: str | None = None, region: str | None = None) -> Target:
        """The version for which a name, ARN or partial ARN and a version or alias stand.

        An alias with weights stands for one of its two versions, drawn anew each time.
        """
        region = region or self._region
        named = naming.parse(name, qualifier, region, self._account)
        backend = lambda_backends[self._account][region]
        try:
            found = backend.get_function(named.name, named.qualifier)
            if named.qualifier and not _VERSION.fullmatch(named.qualifier):
                alias = aliases(backend, named.name)[named.qualifier]
                found = backend.get_function(named.name, _drawn(alias))
        except JsonRESTError as error:
            raise ApiError(error.error_type, error.message, error.code) from error
        function = self._read(found)
        arn = f"{function.arn}:{named.qualifier}" if named.qualifier else function.arn
        return Target(function, arn, named.qualifier or LATEST)

    def _read(self, found: Any) -> Function:
        """moto's function as what can be run, its code unpacked."""
        runtime = found.run_time or ""
        if found.package_type == "Image" or not runtime.startswith("python"):
            kind = "a container image" if found.package_type == "Image" else f"runtime '{runtime}'"
            raise invalid_parameter(
                f"The function {found.function_name} cannot run on the embedded AWS: it is {kind}, "
                "and only zip packages with a Python runtime are processes here."
            )
        layers = [self._code.unpack(_layer(found, layer["Arn"])) for layer in found.layers]
        return Function(
            name=found.function_name,
            version=str(found.version),
            arn=re.sub(r":(\d+|\$LATEST)$", "", found.function_arn),
            region=found.region,
            runtime=runtime,
            handler=found.handler or "",
            timeout=float(found.timeout),
            memory=int(found.memory_size),
            code=self._code.unpack(found.code_bytes),
            layers=tuple(layers),
            variables=dict(found.environment_vars),
            revision=found.revision,
            dead_letters=found.dead_letters.get("TargetArn"),
            role=str(found.role or ""),
        )


def weights(alias: Any) -> Mapping[str, float]:
    """The other versions of an alias, and the part of the calls that each gets."""
    routing: Mapping[str, Any] = alias.routing_config or {}
    return routing.get("AdditionalVersionWeights") or {}


def _drawn(alias: Any) -> str:
    drawn = random.random()  # noqa: S311 - a share of calls, not a secret
    for version, weight in weights(alias).items():
        drawn -= weight
        if drawn < 0:
            return str(version)
    return str(alias.function_version)


def _layer(found: Any, arn: str) -> bytes:
    version = lambda_backends[found.account_id][found.region].layers_versions_by_arn(arn)
    if version is None:
        raise invalid_parameter(
            f"The layer {arn} of the function {found.function_name} was deleted."
        )
    content: bytes = version.code_bytes
    return content
