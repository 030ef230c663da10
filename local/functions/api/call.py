"""One request to Lambda's API, and what it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import JsonRESTError

from local.errors import ApiError
from local.functions import naming
from local.functions.errors import invalid_parameter, no_such_function
from local.functions.records import LATEST, KeptFunction, Settings, group, settings
from local.functions.service import Functions


@dataclass(frozen=True)
class Call:
    """A request's parameters, by the names they have in botocore's model, in one region."""

    functions: Functions
    backend: Any
    parameters: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The function's own name, however it was named."""
        return self._named().name

    @property
    def qualifier(self) -> str | None:
        """The version or alias that is meant, if one is."""
        return self._named().qualifier

    @property
    def arn(self) -> str:
        region, account = self.backend.region_name, self.backend.account_id
        return f"arn:aws:lambda:{region}:{account}:function:{self.name}"

    def latest(self) -> KeptFunction:
        """The function's $LATEST; raises ApiError when it does not exist."""
        found = group(self.backend, self.name)
        if found is None or found["latest"] is None:
            raise no_such_function(self.arn)
        latest: KeptFunction = found["latest"]
        return latest

    def changeable(self) -> KeptFunction:
        """$LATEST, for a request that changes it; published versions never change."""
        if self.qualifier not in (None, LATEST):
            raise invalid_parameter(
                f"Only {LATEST} can be changed, not the published {self.name}:{self.qualifier}."
            )
        return self.latest()

    def version(self, qualifier: str) -> Any:
        """moto's version for a version number or alias; raises ApiError when there is none."""
        try:
            return self.backend.get_function(self.name, qualifier)
        except JsonRESTError as error:
            raise ApiError(error.error_type, error.message, error.code) from error

    def settings(self) -> Settings:
        """The settings of a function that exists."""
        self.latest()
        return settings(self.backend, self.name)

    def get(self, parameter: str, default: Any = None) -> Any:
        return self.parameters.get(parameter, default)

    def _named(self) -> naming.Named:
        return naming.parse(
            self.parameters["FunctionName"],
            self.parameters.get("Qualifier"),
            self.backend.region_name,
            self.backend.account_id,
        )


Reply = tuple[int, dict[str, Any] | None]  # the HTTP status, and what is sent as JSON
Answer = Callable[[Call], Reply]
