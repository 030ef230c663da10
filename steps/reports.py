"""Write an evaluation: JSON for the model registry, a table of the classes, plots.

Boundary: measured arrays in, files out. evaluation.json has the keys that SageMaker's registry
shows for multiclass models, and beside them everything else under "breedline".
Run the tests: `pytest tests/steps/test_evaluate.py`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import plots
import scores
from dataset import Channel
from images import open_image
from measuring import Latency

SHOWN_MISTAKES = 24


@dataclass(frozen=True)
class ChampionResult:
    """The approved model's accuracy on this test split; "none" and 0.0 without one."""

    model_package_arn: str
    accuracy: float
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """All that was measured; `probabilities` has shape (N, C) in the channel's orders.

    `rules` is the artifact's rules.json: what was found while the model was trained.
    """

    channel: Channel
    probabilities: np.ndarray
    latency: Latency
    model_bytes: int
    champion: ChampionResult
    champion_tolerance: float = 0.0
    rules: Mapping[str, Any] | None = None

    @cached_property
    def labels(self) -> np.ndarray:
        return true_labels(self.channel)

    @cached_property
    def predicted(self) -> np.ndarray:
        predicted: np.ndarray = self.probabilities.argmax(axis=1)
        return predicted

    @cached_property
    def matrix(self) -> np.ndarray:
        classes = len(self.channel.classes)
        return scores.confusion_matrix(self.labels, self.predicted, classes)

    @cached_property
    def bins(self) -> list[scores.Bin]:
        return scores.calibration_bins(self.labels, self.probabilities)

    @property
    def accuracy(self) -> float:
        return float((self.labels == self.predicted).mean())


def true_labels(channel: Channel) -> np.ndarray:
    """Labels of shape (N,), in the order of the channel's records."""
    labels: np.ndarray = np.array([record.label for record in channel.records])
    return labels


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """evaluation.json and per_class.csv below `folder`."""
    document = {
        "multiclass_classification_metrics": registry_metrics(evaluation),
        "breedline": own_metrics(evaluation),
    }
    text = json.dumps(document, indent=2, allow_nan=False)
    (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    with (folder / "per_class.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(_COLUMNS))
        writer.writeheader()
        writer.writerows(class_rows(evaluation))


def write_plots(evaluation: Evaluation, folder: Path) -> None:
    """confusion_matrix.png, reliability.png and worst_mistakes.png below `folder`."""
    folder.mkdir()
    classes = evaluation.channel.classes
    plots.confusion_matrix(evaluation.matrix, classes, folder / "confusion_matrix.png")
    plots.reliability(evaluation.bins, folder / "reliability.png")
    mistakes = worst_mistakes(evaluation)
    total = int((evaluation.labels != evaluation.predicted).sum())
    plots.worst_mistakes(mistakes, total, folder / "worst_mistakes.png", open_image)


def registry_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """The multiclass keys of SageMaker's model quality reports.

    "NaN" as a string is their way to say that too few images give no standard deviation.
    """
    names = evaluation.channel.classes
    labels, predicted = evaluation.labels, evaluation.predicted
    constant = scores.constant_matrix(evaluation.matrix)
    best = np.full_like(predicted, constant.sum(axis=0).argmax())
    figures = _with_spread(evaluation.matrix, labels, predicted, "")
    figures |= _with_spread(constant, labels, best, "_best_constant_classifier")
    confusion = {
        name: {other: int(count) for other, count in zip(names, row, strict=True)}
        for name, row in zip(names, evaluation.matrix, strict=True)
    }
    return {"confusion_matrix": confusion, **figures}


def _with_spread(
    matrix: np.ndarray, labels: np.ndarray, predicted: np.ndarray, suffix: str
) -> dict[str, Any]:
    deviations = scores.spread(labels, predicted, len(matrix)) or {}
    return {
        name + suffix: {"value": value, "standard_deviation": deviations.get(name, "NaN")}
        for name, value in scores.quality(matrix).items()
    }


def own_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """What the registry's format has no place for."""
    labels, probabilities = evaluation.labels, evaluation.probabilities
    return {
        "top5_accuracy": scores.top_accuracy(labels, probabilities, 5),
        "macro": _macro(evaluation),
        "log_loss": scores.log_loss(labels, probabilities),
        "expected_calibration_error": scores.calibration_error(evaluation.bins),
        "latency_ms": _latency(evaluation.latency),
        "model_bytes": evaluation.model_bytes,
        "images": len(labels),
        "data_digest": evaluation.channel.digest,
        "champion": _champion(evaluation),
        "training_rules": _training_rules(evaluation.rules),
    }


def findings(rules: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the rules that watched training found, first things first."""
    found = [finding for finding in rules["rules"].values() if finding]
    return sorted(found, key=lambda finding: int(finding["epoch"]))


def _training_rules(rules: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """How many rules found something, which, and the one that ended training; None: unknown."""
    if rules is None:
        return None
    found = findings(rules)
    return {"found": len(found), "stopped_by": rules.get("stopped_by"), "findings": found}


def _champion(evaluation: Evaluation) -> dict[str, Any]:
    best = evaluation.champion
    # The gate compares figures but cannot subtract, so the subtraction is done here.
    to_beat = max(0.0, best.accuracy - evaluation.champion_tolerance)
    return {**asdict(best), "accuracy_to_beat": to_beat}


def _macro(evaluation: Evaluation) -> dict[str, float]:
    found = scores.class_scores(evaluation.matrix)
    columns = {"precision": found.precision, "recall": found.recall, "f1": found.f(1)}
    return {name: scores.macro(values, found.support) for name, values in columns.items()}


def _latency(latency: Latency) -> dict[str, Any]:
    named = {
        f"p{percent}": round(float(np.percentile(latency.milliseconds, percent)), 3)
        for percent in (50, 90, 99)
    }
    return {**named, "samples": len(latency.milliseconds), "agreement": latency.agreement}


_COLUMNS = ("class", "images", "correct", "precision", "recall", "f1", "mistaken_for", "times")


def class_rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """A row of per_class.csv for each class, with the class it is most often mistaken for."""
    names, matrix = evaluation.channel.classes, evaluation.matrix
    found = scores.class_scores(matrix)
    f1 = found.f(1)
    for index, name in enumerate(names):
        wrong = matrix[index].copy()
        wrong[index] = 0
        times = int(wrong.max())
        figures = (found.precision[index], found.recall[index], f1[index])
        shown = (f"{figure:.4f}" for figure in figures)
        other = names[wrong.argmax()] if times else ""
        counts = (int(found.support[index]), int(matrix[index, index]))
        yield dict(zip(_COLUMNS, (name, *counts, *shown, other, times), strict=True))


def worst_mistakes(evaluation: Evaluation) -> list[plots.Mistake]:
    """The mistakes that gave the true class the least probability, worst first."""
    labels, predicted = evaluation.labels, evaluation.predicted
    truth = evaluation.probabilities[np.arange(len(labels)), labels]
    wrong = np.nonzero(labels != predicted)[0]
    names = evaluation.channel.classes
    return [
        plots.Mistake(
            path=evaluation.channel.records[index].path,
            label=names[labels[index]],
            predicted=names[predicted[index]],
            confidence=float(evaluation.probabilities[index, predicted[index]]),
            truth=float(truth[index]),
        )
        for index in wrong[np.argsort(truth[wrong], kind="stable")][:SHOWN_MISTAKES]
    ]
