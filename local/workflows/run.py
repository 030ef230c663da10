"""One execution in progress: moto's interpreter in threads of its own, and what ends it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramTimedOut
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from local.workflows.history import History
from local.workflows.times import iso_8601

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What is to be run."""

    execution_arn: str
    name: str
    machine_arn: str
    machine_name: str
    kind: str
    definition: str
    role: str
    text: str
    input: Any
    started: float
    account: str
    region: str

    def context(self) -> dict[str, Any]:
        """The context object, `$$` of a definition."""
        return {
            "Execution": {
                "Id": self.execution_arn,
                "Input": self.input,
                "Name": self.name,
                "RoleArn": self.role,
                "StartTime": iso_8601(datetime.fromtimestamp(self.started, timezone.utc)),
                "RedriveCount": 0,
            },
            "StateMachine": {"Id": self.machine_arn, "Name": self.machine_name},
        }


class Run:
    """Starts an execution, and can end it early. The history's last event says how it ended."""

    def __init__(self, order: Order, history: History, activities: dict[str, Any]) -> None:
        self.order = order
        self.history = history
        self._place = EventHistoryContext.of_program_start()
        self._beginning = threading.Lock()
        self.environment = Environment(
            aws_execution_details=AWSExecutionDetails(order.account, order.region, order.role),
            execution_type=order.kind,
            context=order.context(),
            event_history_context=self._place,
            cloud_watch_logging_session=None,
            activity_store=activities,
        )
        self.environment.event_manager = history

    def start(self) -> None:
        """Record the start and interpret in the background."""
        self.history.add_event(
            self._place,
            "ExecutionStarted",
            {
                "executionStartedEventDetails": {
                    "input": self.order.text,
                    "inputDetails": {"truncated": False},
                    "roleArn": self.order.role,
                }
            },
            update_source_event_id=False,
        )
        name = f"execution-{self.order.name}"
        threading.Thread(target=self._interpret, name=name, daemon=True).start()

    def stop(self, error: str | None, cause: str | None) -> None:
        """End as ABORTED at once; what is still on its way comes to nothing."""
        said = {"error": error, "cause": cause}
        details = {key: text for key, text in said.items() if text is not None}
        self.history.end("ExecutionAborted", details)
        self.unwind()

    def unwind(self) -> None:
        """Wake every thread that still waits in this execution, so that it finds its end."""
        with self._beginning:
            self.environment.set_stop(stop_date=None, cause=None, error=None)
        for endpoint in list(self.environment.callback_pool_manager._pool.values()):
            endpoint.interrupt_all()

    def _interpret(self) -> None:
        try:
            program, _ = AmazonStateLanguageParser.parse(self.order.definition)
            with self._beginning:
                if self.history.ended.is_set():
                    return  # stopped before it began
                self.environment.next_state_name = program.start_at.start_at_name
            program.eval(self.environment)
            if isinstance(self.environment.program_state(), ProgramTimedOut):
                self.history.end("ExecutionTimedOut", {})
        except Exception as error:
            # The edge of a thread: a fault of the interpreter ends this execution and no other.
            if not self.history.ended.is_set():
                logger.exception("the execution %s failed", self.order.execution_arn)
            cause = f"{type(error).__name__}: {error}"
            self.history.end("ExecutionFailed", {"error": "States.Runtime", "cause": cause})
        finally:
            if not self.history.ended.is_set():
                cause = "The interpreter ended without an outcome."
                self.history.end("ExecutionFailed", {"error": "States.Runtime", "cause": cause})
            self.unwind()
