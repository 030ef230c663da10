"""The sections that say which kind of model an environment is for, and describe the second kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic.dataclasses import dataclass

from settings.checks import text, within
from settings.types import CHECKED, Fraction, Seed

IMAGES = "image-classification"
TABULAR = "tabular-regression"


@dataclass(frozen=True, config=CHECKED)
class Workload:
    """The kind of model: which steps make it, and which requests it answers."""

    kind: Literal["image-classification", "tabular-regression"] = "image-classification"


@dataclass(frozen=True, config=CHECKED)
class Regression:
    """A random forest that foretells one column of a table from the others."""

    target: Annotated[str, text(r"[\w .-]{1,64}", "a column's name, at most 64 characters")] = (
        "price"
    )
    trees: Annotated[int, within(1, 10_000)] = 100
    min_samples_leaf: Annotated[int, within(1, 1_000_000)] = 3
    max_features: Annotated[float, within(0.01, 1.0)] = 0.5
    seed: Seed = 7
    r2_threshold: Fraction = 0.7


# What a kind has no use for: a section, or one key of it. Written all the same, it would be
# obeyed by nothing, and nobody would be told.
FOREIGN: dict[str, tuple[str, ...]] = {
    IMAGES: ("regression",),
    TABULAR: (
        *("data", "features", "model", "debugger", "tuning", "spot"),
        *("images.training_version", "images.training_python"),
        "pipeline.accuracy_threshold",
        "prepare.min_images_per_class",
        "training.instance_count",  # scikit-learn trains on one host
        "evaluate.batch_size",
        "endpoint.url_allow_list",
        "alarms.min_confidence",  # a regression has no probability
    ),
}
