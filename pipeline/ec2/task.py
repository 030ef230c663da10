"""What one instance does: the pipeline's steps without its tuning, in one document.

The hyperparameters that the pipeline tunes have the settings' values here, or those that are given.
The instance records no features: its role may write nothing but its own files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from errors import BreedlineError
from pipeline.ec2.references import reduce
from pipeline.parameters import start_parameters
from settings import Settings
from settings.workload import IMAGES
from statemachine.names import Names

TUNED = re.compile(r"Steps\.Tune\.BestTrainingJob\.TunedHyperParameters\['(\w+)'\]")
# Folders of the containers -> where the same lies on one machine, which Prepare wrote it on.
SPLITS = "/opt/ml/processing/output/splits"
MOVED = {
    "/opt/ml/processing/input/test": f"{SPLITS}/test/S3Prefix",
    "/opt/ml/processing/input/dataset": f"{SPLITS}/dataset",
}
LEFT_OUT = (  # options of Prepare, each with a value
    *("--feature-group", "--online-store"),
    *("--embedding-backbone", "--embedding-image-size", "--embedding-weights"),
)
OWN = ("sagemaker_", "_")  # hyperparameters that are not the script's


@dataclass(frozen=True)
class Training:
    """One training, by name: its place in the bucket, where its instance reads and writes."""

    settings: Settings
    name: str

    @property
    def key(self) -> str:
        """The prefix of all that this training writes."""
        return f"executions/ec2/{self.name}"

    @property
    def place(self) -> str:
        return f"s3://{self.settings.bucket}/{self.key}"


def compile_task(
    training: Training, definition: Mapping[str, Any], values: Mapping[str, str]
) -> dict[str, Any]:
    """The instance's task, from a pipeline's definition and the parameters that a user gives.

    Raises BreedlineError for parameters that the definition does not allow, and for a pipeline
    that trains no image classifier.
    """
    settings = training.settings
    if settings.workload.kind != IMAGES:
        raise BreedlineError(
            f"The workload.kind is '{settings.workload.kind}', and ec2-train trains '{IMAGES}' "
            "only; `python definitions.py start` trains the others."
        )
    known = _Known(training, _parameters(definition, values))
    steps = {step["Name"]: step["Arguments"] for step in definition["Steps"]}
    gate = steps["Gate"]
    register = next(step for step in gate["IfSteps"] if step["Name"] == "Register")
    reject = next(step for step in gate["ElseSteps"] if step["Name"] == "Reject")
    prepare, train = _script(steps["Prepare"], known), _train(steps["Train"], known)
    return {
        "name": training.name,
        "place": training.place,
        "log": {"group": Names(settings).ec2_logs, "stream": training.name},
        "data": known("Parameters.InputDataUri"),
        "pretrained": settings.model.pretrained_uri,
        "prepare": prepare,
        "train": train,
        # Of the work and not of the name: a later training goes on where an earlier one was lost.
        "checkpoints": f"s3://{settings.bucket}/executions/ec2/checkpoints/"
        + _digest(known("Parameters.InputDataUri"), prepare, train),
        "evaluate": _script(steps["Evaluate"], known),
        "gate": {
            "conditions": reduce(_conditions(gate), known),
            "message": reduce(reject["Arguments"]["ErrorMessage"], known),
        },
        "register": _register(register["Arguments"], known, training),
    }


@dataclass(frozen=True)
class _Known:
    """What the references of a definition mean here."""

    training: Training
    parameters: Mapping[str, Any]

    def __call__(self, reference: str) -> Any:
        kind, _, name = reference.partition(".")
        place = self.training.place
        if kind == "Parameters":
            return self.parameters[name]
        if tuned := TUNED.fullmatch(reference):
            return str(getattr(self.training.settings.model, tuned[1]))
        if reference == "Steps.Train.ModelArtifacts.S3ModelArtifacts":
            return f"{place}/train/model.tar.gz"
        if reference.startswith("Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation']"):
            return f"{place}/evaluate"
        if reference.startswith("Execution."):
            return self.training.name
        raise BreedlineError(
            f"The deployed pipeline refers to {reference}, which no single instance knows; run "
            "`python definitions.py upsert` with this version of the project."
        )


def _parameters(definition: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """All parameters' values; images are copied, because a manifest would be fetched again."""
    given = {item["Name"]: item["Value"] for item in start_parameters(definition, values)}
    found = {item["Name"]: item.get("DefaultValue") for item in definition["Parameters"]}
    kinds = {item["Name"]: item["Type"] for item in definition["Parameters"]}
    for name, value in given.items():
        found[name] = value if kinds[name] == "String" else json.loads(value)
    return {**found, "TrainingDataType": "S3Prefix"}


def _script(arguments: Mapping[str, Any], known: _Known) -> dict[str, Any]:
    """A processing step: its code's prefix, the script's name, its options."""
    specification = arguments["AppSpecification"]
    code = next(one for one in arguments["ProcessingInputs"] if one["InputName"] == "code")
    options = reduce(specification["ContainerArguments"], known)
    kept: list[str] = []
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name not in LEFT_OUT:
            kept += [name, MOVED.get(value, value)]
    return {
        "code": code["S3Input"]["S3Uri"],
        "program": specification["ContainerEntrypoint"][-1].rpartition("/")[2],
        "arguments": kept,
    }


def _train(arguments: Mapping[str, Any], known: _Known) -> dict[str, Any]:
    encoded = reduce(arguments["HyperParameters"], known)
    decoded = {name: _decode(value) for name, value in encoded.items()}
    return {
        "code": decoded["sagemaker_submit_directory"],
        "program": decoded["sagemaker_program"],
        "hyperparameters": {
            name: str(value) for name, value in decoded.items() if not name.startswith(OWN)
        },
    }


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _decode(value: str) -> Any:
    """SageMaker's hyperparameters are JSON; what is not JSON is meant as it stands."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _conditions(gate: Mapping[str, Any]) -> list[list[Any]]:
    """Pairs of which the first is to be at least the second."""
    if any(one["Type"] != "GreaterThanOrEqualTo" for one in gate["Conditions"]):
        raise BreedlineError(
            "The deployed pipeline's gate compares otherwise than by GreaterThanOrEqualTo; run "
            "`python definitions.py upsert` with this version of the project."
        )
    return [[one["LeftValue"], one["RightValue"]] for one in gate["Conditions"]]


def _register(arguments: Mapping[str, Any], known: _Known, training: Training) -> dict[str, Any]:
    """The request of CreateModelPackage, which no execution of the pipeline stands behind."""
    request: dict[str, Any] = reduce(arguments, known)
    found = request["CustomerMetadataProperties"]
    found.pop("pipeline_execution_arn", None)
    found["ec2_training"] = training.name
    return request
