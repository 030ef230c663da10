"""Repairs of what the interpreter keeps or logs for nobody."""

from __future__ import annotations

import logging
from typing import Any

from moto.stepfunctions.parser import utils
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent

from local.workflows.interpreter.replacing import replace_everywhere


class Forgetful(list[Any]):
    """A list that keeps nothing."""

    def append(self, item: Any) -> None:
        return


def forget_threads() -> None:
    """moto keeps every thread that it ever started, with all that those hold."""
    replace_everywhere("TMP_THREADS", utils.TMP_THREADS, Forgetful())


def log_no_failures() -> None:
    """moto logs each failure once for every level of the definition, with all its components."""

    def say_nothing(component: Any, *exception: Any, **named: Any) -> None:
        return

    EvalComponent._log_failure_event_exception = say_nothing
    EvalComponent._log_exception = say_nothing
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)


REPAIRS = (forget_threads, log_no_failures)
