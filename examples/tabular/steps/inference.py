"""Serve a forest: the four handler functions that SageMaker's containers call.

Boundary: request bytes in, JSON bytes out. Packed in the model artifact as code/inference.py; needs
numpy and the files beside it, reads no network and unpickles nothing.

Requests: `application/json`, one of
    {"records": [{"rooms": 5.1, …}, …]}     by the columns' names, in any order
    {"record": {"rooms": 5.1, …}}           a single one, answered in the same form
or `text/csv`: rows below a first line with the columns' names; without one, rows in the model's own
order. Answers: {"predictions": [2.31, …]}, and "model_version" when the container was told one.

Environment: BREEDLINE_MAX_BYTES (of a request, 6 MiB), BREEDLINE_MAX_ROWS (10,000),
BREEDLINE_MODEL_VERSION (of the model package; none).
Run the tests: `pytest tests/examples/tabular/test_inference.py`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from forest import LARGEST, Forest, load
from replies import RequestError, written

SHOWN = 40  # characters of a caller's text in a message


@dataclass(frozen=True)
class Regressor:
    """A loaded model; a row's numbers stand in the order of `columns`."""

    forest: Forest
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """Rows that are not checked yet; `names` of their cells, None for the model's own order."""

    names: tuple[str, ...] | None
    rows: Sequence[Any]  # mappings, or lists of cells where there are names or an order


def model_fn(model_dir: str) -> Regressor:
    """Load the artifact in `model_dir`."""
    folder = Path(model_dir)
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    columns = tuple(document["columns"])
    return Regressor(load(folder / "model.npz", len(columns)), columns)


def input_fn(body: bytes | str, content_type: str) -> Request:
    """Take a request apart. Raises RequestError: 400, 413 or 415."""
    limit = int(os.environ.get("BREEDLINE_MAX_BYTES") or 6 * 1024 * 1024)
    if len(body) > limit:
        raise RequestError(413, f"The request is larger than {limit} bytes.")
    kind = content_type.partition(";")[0].strip().lower()
    readers = {"application/json": _from_json, "text/csv": _from_csv}
    if kind not in readers:
        raise RequestError(
            415, f"The content type {kind!r} is not taken; send application/json or text/csv."
        )
    request = readers[kind](_text(body))
    most = int(os.environ.get("BREEDLINE_MAX_ROWS") or 10_000)
    if len(request.rows) > most:
        raise RequestError(413, f"The request has more than {most} rows.")
    return request


def predict_fn(data: Request, model: Regressor) -> dict[str, Any]:
    """Foretell each row. Raises RequestError for one that is none."""
    rows = np.array(
        [_numbers(row, number, data.names, model) for number, row in enumerate(data.rows)]
    )
    return {"predictions": predict_rows(rows, model).tolist()}


def output_fn(prediction: Mapping[str, Any], accept: str) -> str:
    """The answer as JSON. Raises RequestError 406 when the client takes no JSON."""
    return written(prediction, accept, os.environ)


def predict_rows(rows: np.ndarray, model: Regressor) -> np.ndarray:
    """Answers of shape (N,) for numbers of shape (N, C) in the order of the model's columns."""
    return model.forest.predict(rows)


def _text(body: bytes | str) -> str:
    try:
        return body if isinstance(body, str) else bytes(body).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RequestError(400, "The body is not text in UTF-8.") from None


def _from_json(text: str) -> Request:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError(400, "The body is not JSON.") from None
    given = [key for key in ("record", "records") if isinstance(document, dict) and key in document]
    if len(given) != 1 or len(document) != 1:
        raise RequestError(400, 'The body must be an object such as {"records": [{…}]}.')
    rows = document["records"] if given == ["records"] else [document["record"]]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RequestError(400, f"{given[0]} must hold objects with a number for each column.")
    return Request(None, rows)


def _from_csv(text: str) -> Request:
    try:
        lines = [line for line in csv.reader(io.StringIO(text), strict=True) if line]
    except csv.Error:
        raise RequestError(400, "The body is not CSV.") from None
    names = None
    if lines and not all(map(_is_number, lines[0])):
        names = tuple(cell.strip() for cell in lines.pop(0))
    if not lines:
        raise RequestError(400, "The body holds no rows.")
    return Request(names, lines)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(row: Any, number: int, names: Sequence[str] | None, model: Regressor) -> list[float]:
    """The row's numbers in the model's order."""
    if isinstance(row, dict):
        cells = row
    else:
        order = model.columns if names is None else names
        if len(row) != len(order):
            raise RequestError(400, f"Row {number} has {len(row)} cells, not {len(order)}.")
        cells = dict(zip(order, row, strict=True))
    if missing := [name for name in model.columns if name not in cells]:
        raise RequestError(400, f"Row {number} lacks {', '.join(missing)}.")
    if unknown := sorted(set(cells) - set(model.columns)):
        raise RequestError(400, f"Row {number} has an unknown column {_shown(unknown[0])}.")
    return [_number(cells[name], name, number) for name in model.columns]


def _number(cell: Any, name: str, number: int) -> float:
    try:
        value = math.nan if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not abs(value) < LARGEST:  # NaN is not
        raise RequestError(400, f"Row {number}: {name} is no finite number.")
    return value


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
