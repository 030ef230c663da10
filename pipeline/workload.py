"""What a kind of model brings to the compilation: parameters, steps, their code and image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.context import Context
from settings import Settings


@dataclass(frozen=True)
class Graph:
    """The pipeline of one kind of model.

    `code` names the steps that need a code package; `steps` gives the SDK's steps in their order.
    """

    parameters: Callable[[Settings], dict[str, Any]]
    steps: Callable[[Context], list[Any]]
    code: tuple[str, ...]
    framework: str  # of the jobs' image: pytorch or sklearn
