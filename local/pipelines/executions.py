"""Executions of pipelines: start, describe, list, stop, retry, update, and their recovery."""

from __future__ import annotations

import threading
from typing import Any

from local.backend import Backend
from local.errors import not_found, validation_error
from local.iam.caller import SAGEMAKER, caller
from local.listing import Listing, cut_page
from local.pipelines import parameters
from local.pipelines.attribution import in_the_name_of
from local.pipelines.catalog import Catalog
from local.pipelines.definition import Definition
from local.pipelines.execution import Execution, Ports, new_id
from local.pipelines.loading import DefinitionFault, load
from local.pipelines.parameters import ParameterFault
from local.pipelines.records import EXECUTION, RUNNING, Records
from local.pipelines.values import Scope, ValueFault, resolve
from local.store import Document, public

LOST = "InternalServerError: the local server stopped while the execution ran."
STEP_LOST = "InternalServerError: the local server stopped while the step ran."
EXECUTIONS = Listing(
    answer="PipelineExecutionSummaries",
    name="PipelineExecutionArn",
    summary=(
        "PipelineExecutionArn",
        "StartTime",
        "PipelineExecutionStatus",
        "PipelineExecutionDescription",
        "PipelineExecutionDisplayName",
        "PipelineExecutionFailureReason",
    ),
)


class Executions:
    """The actions on executions; the only owner of running Execution objects."""

    def __init__(self, backend: Backend, records: Records, catalog: Catalog, ports: Ports) -> None:
        self._backend = backend
        self._records = records
        self._catalog = catalog
        self._ports = ports
        self._running: dict[str, Execution] = {}
        self._starting = threading.Lock()
        self.actions = {
            "StartPipelineExecution": self._start,
            "DescribePipelineExecution": self._describe,
            "ListPipelineExecutions": self._list,
            "ListPipelineExecutionSteps": self._list_steps,
            "ListPipelineParametersForExecution": self._list_parameters,
            "DescribePipelineDefinitionForExecution": self._describe_definition,
            "StopPipelineExecution": self._stop,
            "RetryPipelineExecution": self._retry,
            "UpdatePipelineExecution": self._update,
        }

    def recover(self) -> None:
        """End what ran when the server died: Failed, or Stopped where a stop was under way."""
        for execution in self._records.executions():
            status = execution["PipelineExecutionStatus"]
            arn = execution["PipelineExecutionArn"]
            if status not in ("Executing", "Stopping"):
                continue
            ended = "Stopped" if status == "Stopping" else "Failed"
            for step in self._records.steps(arn):
                if step["StepStatus"] in RUNNING:
                    self._records.end_step(arn, step["StepName"], ended, FailureReason=STEP_LOST)
            self._records.change_execution(arn, ended, LOST if ended == "Failed" else None)

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        pipeline = self._catalog.get(request["PipelineName"])
        with self._starting:
            arn = self._started_before(pipeline["PipelineName"], request.get("ClientRequestToken"))
            if arn is None:
                arn = self._start_new(pipeline, request)
        return {"PipelineExecutionArn": arn}

    def _started_before(self, name: str, token: str | None) -> str | None:
        if token is None:
            return None
        same = [e for e in self._records.executions(name) if e["_Token"] == token]
        return str(same[0]["PipelineExecutionArn"]) if same else None

    def _start_new(self, pipeline: Document, request: dict[str, Any]) -> str:
        name, now = pipeline["PipelineName"], self._backend.now()
        version = self._catalog.version(name, request.get("PipelineVersionId"))
        definition = _load(version["PipelineDefinition"])
        values = _bind(definition, request)
        selection = request.get("SelectiveExecutionConfig")
        selected, source = self._check_selection(definition, selection)
        execution_id = new_id()
        arn = f"{pipeline['PipelineArn']}/execution/{execution_id}"
        document = {
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineExecutionArn": arn,
            "PipelineExecutionDisplayName": f"execution-{int(now * 1000)}",
            "PipelineExecutionStatus": "Executing",
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": {},
            "LastModifiedBy": {},
            "PipelineVersionId": version["PipelineVersionId"],
            "_Pipeline": name,
            "_Role": pipeline.get("RoleArn", ""),
            "_Definition": version["PipelineDefinition"],
            "_Parameters": values,
            "_SelectedSteps": sorted(selected) or None,
            "_Token": request.get("ClientRequestToken"),
        }
        document |= _chosen(request, pipeline)
        document |= _experiment(definition, name, execution_id, values)
        self._records.create_execution(arn, document)
        self._copy_results(definition, selected, source, arn)
        self._catalog.mark_run(name, now)
        self._run(arn, definition)
        return arn

    def _run(self, arn: str, definition: Definition) -> None:
        document = self._records.execution(arn)
        someone = caller(document.get("_Role", ""), f"pipeline-{document['_Pipeline']}", SAGEMAKER)
        ports = in_the_name_of(someone, self._backend.calls, self._ports)
        execution = Execution(self._backend, self._records, ports, arn, definition)
        self._running[arn] = execution
        execution.start(then=lambda: self._ended(arn, execution))

    def _ended(self, arn: str, execution: Execution) -> None:
        if self._running.get(arn) is execution:  # a retry may have taken its place already
            del self._running[arn]

    def _check_selection(
        self, definition: Definition, config: dict[str, Any] | None
    ) -> tuple[frozenset[str], str | None]:
        """The selected steps and the execution that gives what they need; raises ApiError."""
        if config is None:
            return frozenset(), None
        selected = frozenset(each["StepName"] for each in config["SelectedSteps"])
        unknown = sorted(selected - definition.steps.keys())
        if unknown:
            raise validation_error(
                f"There is no step {unknown[0]}; there are: {', '.join(definition.steps)}."
            )
        source = config.get("SourcePipelineExecutionArn")
        needed = _needed(definition, selected)
        if needed and source is None:
            raise validation_error(
                f"Invalid SourcePipelineExecutionArn: null. The selected steps {sorted(selected)} "
                f"have dependencies on {needed}"
            )
        for name in needed:
            step = self._records.step(str(source), name)
            if step is None or step["StepStatus"] != "Succeeded":
                raise validation_error(
                    f"The selected steps need {name}, which did not succeed in {source}."
                )
        return selected, source

    def _copy_results(
        self, definition: Definition, selected: frozenset[str], source: str | None, arn: str
    ) -> None:
        for name in _needed(definition, selected) if source else []:
            original = self._records.step(str(source), name)
            if original is None:
                raise not_found(f"The step {name} of {source} is gone.")
            self._records.begin_step(arn, definition.steps[name])
            self._records.end_step(
                arn,
                name,
                "Succeeded",
                Metadata=original["Metadata"],
                SelectiveExecutionResult={"SourcePipelineExecutionArn": source},
            )

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return public(self._records.execution(request["PipelineExecutionArn"]))

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        pipeline = self._catalog.get(request["PipelineName"])
        found = self._records.executions(pipeline["PipelineName"])
        for document in found:
            document["StartTime"] = document["CreationTime"]
            if "FailureReason" in document:
                document["PipelineExecutionFailureReason"] = document["FailureReason"]
        return EXECUTIONS.respond(found, request)

    def _list_steps(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = self._records.execution(request["PipelineExecutionArn"])["PipelineExecutionArn"]
        steps = [public(step) for step in self._records.steps(arn)]
        if request.get("SortOrder", "Descending") == "Descending":
            steps.reverse()
        page, token = cut_page(steps, request)
        return {"PipelineExecutionSteps": page} | ({"NextToken": token} if token else {})

    def _list_parameters(self, request: dict[str, Any]) -> dict[str, Any]:
        values = self._records.execution(request["PipelineExecutionArn"])["_Parameters"]
        pairs = [{"Name": k, "Value": parameters.written(v)} for k, v in values.items()]
        page, token = cut_page(pairs, request)
        return {"PipelineParameters": page} | ({"NextToken": token} if token else {})

    def _describe_definition(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._records.execution(request["PipelineExecutionArn"])
        return {
            "PipelineDefinition": execution["_Definition"],
            "CreationTime": execution["CreationTime"],
        }

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PipelineExecutionArn"]
        self._records.change_execution(arn, "Stopping", only_from=("Executing",))
        execution = self._running.get(arn)
        if execution is not None:
            execution.stop()
        return {"PipelineExecutionArn": arn}

    def _retry(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PipelineExecutionArn"]
        execution = self._records.change_execution(
            arn, "Executing", only_from=("Failed", "Stopped")
        )
        undone = [s for s in self._records.steps(arn) if s["StepStatus"] != "Succeeded"]
        self._records.forget_steps(arn, [step["StepName"] for step in undone])
        if "ParallelismConfiguration" in request:
            self._update(request)
        self._run(arn, _load(execution["_Definition"]))
        return {"PipelineExecutionArn": arn}

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PipelineExecutionArn"]
        self._records.execution(arn)
        self._backend.store.set(EXECUTION, arn, **_chosen(request, {}))
        return {"PipelineExecutionArn": arn}


def _load(text: str) -> Definition:
    try:
        return load(text)
    except DefinitionFault as fault:
        raise validation_error(str(fault)) from fault


def _bind(definition: Definition, request: dict[str, Any]) -> dict[str, Any]:
    given = {each["Name"]: each["Value"] for each in request.get("PipelineParameters") or []}
    try:
        return parameters.bind(definition.parameters, given)
    except ParameterFault as fault:
        raise validation_error(str(fault)) from fault


def _needed(definition: Definition, selected: frozenset[str]) -> list[str]:
    """The steps outside the selection whose properties the selected ones read."""
    wanted = {name for step in selected for name in definition.steps[step].data_from}
    return [name for name in definition.steps if name in wanted - selected]


CHOSEN = (
    "PipelineExecutionDisplayName",
    "PipelineExecutionDescription",
    "ParallelismConfiguration",
    "SelectiveExecutionConfig",
)


def _chosen(request: dict[str, Any], pipeline: Document) -> Document:
    inherited = {k: v for k, v in pipeline.items() if k == "ParallelismConfiguration"}
    return inherited | {key: request[key] for key in CHOSEN if key in request}


def _experiment(
    definition: Definition, name: str, execution_id: str, values: dict[str, Any]
) -> Document:
    """The names of the experiment and trial; recorded, though nothing is tracked there here."""
    variables = {"PipelineName": name, "PipelineExecutionId": execution_id}
    scope = Scope(values, variables)
    try:
        resolved = resolve(definition.experiment, scope)
    except ValueFault as fault:
        raise validation_error(f"PipelineExperimentConfig: {fault}") from fault
    return {"PipelineExperimentConfig": resolved} if resolved else {}
