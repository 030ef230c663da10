"""The kinds of models, and what each brings beside the machinery that all share.

The table is all there is: settings choose a row of it by name and can name nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from commands.images import IMAGES as IMAGE_USAGE
from commands.usage import Usage
from examples.tabular.pipeline import GRAPH as TABULAR_GRAPH
from examples.tabular.usage import USAGE as TABULAR_USAGE
from pipeline.definition import IMAGES as IMAGE_GRAPH
from pipeline.workload import Graph
from settings import Settings
from settings.workload import IMAGES, TABULAR
from statemachine.functions.packages import SOURCES, sources_of

ROOT = Path(__file__).resolve().parent
STEPS = ROOT / "steps"
TABULAR_FOLDER = ROOT / "examples" / "tabular"


@dataclass(frozen=True)
class Workload:
    """One kind of model.

    `steps` holds the scripts of its jobs, and the modules that it shares with others lie in
    STEPS; `functions` names the files of each Lambda function.
    """

    graph: Graph
    steps: Path
    functions: Mapping[str, tuple[Path, ...]]
    usage: Usage


WORKLOADS: Mapping[str, Workload] = {
    IMAGES: Workload(IMAGE_GRAPH, STEPS, SOURCES, IMAGE_USAGE),
    TABULAR: Workload(
        TABULAR_GRAPH,
        TABULAR_FOLDER / "steps",
        sources_of(TABULAR_FOLDER / "functions"),
        TABULAR_USAGE,
    ),
}


def workload_of(settings: Settings) -> Workload:
    """The row that the settings choose."""
    return WORKLOADS[settings.workload.kind]
