"""The Evaluate step: measure a trained model on the test split, beside the approved champion.

Role: a SageMaker processing job's script. Boundary: a model archive and the test channel in,
evaluation.json, per_class.csv, plots and samples out; the registry and S3 are read only for a
champion.
The model runs through the code inside its archive: what is measured is what will serve.

    python3 evaluate.py --model model --test test --dataset dataset --output evaluation
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from arguments import positive
from artifact import Artifact, ArtifactError, opened
from champion import ChampionError, measure_champion
from dataset import Channel, DatasetError, read_channel
from evaluation_options import add_evaluation
from measuring import MeasureError, class_order, measure_latency, predict
from reports import (
    ChampionResult,
    Evaluation,
    findings,
    true_labels,
    write_plots,
    write_report,
)
from samples import write_samples
from staging import staged


@dataclass(frozen=True)
class Options:
    """What the command line says; `model_package_group` is empty without a champion."""

    model: Path
    test: Path
    dataset: Path
    output: Path
    model_package_group: str
    champion_tolerance: float
    batch_size: int
    latency_samples: int
    smoke_samples: int


def evaluate(options: Options) -> Evaluation:
    """Run the whole step and return what was reported; nothing is written when it fails."""
    channel = read_channel(options.test, "test", options.dataset)
    with opened(options.model / "model.tar.gz") as artifact:
        probabilities = _probabilities(artifact, channel, options.batch_size)
        names = [channel.classes[index] for index in probabilities.argmax(axis=1)]
        latency = measure_latency(artifact, channel, names, options.latency_samples)
        size, rules = artifact.size, artifact.rules
    # The first model is gone from memory before the champion is loaded.
    best = champion_result(options, channel)
    evaluation = Evaluation(
        channel, probabilities, latency, size, best, options.champion_tolerance, rules
    )
    with staged(options.output) as folder:
        write_report(evaluation, folder)
        write_plots(evaluation, folder / "plots")
        write_samples(evaluation, folder / "samples", options.smoke_samples)
    return evaluation


def champion_result(options: Options, channel: Channel) -> ChampionResult:
    """The approved model's accuracy on the same images; 0.0 with the reason when there is none."""

    def measure(artifact: Artifact) -> tuple[float | None, str]:
        if class_order(artifact, channel) is None:
            count = len(artifact.model.classes)
            return None, f"Not compared: the champion knows {count} other classes."
        predicted = _probabilities(artifact, channel, options.batch_size).argmax(axis=1)
        accuracy = float((predicted == true_labels(channel)).mean())
        return accuracy, "Measured on the same test images."

    found = measure_champion(options.model_package_group, measure)
    return ChampionResult(found.arn, found.figure or 0.0, found.reason)


def _probabilities(artifact: Artifact, channel: Channel, batch_size: int) -> np.ndarray:
    order = class_order(artifact, channel)
    if order is None:
        raise MeasureError(
            f"The model knows {len(artifact.model.classes)} classes and the test split "
            f"{len(channel.classes)} others; evaluate with the data the model was trained on."
        )
    return predict(artifact, channel, batch_size)[:, order]


def summary(evaluation: Evaluation) -> str:
    """Lines for the job's log: what was measured, then what the rules of training found."""
    best = evaluation.champion
    lines = [
        f"evaluate: accuracy {evaluation.accuracy:.4f} on {len(evaluation.labels)} test images; "
        f"champion {best.model_package_arn} {best.accuracy:.4f} ({best.reason})"
    ]
    lines += [
        f"evaluate: in training, epoch {finding['epoch']}, the rule {finding['rule']} found: "
        f"{finding['message']}"
        for finding in findings(evaluation.rules or {"rules": {}})
    ]
    return "\n".join(lines)


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; argparse exits with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(description="Measure a model on the test split.")
    add_evaluation(parser, figure="accuracy", known="images")
    parser.add_argument("--batch-size", type=positive, default=32, help="images classified at once")
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 with one sentence on stderr."""
    options = parse(arguments)
    try:
        print(summary(evaluate(options)), flush=True)
    except (ArtifactError, DatasetError, MeasureError, ChampionError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # A stopped job ends through the finally blocks, so that it leaves nothing half-written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
