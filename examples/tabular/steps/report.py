"""Write an evaluation: JSON for the model registry, and known rows for the smoke tests.

Boundary: measured arrays in, files out. evaluation.json has the keys that SageMaker's registry
shows for regression models, and beside them everything else under "breedline".
Run the tests: `pytest tests/examples/tabular/test_steps.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import regression
from table import Dataset, Table

TOLERANCE = 1e-6
"""How far, relative to it, an answer may be from what was measured here: another processor may
round otherwise, another model answers otherwise."""


class MeasureError(Exception):
    """The model cannot be measured on this split; the message is one sentence."""


@dataclass(frozen=True)
class Champion:
    """The approved model's R² on this test split; None where it could not be measured."""

    model_package_arn: str
    r2: float | None
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """All that was measured; `predicted` has an answer for each row of the table."""

    dataset: Dataset
    table: Table
    predicted: np.ndarray
    milliseconds: tuple[float, ...]
    model_bytes: int
    champion: Champion
    champion_tolerance: float = 0.0

    @cached_property
    def quality(self) -> dict[str, float]:
        return regression.quality(self.table.values, self.predicted)

    @cached_property
    def baseline(self) -> dict[str, float]:
        """Figures of always answering the mean of the test split: no constant does better."""
        truth = self.table.values
        return regression.quality(truth, np.full_like(truth, truth.mean()))

    @property
    def r2_to_beat(self) -> float:
        """The champion's R² less the tolerance, and never less than the baseline's.

        The gate compares figures but cannot subtract, so the subtraction is done here.
        """
        best = self.champion.r2
        bars = [] if best is None else [best - self.champion_tolerance]
        return max([self.baseline["r2"], *bars])


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """evaluation.json below `folder`."""
    deviations = regression.spread(evaluation.table.values, evaluation.predicted) or {}
    metrics = {
        # "NaN" as a string is the registry's way to say that too few rows give no deviation.
        name: {"value": value, "standard_deviation": deviations.get(name, "NaN")}
        for name, value in evaluation.quality.items()
    }
    document = {"regression_metrics": metrics, "breedline": own_metrics(evaluation)}
    _write(folder / "evaluation.json", document)


def own_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """What the registry's format has no place for."""
    best, times = evaluation.champion, evaluation.milliseconds
    latency = {f"p{part}": round(float(np.percentile(times, part)), 3) for part in (50, 90, 99)}
    return {
        "baseline": evaluation.baseline,
        # Figures are compared and told; JSON has no number for "none".
        "champion": {
            **asdict(best),
            "r2": "none" if best.r2 is None else best.r2,
            "r2_to_beat": evaluation.r2_to_beat,
        },
        "latency_ms": {**latency, "samples": len(times)},
        "model_bytes": evaluation.model_bytes,
        "rows": len(evaluation.predicted),
        "data_digest": evaluation.dataset.digest,
    }


def write_samples(evaluation: Evaluation, folder: Path, count: int) -> list[dict[str, Any]]:
    """Rows from the lowest to the highest answer, each with what the model answered here."""
    order = np.argsort(evaluation.predicted, kind="stable")
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    samples = [
        {
            "name": f"{number:03d}",
            "record": record_of(evaluation.dataset, evaluation.table.features[index]),
            "expected": float(evaluation.predicted[index]),
            "actual": float(evaluation.table.values[index]),
        }
        for number, index in enumerate(order[places])
    ]
    folder.mkdir()
    document = {
        "samples": samples,
        "tolerance": TOLERANCE,
        "model": {
            "bytes": evaluation.model_bytes,
            "data_digest": evaluation.dataset.digest,
            "target": evaluation.dataset.target,
        },
    }
    _write(folder / "samples.json", document)
    return samples


def record_of(dataset: Dataset, row: np.ndarray) -> dict[str, float]:
    """A row by the names of its columns."""
    return dict(zip(dataset.columns, row.tolist(), strict=True))


def request_of(dataset: Dataset, row: np.ndarray) -> str:
    """The body of a request about one row."""
    return json.dumps({"record": record_of(dataset, row)})


def _write(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
