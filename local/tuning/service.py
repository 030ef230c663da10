"""SageMaker's hyperparameter tuning jobs: the actions, and a thread for each job that runs.

The training jobs that a tuning job starts are those of the service next door, handed in as two
calls; their documents in the store say what became of them.
"""

from __future__ import annotations

import copy
import logging
import secrets
import threading
from typing import Any

from local.backend import Action, Backend
from local.errors import in_use, not_found, validation_error
from local.listing import Listing, cut_page
from local.store import Document, DocumentExists, public
from local.tuning import trials
from local.tuning.ending import Ending
from local.tuning.loop import Call, CreateTrainingJob, TuningRun
from local.tuning.request import Plan, read_plan
from local.tuning.training import resource_config, static_hyperparameters
from local.tuning.warmstart import ENDED, IDENTICAL, KIND, best_of_parents, find_parents
from local.tuning.warmstart import observations as known_trials

logger = logging.getLogger(__name__)
EVENT = "SageMaker HyperParameter Tuning Job State Change"
INTERRUPTED = "InternalServerError: the local server stopped while the tuning job ran."
COPIED = ("TrainingJobDefinition", "TrainingJobDefinitions", "WarmStartConfig")
TIMES = ("CreationTime", "LastModifiedTime", "HyperParameterTuningEndTime")

LISTING = Listing(
    answer="HyperParameterTuningJobSummaries",
    name="HyperParameterTuningJobName",
    status="HyperParameterTuningJobStatus",
    summary=(
        "HyperParameterTuningJobName",
        "HyperParameterTuningJobArn",
        "HyperParameterTuningJobStatus",
        "Strategy",
        "CreationTime",
        "HyperParameterTuningEndTime",
        "LastModifiedTime",
        "TrainingJobStatusCounters",
        "ObjectiveStatusCounters",
        "ResourceLimits",
    ),
    default_order="Ascending",
)


class TuningJobs:
    """Create…, Describe…, List…, Stop… and DeleteHyperParameterTuningJob, really executed.

    `create_training_job` takes a CreateTrainingJob request, the tuning job's ARN and what to call
    with each metric value (name, value, time); `call` stops one by StopTrainingJob.
    """

    def __init__(
        self, backend: Backend, create_training_job: CreateTrainingJob, call: Call
    ) -> None:
        self._backend = backend
        self._create_training_job = create_training_job
        self._call = call
        self.actions: dict[str, Action] = {
            "CreateHyperParameterTuningJob": self._create,
            "DescribeHyperParameterTuningJob": self._describe,
            "ListHyperParameterTuningJobs": self._list,
            "StopHyperParameterTuningJob": self._stop,
            "DeleteHyperParameterTuningJob": self._delete,
            "ListTrainingJobsForHyperParameterTuningJob": self._list_training_jobs,
        }

    def recover(self) -> None:
        """Mark tuning jobs that an earlier server left running as Failed, with the reason."""
        for document in self._backend.store.list(KIND, lambda document: not _ended(document)):
            summaries = [_interrupted(summary) for summary in document["_trials"]]
            self._backend.store.set(
                KIND,
                document["HyperParameterTuningJobName"],
                _trials=summaries,
                TrainingJobStatusCounters=trials.status_counters(summaries),
                ObjectiveStatusCounters=trials.objective_counters(summaries),
            )
            self._end(document["HyperParameterTuningJobName"], Ending("Failed", INTERRUPTED))

    # Actions --------------------------------------------------------------------------------

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["HyperParameterTuningJobName"]
        plan = read_plan(request, secrets.randbelow(2**31))
        parents = find_parents(self._backend.store, request, plan)
        document = self._new_document(request, plan)
        try:
            self._backend.store.create(KIND, name, document)
        except DocumentExists as error:
            raise in_use(f"The tuning job '{name}' exists already; choose another name.") from error
        arn: str = document["HyperParameterTuningJobArn"]
        self._backend.tags.attach(arn, document["_tags"])
        self._emit(document)
        threading.Thread(
            target=self._run, args=(name, plan, parents), name=f"tuning {name}", daemon=True
        ).start()
        return {"HyperParameterTuningJobArn": arn}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return public(self._get(request["HyperParameterTuningJobName"]))

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        documents = self._backend.store.list(KIND)
        for document in documents:
            config = document["HyperParameterTuningJobConfig"]
            document |= {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
        return LISTING.respond(documents, {"SortBy": "Name"} | request)

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["HyperParameterTuningJobName"]
        self._get(name)
        document = self._backend.store.update(KIND, name, _begin_to_stop)
        self._emit(document)
        return {}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._get(request["HyperParameterTuningJobName"])
        status = document["HyperParameterTuningJobStatus"]
        if status not in ENDED:
            raise in_use(
                f"The tuning job '{request['HyperParameterTuningJobName']}' is {status}; stop it "
                "before deleting it."
            )
        self._backend.store.delete(KIND, document["HyperParameterTuningJobName"])
        self._backend.tags.remove_all(document["HyperParameterTuningJobArn"])
        return {}

    def _list_training_jobs(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self._get(request["HyperParameterTuningJobName"])
        wanted = request.get("StatusEquals")
        chosen = [s for s in document["_trials"] if wanted in (None, s["TrainingJobStatus"])]
        page, token = cut_page(_sorted(chosen, request), request)
        return {"TrainingJobSummaries": page} | ({"NextToken": token} if token else {})

    # A tuning job's life --------------------------------------------------------------------

    def _run(self, name: str, plan: Plan, parents: list[Document]) -> None:
        run = TuningRun(self._backend, name, plan, self._create_training_job, self._call)
        try:
            ending = run.run(known_trials(parents))
        except Exception as error:  # noqa: BLE001 - the thread's edge: a fault of ours fails the job
            logger.exception("the tuning job %s failed", name)
            run.stop_all()
            reason = f"InternalServerError: the local tuner failed: {type(error).__name__}: {error}"
            ending = Ending("Failed", reason[: trials.LONGEST_REASON])
        self._end(name, ending, parents)

    def _end(self, name: str, ending: Ending, parents: list[Document] | None = None) -> None:
        now = self._backend.now()

        def finish(document: Document) -> None:
            # A stop that came while the last trial ended is still a stop.
            stopped = ending.status == "Completed" and _is_stopping(document)
            document["HyperParameterTuningJobStatus"] = "Stopped" if stopped else ending.status
            document["HyperParameterTuningEndTime"] = document["LastModifiedTime"] = now
            seconds = int(now - document["CreationTime"])
            document["ConsumedResources"] = {"RuntimeInSeconds": seconds}
            if ending.reason:
                document["FailureReason"] = ending.reason
            _compare_with_parents(document, parents or [])

        self._emit(self._backend.store.update(KIND, name, finish))

    def _new_document(self, request: dict[str, Any], plan: Plan) -> Document:
        name, now = request["HyperParameterTuningJobName"], self._backend.now()
        document = {key: copy.deepcopy(request[key]) for key in COPIED if request.get(key)}
        bodies = document.get("TrainingJobDefinitions") or [document["TrainingJobDefinition"]]
        for body, definition in zip(bodies, plan.definitions, strict=True):
            body["StaticHyperParameters"] = static_hyperparameters(definition)
            # The SDK sends HyperParameterTuningResourceConfig, and attaches by ResourceConfig.
            body["ResourceConfig"] = resource_config(body)
        return {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobArn": self._backend.arn(f"hyper-parameter-tuning-job/{name}"),
            "HyperParameterTuningJobConfig": _completed_config(request, plan),
            **document,
            "HyperParameterTuningJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
            "TrainingJobStatusCounters": trials.status_counters([]),
            "ObjectiveStatusCounters": trials.objective_counters([]),
            "_trials": [],
            "_tags": list(request.get("Tags") or []),
        }

    def _get(self, name: str) -> Document:
        document = self._backend.store.find(KIND, name)
        if document is None:
            raise not_found(f"The tuning job '{name}' does not exist.")
        return document

    def _emit(self, document: Document) -> None:
        detail = public(document) | {"Tags": {t["Key"]: t["Value"] for t in document["_tags"]}}
        detail |= {key: int(detail[key] * 1000) for key in TIMES if key in detail}
        self._backend.events.emit(EVENT, detail, [document["HyperParameterTuningJobArn"]])


def _ended(document: Document) -> bool:
    return document["HyperParameterTuningJobStatus"] in ENDED


def _is_stopping(document: Document) -> bool:
    return bool(document["HyperParameterTuningJobStatus"] == "Stopping")


def _begin_to_stop(document: Document) -> None:
    if _ended(document):
        raise validation_error(
            f"The tuning job '{document['HyperParameterTuningJobName']}' has ended already; its "
            f"status is {document['HyperParameterTuningJobStatus']}."
        )
    document["HyperParameterTuningJobStatus"] = "Stopping"


def _interrupted(summary: trials.Summary) -> trials.Summary:
    if trials.is_final(summary):
        return summary
    failed = {"TrainingJobStatus": "Failed", "ObjectiveStatus": "Failed"}
    return summary | failed | {"FailureReason": INTERRUPTED}


def _completed_config(request: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """The request's own, with what was filled in for it: the grid's size, the seed, Off."""
    config: dict[str, Any] = copy.deepcopy(request["HyperParameterTuningJobConfig"])
    config["ResourceLimits"]["MaxNumberOfTrainingJobs"] = plan.jobs
    config.setdefault("TrainingJobEarlyStoppingType", "Off")
    config["RandomSeed"] = plan.seed
    return config


def _compare_with_parents(document: Document, parents: list[Document]) -> None:
    if not parents or document["WarmStartConfig"]["WarmStartType"] != IDENTICAL:
        return
    own = document.get("BestTrainingJob")
    name = {"TuningJobName": document["HyperParameterTuningJobName"]}
    candidates = [*best_of_parents(parents), *([name | own] if own else [])]
    overall = trials.best(candidates)
    if overall:
        document["OverallBestTrainingJob"] = overall


def _sorted(summaries: list[trials.Summary], request: dict[str, Any]) -> list[trials.Summary]:
    """In AWS's order: by name unless told; without an objective there is no place by objective."""
    order = request.get("SortBy", "Name")
    descending = request.get("SortOrder", "Ascending") == "Descending"
    if order == "FinalObjectiveMetricValue":
        known = trials.succeeded(summaries)
        return sorted(known, key=trials.objective_value, reverse=descending)
    keys = {"CreationTime": "CreationTime", "Status": "TrainingJobStatus"}
    key = keys.get(order, "TrainingJobName")
    return sorted(summaries, key=lambda summary: summary[key], reverse=descending)
