"""Train a random forest on a table: the script of SageMaker's training job.

Role: the entry point of one host. Boundary: hyperparameters on the command line, SageMaker's
variables in the environment, channels in folders; metrics on stdout, the model in SM_MODEL_DIR.
A stopped job leaves no model: there is no half of a forest worth having.

    SM_CHANNEL_TRAIN=splits/train SM_CHANNEL_VALIDATION=splits/validation \\
        SM_CHANNEL_DATASET=splits/dataset SM_MODEL_DIR=model python3 train.py --trees 100
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import forest
import inference
import numpy as np
import regression
import replies
from arguments import positive
from failure import report_failure
from table import Dataset, Table, TableError, read_dataset, read_table

CODE = (inference, forest, replies)
"""What the artifact carries, so that it serves by itself."""


@dataclass(frozen=True)
class Hyperparameters:
    """Of the forest; `max_features` is the share of the columns that a split may choose from."""

    trees: int
    min_samples_leaf: int
    max_features: float
    seed: int


def train(hyperparameters: Hyperparameters, environment: Mapping[str, str]) -> dict[str, float]:
    """Fit, measure on both splits, write the artifact; returns the metrics."""
    from sklearn.ensemble import RandomForestRegressor

    folders = {name: Path(environment[f"SM_CHANNEL_{name.upper()}"]) for name in _CHANNELS}
    dataset = read_dataset(folders["dataset"])
    rows = read_table(folders["train"], dataset)
    model = RandomForestRegressor(
        n_estimators=hyperparameters.trees,
        min_samples_leaf=hyperparameters.min_samples_leaf,
        max_features=hyperparameters.max_features,
        random_state=hyperparameters.seed,
        n_jobs=-1,
    )
    model.fit(rows.features, rows.values)
    grown = forest.from_trees([one.tree_ for one in model.estimators_])
    tables = {"train": rows, "validation": read_table(folders["validation"], dataset)}
    metrics = measure(grown, tables)
    importance = dict(zip(dataset.columns, model.feature_importances_.tolist(), strict=True))
    document = {
        "version": 1,
        "columns": list(dataset.columns),
        "target": dataset.target,
        "importance": importance,
        "provenance": provenance(hyperparameters, dataset, metrics),
    }
    export(Path(environment["SM_MODEL_DIR"]), grown, document)
    return metrics


_CHANNELS = ("train", "validation", "dataset")


def measure(grown: forest.Forest, tables: Mapping[str, Table]) -> dict[str, float]:
    """Figures of each split, of the very arrays that will serve."""
    found: dict[str, float] = {}
    for split, table in tables.items():
        figures = regression.quality(table.values, grown.predict(table.features))
        found |= {f"{split}:{name}": figures[name] for name in ("rmse", "mae", "r2")}
    return found


def provenance(
    hyperparameters: Hyperparameters, dataset: Dataset, metrics: Mapping[str, float]
) -> dict[str, Any]:
    """Where the model comes from."""
    import sklearn

    return {
        "hyperparameters": asdict(hyperparameters),
        "data_digest": dataset.digest,
        "metrics": dict(metrics),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }


def export(folder: Path, grown: forest.Forest, document: Mapping[str, Any]) -> None:
    """Write model.npz, model.json and code/ to `folder`."""
    (folder / "code").mkdir(parents=True, exist_ok=True)
    for module in CODE:
        source = Path(str(module.__file__))
        shutil.copyfile(source, folder / "code" / source.name)
    forest.save(grown, folder / "model.npz")
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def line(metrics: Mapping[str, float]) -> str:
    """The line that the job's metric definitions read."""
    return "metrics " + " ".join(f"{name}={value:.8g}" for name, value in metrics.items())


def parse(arguments: Sequence[str]) -> Hyperparameters:
    """The hyperparameters of a command line; argparse exits with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(description="Train a random forest on a table.")
    add = parser.add_argument
    add("--trees", type=positive, default=100)
    add("--min_samples_leaf", type=positive, default=3, help="rows that a leaf keeps at least")
    add("--max_features", type=_part, default=1.0, help="share of the columns a split tries")
    add("--seed", type=int, default=7)
    return Hyperparameters(**vars(parser.parse_args(arguments)))


def _part(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be more than 0 and at most 1, not {text}")
    return value


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The exit status: 0, or 1 with one sentence in the file `failure`."""
    hyperparameters = parse(arguments)
    try:
        print(line(train(hyperparameters, environment)), flush=True)
    except KeyError as error:
        message = f"The variable {error.args[0]} is not set; SageMaker sets it in training jobs."
    except TableError as error:
        message = str(error)
    else:
        return 0
    report_failure(message, Path(environment.get("SM_OUTPUT_DIR", "output")))
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:], os.environ))
