"""How handlers that a model leaves out read and write arrays: JSON, CSV, NPY, NPZ.

Modules are imported when they are needed, by name, so that a model which brings its own handlers
waits for none. Nothing is unpickled, and nothing pickled.
"""

import importlib
import io
import json
from collections.abc import Callable
from typing import Any

JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"
OCTET_STREAM, ANY = "application/octet-stream", "*/*"
UTF8_TYPES = [JSON, CSV]  # bodies that reach the handlers as text


class UnsupportedFormatError(Exception):
    """A content type that nothing here reads or writes."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"The default handlers neither read nor write '{content_type}'; "
            "define input_fn for such requests, output_fn for such answers."
        )


def decode(body: Any, content_type: str) -> Any:
    """The array in a body; raises UnsupportedFormatError."""
    if content_type not in _READERS:
        raise UnsupportedFormatError(content_type)
    return _READERS[content_type](body)


def encode(value: Any, content_type: str) -> Any:
    """`value` (an array, or what becomes one) as a body; raises UnsupportedFormatError."""
    if content_type not in _WRITERS:
        raise UnsupportedFormatError(content_type)
    return _WRITERS[content_type](value)


def writable(accept: str) -> list[str]:
    """The content types of an Accept header that `encode` writes, in its order."""
    return [kind for kind in accept.replace(" ", "").split(",") if kind in _WRITERS]


def _numpy() -> Any:
    return importlib.import_module("numpy")


def _read_json(body: Any) -> Any:
    return _numpy().array(json.loads(body))


def _read_csv(body: str) -> Any:
    return _numpy().genfromtxt(io.StringIO(body), delimiter=",")


def _read_npy(body: Any) -> Any:
    return _numpy().load(io.BytesIO(body), allow_pickle=False)


def _read_npz(body: Any) -> Any:
    return importlib.import_module("scipy.sparse").load_npz(io.BytesIO(body))


def _write_json(value: Any) -> str:
    def listed(item: Any) -> Any:
        if hasattr(item, "tolist"):
            return item.tolist()
        raise TypeError(f"an object of type {type(item).__name__} is not JSON")

    return json.dumps(value, default=listed)


def _write_csv(value: Any) -> str:
    text = io.StringIO()
    _numpy().savetxt(text, value, delimiter=",", fmt="%s")
    return text.getvalue()


def _write_npy(value: Any) -> bytes:
    packed = io.BytesIO()
    _numpy().save(packed, value, allow_pickle=False)
    return packed.getvalue()


_READERS: dict[str, Callable[[Any], Any]] = {
    JSON: _read_json,
    CSV: _read_csv,
    NPY: _read_npy,
    NPZ: _read_npz,
}
_WRITERS: dict[str, Callable[[Any], Any]] = {JSON: _write_json, CSV: _write_csv, NPY: _write_npy}
