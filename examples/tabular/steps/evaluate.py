"""The Evaluate step: measure a forest on the test split, beside a baseline and the champion.

Role: a SageMaker processing job's script. Boundary: a model archive and the test channel in,
evaluation.json and samples out; the registry and S3 are read only for a champion. The model runs
through the code inside its archive: what is measured is what will serve.

    python3 evaluate.py --model model --test test --dataset dataset --output evaluation
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regression
from artifact import Artifact, ArtifactError, opened
from champion import ChampionError, measure_champion
from evaluation_options import add_evaluation
from report import Champion, Evaluation, MeasureError, request_of, write_report, write_samples
from staging import staged
from table import Dataset, Table, TableError, read_dataset, read_table

_WARM_UP = 3


@dataclass(frozen=True)
class Options:
    """What the command line says; `model_package_group` is empty without a champion."""

    model: Path
    test: Path
    dataset: Path
    output: Path
    model_package_group: str
    champion_tolerance: float
    latency_samples: int
    smoke_samples: int


def evaluate(options: Options) -> Evaluation:
    """Run the whole step and return what was reported; nothing is written when it fails."""
    dataset = read_dataset(options.dataset)
    table = read_table(options.test, dataset)
    with opened(options.model / "model.tar.gz") as artifact:
        if tuple(artifact.model.columns) != dataset.columns:
            raise MeasureError("The model was trained on other columns than the test split has.")
        predicted = _predict(artifact, table)
        latency = measure_latency(artifact, dataset, table, options.latency_samples)
        size = artifact.size
    best = find_champion(options, dataset, table)
    evaluation = Evaluation(
        dataset, table, predicted, latency, size, best, options.champion_tolerance
    )
    with staged(options.output) as folder:
        write_report(evaluation, folder)
        write_samples(evaluation, folder / "samples", options.smoke_samples)
    return evaluation


def find_champion(options: Options, dataset: Dataset, table: Table) -> Champion:
    """The approved model's R² on the same rows; None with the reason when there is none."""

    def measure(artifact: Artifact) -> tuple[float | None, str]:
        if tuple(artifact.model.columns) != dataset.columns:
            return None, "Not compared: it knows other columns."
        r2 = regression.quality(table.values, _predict(artifact, table))["r2"]
        return r2, "Measured on the same test rows."

    found = measure_champion(options.model_package_group, measure)
    return Champion(found.arn, found.figure, found.reason)


def measure_latency(
    artifact: Artifact, dataset: Dataset, table: Table, samples: int
) -> tuple[float, ...]:
    """Milliseconds of single rows through the four handlers, as an endpoint calls them."""
    count = min(samples, len(table.values))
    chosen = np.linspace(0, len(table.values) - 1, count).round().astype(int)
    bodies = [request_of(dataset, table.features[index]) for index in chosen]
    inference, taken = artifact.inference, []
    for number, body in enumerate([*bodies[:_WARM_UP], *bodies]):
        begin = time.perf_counter()
        data = inference.input_fn(body, "application/json")
        inference.output_fn(inference.predict_fn(data, artifact.model), "application/json")
        if number >= min(_WARM_UP, count):
            taken.append((time.perf_counter() - begin) * 1000)
    return tuple(taken)


def _predict(artifact: Artifact, table: Table) -> np.ndarray:
    answers: np.ndarray = np.asarray(
        artifact.inference.predict_rows(table.features, artifact.model)
    )
    if answers.shape != table.values.shape or not np.isfinite(answers).all():
        raise MeasureError("The model's answers are not a finite number for each row.")
    return answers


def summary(evaluation: Evaluation) -> str:
    """One line for the job's log."""
    figures, best = evaluation.quality, evaluation.champion
    told = "none" if best.r2 is None else f"{best.r2:.4f}"
    return (
        f"evaluate: R² {figures['r2']:.4f}, RMSE {figures['rmse']:.4g}, MAE {figures['mae']:.4g} "
        f"on {len(evaluation.predicted)} test rows; baseline RMSE "
        f"{evaluation.baseline['rmse']:.4g}; champion {best.model_package_arn} R² {told} "
        f"({best.reason})"
    )


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; argparse exits with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(description="Measure a forest on the test split.")
    add_evaluation(parser, figure="R²", known="rows")
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 with one sentence on stderr."""
    options = parse(arguments)
    try:
        print(summary(evaluate(options)), flush=True)
    except (ArtifactError, MeasureError, TableError, ChampionError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # A stopped job ends through the finally blocks, so that it leaves nothing half-written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
