"""The parts of `sagemaker_inference` that handlers import, where the package is not installed.

In SageMaker's containers it always is: its `errors` carry a status to the client, its `encoder` and
`decoder` are used by handlers that extend the defaults.
"""

import importlib
import importlib.util
import sys
import types
from typing import Any

import serving_formats as formats

PACKAGE = "sagemaker_inference"


class BaseInferenceToolkitError(Exception):
    """Raised by a handler: the client gets this status, phrase and message."""

    def __init__(self, status_code: int, message: str, phrase: str) -> None:
        super().__init__(status_code, message, phrase)
        self.status_code = status_code
        self.message = message
        self.phrase = phrase


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """The same, with words of its own for what is left out."""

    def __init__(
        self, status_code: int, message: str | None = None, phrase: str | None = None
    ) -> None:
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)


def install() -> type[Any]:
    """Put the package in reach; the class of its errors, of the real package where there is one."""
    if importlib.util.find_spec(PACKAGE) is None:
        _provide()
    found: type[Any] = importlib.import_module(f"{PACKAGE}.errors").BaseInferenceToolkitError
    return found


def _provide() -> None:
    types_of_content = {
        "JSON": formats.JSON,
        "CSV": formats.CSV,
        "NPY": formats.NPY,
        "NPZ": formats.NPZ,
        "OCTET_STREAM": formats.OCTET_STREAM,
        "ANY": formats.ANY,
        "UTF8_TYPES": formats.UTF8_TYPES,
    }
    classes = (
        BaseInferenceToolkitError,
        GenericInferenceToolkitError,
        formats.UnsupportedFormatError,
    )
    package = types.ModuleType(PACKAGE)
    package.__path__ = []
    sys.modules[PACKAGE] = package
    _add(package, "content_types", types_of_content)
    _add(package, "errors", {kind.__name__: kind for kind in classes})
    _add(package, "encoder", {"encode": formats.encode})
    _add(package, "decoder", {"decode": formats.decode})


def _add(package: types.ModuleType, name: str, content: dict[str, Any]) -> None:
    module = types.ModuleType(f"{PACKAGE}.{name}")
    module.__dict__.update(content)
    sys.modules[module.__name__] = module
    setattr(package, name, module)
