"""The options of Evaluate that do not depend on the kind of model.

Boundary: a parser in, with more options out. Apart from `arguments`, so that a change here leaves
the code packages of the other steps alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from arguments import positive, share


def add_evaluation(parser: argparse.ArgumentParser, figure: str, known: str) -> None:
    """Add them; `figure` is what models are compared by, `known` what smoke tests ask about."""
    add = parser.add_argument
    add("--model", type=Path, required=True, help="folder with model.tar.gz")
    add("--test", type=Path, required=True, help="the test split's folder")
    add("--dataset", type=Path, required=True, help="the folder with dataset.json")
    add("--output", type=Path, required=True, help="folder for the report and the samples")
    add("--model-package-group", default="", help="where to look for an approved champion")
    add("--champion-tolerance", type=share, default=0.0, help=f"{figure} it may be better by")
    add("--latency-samples", type=positive, default=50, help="single requests to time")
    add("--smoke-samples", type=positive, default=8, help=f"known {known} to keep for smoke tests")
